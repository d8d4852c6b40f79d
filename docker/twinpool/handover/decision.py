"""Which pool answers a request: the decision, as functions without state. Called at the entry and by the middleware."""

from dataclasses import dataclass
from typing import Literal

from twinpool.environment import Pool, Pools
from twinpool.handover.arrival import Arrival, Mark

Nature = Literal["sync", "async"]
# The edge's named locations of hand-overs; a pool answers one of them as X-Accel-Redirect.
Hop = Literal["@hop-asgi", "@hop-asgi-stream", "@hop-wsgi"]


@dataclass(frozen=True)
class Facts:
    """What is known of one request.

    `entry` is what the URLconf says at the entry, before any middleware; `actual` is the view that Django is about to
    call; None where nothing was found, or not yet. `streams`: this view is known to answer with an async stream.
    """

    pool: Pool
    may_hop: bool
    mark: Mark
    entry: Nature | None
    actual: Nature | None = None
    streams: bool = False


def facts(
    arrival: Arrival, pools: Pools, entry: Nature | None, actual: Nature | None = None, streams: bool = False
) -> Facts:
    """The facts of an arrival in a deployment with these pools: with one pool only there is nowhere to go."""
    may_hop = arrival.may_hop and pools == "both"
    return Facts(arrival.pool, may_hop, arrival.mark, entry, actual, streams)


def before_view(known: Facts) -> Hop | None:
    """Where to hand a request over before its view is called; None to answer it here.

    Never back for the same reason: a request that was handed over for its view goes back only where the two pools'
    entries agreed on the wrong view (a middleware chose another URLconf), which both then learn. Together with
    `after_view` that is at most two hops, provided that both pools run the same URLconf.
    """
    nature = known.actual or known.entry
    if nature is None or not known.may_hop:
        return None
    corrected = known.actual is not None and known.entry == _claim(known) != known.actual
    if known.pool == "wsgi" and nature == "async":
        return "@hop-asgi" if known.mark == "" or corrected else None
    if known.pool == "wsgi" and known.streams:
        return after_view(known)
    if known.pool == "asgi" and nature == "sync" and not known.streams:
        # "stream" is obeyed: the view was called on WSGI and is known to stream.
        return "@hop-wsgi" if known.mark == "" or corrected else None
    return None


def after_view(known: Facts) -> Hop | None:
    """Where to hand a request over whose synchronous view answered, on WSGI, with an async stream."""
    second = known.mark != "" and known.entry is not None and known.entry != _claim(known)
    return "@hop-asgi-stream" if known.pool == "wsgi" and known.may_hop and not second else None


def _claim(known: Facts) -> Nature | None:
    """What the pool that handed this over said of its view."""
    if known.mark != "view":
        return None
    return "sync" if known.pool == "wsgi" else "async"
