"""What the runtime knows about a request that it lets the project answer; the middleware finds it with the request."""

from dataclasses import dataclass
from typing import Any

from twinpool.environment import Pools
from twinpool.handover import decision as handover
from twinpool.handover.arrival import Arrival
from twinpool.handover.decision import Hop
from twinpool.handover.memory import Memory
from twinpool.handover.views import View
from twinpool.pools.admission import Place
from twinpool.pools.threads import Lease

KEY = "twinpool.visit"  # in a WSGI environ and in an ASGI scope


@dataclass
class Visit:
    """One request in the project.

    `entry` is the view by the URLconf at the entry, `view` the one that Django calls, once that is known. A `hop` set
    by the middleware replaces whatever the project answers; `streaming` tells of the view's own answer.
    """

    arrival: Arrival
    pools: Pools
    memory: Memory
    entry: View | None
    view: View | None = None
    hop: Hop | None = None
    streaming: bool = False
    lease: Lease | None = None
    place: Place | None = None

    @property
    def name(self) -> str:
        """The view's name for logs and counters."""
        known = self.view or self.entry
        return known.name if known else "(no view)"

    def facts(self) -> handover.Facts:
        """What the decision is made from."""
        entry = self.entry.nature if self.entry else None
        actual = self.view.nature if self.view else None
        known = self.view or self.entry
        streams = known is not None and self.memory.streams(known.key)
        return handover.facts(self.arrival, self.pools, entry, actual, streams)

    def confirm(self, match: Any) -> Hop | None:
        """Take note of the view that Django is about to call, a ResolverMatch; the hop to make instead, if any."""
        from twinpool.handover.views import of_match

        self.view = of_match(match)
        known = self.memory
        if known.entry_decides and (self.entry is None or self.entry.callback is not self.view.callback):
            before = self.entry.name if self.entry else "no view"
            known.notice(f"{self.arrival.path} is {before} by ROOT_URLCONF, but a middleware made it {self.view.name}")
        if self.arrival.mark == "stream" and self.view.nature == "sync":
            known.remember_stream(self.view.key)
        self.hop = handover.before_view(self.facts())
        return self.hop

    def calm(self) -> None:
        """What still runs synchronously is short and rare from here on: an async view's queries, a stream's."""
        if self.place:
            self.place.leave()
        if self.lease:
            self.lease.float()


def entered(arrival: Arrival, pools: Pools, memory: Memory) -> Visit:
    """A new visit with what the URLconf says at the entry."""
    from twinpool.handover.views import resolve

    return Visit(arrival, pools, memory, resolve(arrival.path))


def hop_at_entry(visit: Visit) -> Hop | None:
    """The hop to make before Django works; None where only the middleware can know the view."""
    if not visit.memory.entry_decides:
        return None
    if visit.entry and visit.arrival.mark == "stream" and visit.entry.nature == "sync":
        visit.memory.remember_stream(visit.entry.key)
    return handover.before_view(visit.facts())


def of(request: Any) -> Visit | None:
    """The visit of a Django request; None where Django runs without this runtime, as in a project's own tests."""
    carrier = getattr(request, "scope", None) or getattr(request, "environ", None) or {}
    found = carrier.get(KEY)
    return found if isinstance(found, Visit) else None
