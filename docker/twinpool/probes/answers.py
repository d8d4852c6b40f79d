"""The probes `/-/probe/…`: what conformance and `twinpool hold` ask of any deployment. Answered before the project.

They answer only to the deployment's secret; without it, an unknown path's 404. Sockets and streams are in
probe_sockets, since only the ASGI pool has them.
"""

import hashlib
import hmac
import json
import logging
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twinpool.environment import Environment
from twinpool.handover import decision as handover
from twinpool.handover.arrival import Arrival
from twinpool.handover.decision import Hop
from twinpool.pools import answer, counters
from twinpool.pools.answer import Answer
from twinpool.probes.log import Log

logger = logging.getLogger("twinpool.probes")
PREFIX = "/-/probe/"
MOST_TEXT = 10_000  # characters of a published text; a hold's are short
SLOWEST = 30.0  # seconds


class Probes:
    """The probes of one process. `log` numbers and keeps what is published."""

    def __init__(self, environment: Environment, log: Callable[[], Log], secret: bytes) -> None:
        self.environment = environment
        self.log = log
        self._secret = secret

    def allowed(self, arrival: Arrival) -> bool:
        """Whether the request proves the probe secret; compared in a time that tells nothing of it."""
        given = arrival.header("x-twinpool-probe").encode("latin-1", "replace")
        return bool(self._secret) and hmac.compare_digest(given, self._secret)

    def who(self, arrival: Arrival) -> dict[str, Any]:
        """Who answers, and what it was told about the request."""
        return {
            "pool": arrival.pool,
            "release": self.environment.release,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "scheme": arrival.scheme,
            "remote": arrival.remote,
            "request_id": arrival.request_id,
            "http_version": arrival.http_version,
            "hop": arrival.mark,
        }

    def answer(self, arrival: Arrival, body: Callable[[], bytes]) -> Answer | None:
        """The answer of a probe that gives one; None for a path or method that has no probe, or without the secret."""
        if not self.allowed(arrival):
            return None
        asked = (arrival.method, arrival.path.removeprefix(PREFIX))
        if asked in (("GET", "who"), ("GET", "slow"), ("HEAD", "who")):
            return answer.as_json(200, self.who(arrival))
        if asked[1] == "body" and asked[0] in ("POST", "PUT"):
            return self._body(arrival, body())
        if asked == ("POST", "publish"):
            return self._publish(body())
        return None

    def pause(self, arrival: Arrival) -> float:
        """Seconds that a request for `slow` wants to wait; 0 for any other."""
        if arrival.path != PREFIX + "slow" or not self.allowed(arrival):
            return 0.0
        try:
            return min(max(float(arrival.argument("seconds", "0")), 0.0), SLOWEST)
        except ValueError:
            return 0.0

    def trickles(self, arrival: Arrival) -> bool:
        """Whether `slow` is wanted as a stream."""
        return self.pause(arrival) > 0 and arrival.argument("stream") == "1"

    def _body(self, arrival: Arrival, body: bytes) -> Answer:
        to: Hop = "@hop-asgi" if arrival.pool == "wsgi" else "@hop-wsgi"
        known = handover.facts(arrival, self.environment.pools, "async" if arrival.pool == "wsgi" else "sync")
        if arrival.argument("hop") == "1" and arrival.mark == "" and handover.before_view(known):
            counters.hops.labels(to, "(probe)").inc()
            return answer.hop(to)
        found = {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        return answer.as_json(200, {**found, "pool": arrival.pool, "hop": arrival.mark})

    def _publish(self, body: bytes) -> Answer:
        try:
            text = str(json.loads(body)["text"])
        except (ValueError, KeyError, TypeError):
            return answer.text(400, 'a JSON object with "text" is expected')
        try:
            return answer.as_json(200, {"n": self.log().publish(text[:MOST_TEXT])})
        except Exception as error:
            logger.warning("a probe's message was not published: %r", error)
            return answer.text(503, f"not published: {type(error).__name__}")


def secret_of(environ: Mapping[str, str]) -> bytes:
    """The deployment's probe secret, from its file only: it is in no environment, no log and no command line."""
    name = environ.get("TWINPOOL_PROBE_SECRET_FILE", "")
    try:
        return Path(name).read_bytes().strip() if name else b""
    except OSError as error:
        logger.warning("no probe will answer: %s cannot be read (%s)", name, error.strerror)
        return b""
