"""The WSGI pool's application, which the server imports: static files, probes, hand-over, then the project."""

import functools
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, cast

from whitenoise.base import WhiteNoise

from twinpool import log
from twinpool.handover import arrival, visit
from twinpool.handover.arrival import Arrival
from twinpool.pools import answer, counters, local, starting
from twinpool.pools.admission import Share
from twinpool.pools.drain import Sign
from twinpool.pools.health import Health, Local
from twinpool.pools.wsgi_answer import PieceByPiece, read_to_end, send_slowly, skip_body, to_project
from twinpool.project.loading import Project
from twinpool.static.files import StaticFiles

logger = logging.getLogger("twinpool.wsgi")
Environ = dict[str, Any]
Start = Callable[..., Any]


class Application:
    """One process of the WSGI pool."""

    def __init__(self, project: Project) -> None:
        environment = project.environment
        self.environment = environment
        self.project = project.wsgi_application()
        self.static = StaticFiles.for_project(project)
        self.memory = starting.memory(environment)
        self.share = Share(environment.threads, environment.sync_streams)
        self.sign = Sign(environment.run)
        self.health = Health(environment)
        self.endpoints = local.Endpoints(self.health, starting.probes(environment), self.here)
        self._watching = threading.Lock()
        counters.stream_capacity.set(self.share.limit)
        counters.release.labels(environment.release, "wsgi").set(1)

    def here(self) -> Local:
        """What this process knows of itself, for its readiness."""
        return Local(state=self.sign.order().state, figures={"sync_streams": self.share.taken})

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """PEP 3333."""
        came = arrival.from_environ(environ)
        log.request_id.set(came.request_id)
        environ["REMOTE_ADDR"], environ["wsgi.url_scheme"] = came.remote, came.scheme
        if came.path.startswith(local.PREFIX):
            return self._own(came, environ, start_response)
        if self.static and (file := self.static.find(came.path)):
            return cast("Iterable[bytes]", WhiteNoise.serve(file, environ, start_response))
        here = visit.entered(came, self.environment.pools, self.memory)
        if hop := visit.hop_at_entry(here):
            here.hop = hop
            return self._hand_over(here, environ, start_response)
        environ[visit.KEY] = here
        result, status, headers = to_project(self.project, environ, self._below_static(came))
        if here.hop:
            _close(result)
            return self._hand_over(here, environ, start_response)
        if getattr(result, "streaming", True) is False:  # a stream may still read what was sent
            skip_body(environ)
        if here.streaming:
            return self._stream(here, result, status, headers, start_response)
        start_response(status, headers)
        return cast("Iterable[bytes]", result)

    def _own(self, came: Arrival, environ: Environ, start_response: Start) -> Iterable[bytes]:
        probes = self.endpoints.probes
        if probes.trickles(came):
            return send_slowly(start_response, probes.pause(came))
        if pause := probes.pause(came):
            threading.Event().wait(pause)
        body = functools.cache(lambda: read_to_end(environ))
        made = self.endpoints.answer(came, body)
        body()  # an unread body would make the server close the edge's connection
        return answer.to_wsgi(made, start_response, head=came.method == "HEAD")

    def _hand_over(self, here: visit.Visit, environ: Environ, start_response: Start) -> Iterable[bytes]:
        # Answered early, gunicorn closes, and 15 to 65 % of POSTs from 100 kB up become 502.
        skip_body(environ)
        assert here.hop is not None  # noqa: S101 - for mypy
        counters.hops.labels(here.hop, here.name).inc()
        return answer.to_wsgi(answer.hop(here.hop), start_response)

    def _stream(
        self, here: visit.Visit, result: Any, status: str, headers: list[tuple[str, str]], start_response: Start
    ) -> Iterable[bytes]:
        if here.arrival.method == "HEAD":
            _close(result)
            start_response(status, headers)
            return []
        if not self.share.take():
            _close(result)
            counters.refused.labels("stream", "threads").inc()
            if log.seldom(f"stream {here.name}"):
                logger.warning(
                    "%s: refused, since %d synchronous streams hold their threads already. Make the view asynchronous, "
                    "or raise TWINPOOL_THREADS or TWINPOOL_SYNC_STREAMS.",
                    here.name,
                    self.share.limit,
                )
            return answer.to_wsgi(answer.busy("too many streams"), start_response)
        counters.streams.labels("sync").inc()
        piece = PieceByPiece(result, self.sign, self._left, headers, self.environment.socket_age)
        start_response(status, piece.headers)
        return piece

    def _left(self) -> None:
        counters.streams.labels("sync").dec()
        self.share.leave()

    def _below_static(self, came: Arrival) -> bool:
        return self.static is not None and self.static.below(came.path)


def _close(result: Any) -> None:
    if close := getattr(result, "close", None):
        close()


def make() -> Application:
    """The application of this process; gunicorn calls it (`twinpool.pools.wsgi:make()`) in each worker."""
    application = starting.begin(Application, "gunicorn.error")
    application.health.start()
    return application
