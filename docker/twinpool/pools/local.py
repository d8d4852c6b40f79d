"""The kit's own paths, `/-/…`, as far as both pools answer them alike. Asked at both entries, before the project.

The edge lets only `/-/probe/` through, so what answers here besides is for the container's own network.
"""

from collections.abc import Callable

from twinpool.handover.arrival import Arrival
from twinpool.pools import answer, counters
from twinpool.pools.answer import Answer
from twinpool.pools.health import Health, Local
from twinpool.probes.answers import Probes

PREFIX = "/-/"
NOT_FOUND = answer.text(404)


class Endpoints:
    """Health, metrics and the probes that are one question and one answer."""

    def __init__(self, health: Health, probes: Probes, here: Callable[[], Local]) -> None:
        self.health = health
        self.probes = probes
        self.here = here

    def answer(self, arrival: Arrival, body: Callable[[], bytes]) -> Answer:
        """The answer to a path below `/-/`; may block: a probe publishes, metrics are read from files."""
        if arrival.path == "/-/live":
            return answer.text(200, "live")
        if arrival.path == "/-/ready":
            return answer.as_json(*self.health.report(self.here()))
        if arrival.path == "/-/metrics":
            return Answer(200, counters.report(), (("Content-Type", "text/plain; version=0.0.4; charset=utf-8"),))
        return self.probes.answer(arrival, body) or NOT_FOUND

    @staticmethod
    def blocks(arrival: Arrival) -> bool:
        """Whether answering may take longer than an event loop should wait."""
        return arrival.path not in ("/-/live", "/-/ready")
