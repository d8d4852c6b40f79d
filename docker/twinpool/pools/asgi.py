"""The ASGI pool's application, which the server imports: one entry for HTTP and sockets, and its life."""

import asyncio
import contextlib
import functools
import logging
from typing import Any

from twinpool import log
from twinpool.handover import arrival
from twinpool.pools import asgi_http, asgi_own, asgi_socket, counters, local, starting
from twinpool.pools.admission import Places
from twinpool.pools.answer import Receive, Send
from twinpool.pools.drain import Drain, Sign
from twinpool.pools.health import Health, Local
from twinpool.pools.threads import Threads
from twinpool.project.loading import Project
from twinpool.static.files import StaticFiles

logger = logging.getLogger("twinpool.asgi")
# Threads besides those of synchronous requests: for the short steps of asynchronous ones (a middleware, a query), so
# that slow pages do not stop them.
RESERVE = 4
LAG_STEP = 0.25  # seconds between two looks at the event loop's lateness
LAG_STEPS = 20  # looks that a figure is the worst of


class Application:
    """One process of the ASGI pool; made on its event loop."""

    def __init__(self, project: Project) -> None:
        environment = project.environment
        self.environment = environment
        self.http = project.asgi_http()
        self.websocket: Any = project.asgi_websocket()
        self.static = StaticFiles.for_project(project)
        self.memory = starting.memory(environment)
        self.places = Places(environment.asgi_threads)
        self.threads = Threads(environment.asgi_threads + RESERVE, clean_connections)
        self.drain = Drain(Sign(environment.run), environment.drain_window, environment.socket_age)
        self.sockets: set[asgi_socket.Socket] = set()
        self.health = Health(environment)
        self.endpoints = local.Endpoints(self.health, starting.probes(environment), self.here)
        self.lag = 0.0
        counters.sync_capacity.set(self.places.limit)
        counters.release.labels(environment.release, "asgi").set(1)

    @property
    def full(self) -> bool:
        """Whether no further socket is admitted."""
        return len(self.sockets) >= self.environment.sockets

    def here(self) -> Local:
        """What this process knows of itself, for its readiness."""
        held = {"sockets": len(self.sockets), "streams": len(self.drain.held) - len(self.sockets & self.drain.held)}
        return Local(self.drain.state, self.full, self.lag, {**held, "sync_requests": self.places.taken})

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "lifespan":
            return await self.live(receive, send)
        came = arrival.from_scope(scope)
        log.request_id.set(came.request_id)
        scheme = came.scheme if scope["type"] == "http" else came.scheme.replace("http", "ws", 1)
        port = (scope.get("client") or ("", 0))[1]
        scope = {**scope, "client": (came.remote, port), "scheme": scheme}
        if scope["type"] == "websocket":
            return await asgi_socket.respond(self, came, scope, receive, send)
        if came.path.startswith(local.PREFIX):
            return await asgi_own.respond(self, came, receive, send)
        return await asgi_http.respond(self, came, scope, receive, send)

    async def live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol, which Django answers with an error."""
        await receive()
        self.health.start()
        tasks = [asyncio.create_task(self.drain.watch()), asyncio.create_task(self.measure_lag())]
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
        await send({"type": "lifespan.shutdown.complete"})

    async def measure_lag(self) -> None:
        """Keep the worst lateness of the event loop over the last seconds, until cancelled."""
        loop = asyncio.get_running_loop()
        late = [0.0] * LAG_STEPS
        while True:
            began = loop.time()
            await asyncio.sleep(LAG_STEP)
            late = [*late[1:], loop.time() - began - LAG_STEP]
            self.lag = max(late)
            counters.loop_lag.set(self.lag)
            counters.sync_requests.set(self.places.taken)
            counters.sockets.set(len(self.sockets))


def clean_connections(force: bool) -> bool:
    """Give the calling thread's database connections back; False where one is in a transaction and not `force`d."""
    from django.db import connections

    from twinpool.settings.database import give_back

    give_back()
    left = [one for one in connections.all(initialized_only=True) if one.connection is not None or one.in_atomic_block]
    if force:
        for one in left:
            one.close()  # its pool rolls back
            del connections[one.alias]  # the wrapper would go on thinking that it is in the transaction
    return force or not left


@functools.cache
def _warn_of_synchronous_middleware() -> None:
    """A middleware that is synchronous only holds a thread around each asynchronous view: worth a line."""
    from django.conf import settings
    from django.utils.module_loading import import_string

    for path in settings.MIDDLEWARE:
        if not getattr(import_string(path), "async_capable", False):
            logger.warning(
                "the middleware %s is synchronous only: every request holds a thread, asynchronous views too", path
            )


def make() -> Application:
    """The application of this process; uvicorn calls it on its event loop (`--factory twinpool.pools.asgi:make`)."""
    application = starting.begin(Application, "uvicorn", "uvicorn.error")
    _warn_of_synchronous_middleware()
    return application
