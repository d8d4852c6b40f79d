"""The decision which pool answers: by view and pool, and never more than two hops whatever each pool knows."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinpool.environment import Pool
from twinpool.handover.arrival import Mark
from twinpool.handover.decision import Facts, Hop, Nature, after_view, before_view

NATURES: list[Nature] = ["sync", "async"]


def first(pool: Pool, nature: Nature | None, streams: bool = False, may_hop: bool = True, mark: Mark = "") -> Facts:
    return Facts(pool, may_hop, mark, nature, None, streams)


@pytest.mark.parametrize(
    ("pool", "nature", "streams", "hop"),
    [
        ("wsgi", "sync", False, None),
        ("wsgi", "async", False, "@hop-asgi"),
        ("wsgi", "sync", True, "@hop-asgi-stream"),
        ("wsgi", None, False, None),
        ("asgi", "async", False, None),
        ("asgi", "sync", False, "@hop-wsgi"),
        ("asgi", "sync", True, None),
        ("asgi", None, False, None),
    ],
)
def test_a_first_arrival_goes_where_its_view_belongs(
    pool: Pool, nature: Nature | None, streams: bool, hop: Hop | None
) -> None:
    assert before_view(first(pool, nature, streams)) == hop


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
@pytest.mark.parametrize("nature", NATURES)
@pytest.mark.parametrize("streams", [False, True])
def test_a_pinned_line_is_obeyed(pool: Pool, nature: Nature, streams: bool) -> None:
    known = first(pool, nature, streams, may_hop=False)
    assert before_view(known) is None
    assert after_view(known) is None


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
@pytest.mark.parametrize("nature", NATURES)
def test_never_back_for_the_same_reason(pool: Pool, nature: Nature) -> None:
    assert before_view(Facts(pool, True, "view", nature, nature)) is None


def test_the_stream_mark_is_obeyed() -> None:
    assert before_view(Facts("asgi", True, "stream", "sync", "sync", True)) is None


def test_a_request_goes_back_where_both_entries_were_wrong() -> None:
    assert before_view(Facts("asgi", True, "view", "async", "sync")) == "@hop-wsgi"
    assert before_view(Facts("wsgi", True, "view", "sync", "async")) == "@hop-asgi"


@dataclass
class Stop:
    """What one pool knows when the request arrives there."""

    trusts_entry: bool
    actual: Nature
    remembers: bool
    streams: bool
    safe: bool


STOPS = st.builds(Stop, st.booleans(), st.sampled_from(NATURES), st.booleans(), st.booleans(), st.booleans())


@given(st.sampled_from(["wsgi", "asgi"]), st.sampled_from([*NATURES, None]), st.lists(STOPS, min_size=6, max_size=6))
def test_at_most_two_hops_whatever_the_pools_believe(pool: Pool, entry: Nature | None, stops: list[Stop]) -> None:
    """The two pools agree on the entry, since they run the same code; all else may change with every arrival."""
    mark: Mark = ""
    hops: list[Hop] = []
    for stop in stops:
        remembers = stop.remembers or mark == "stream"
        hop = before_view(Facts(pool, True, mark, entry, None, remembers)) if stop.trusts_entry else None
        actual = Facts(pool, True, mark, entry, stop.actual, remembers)
        hop = hop or before_view(actual)
        if hop is None and pool == "wsgi" and stop.actual == "sync" and stop.streams and stop.safe:
            hop = after_view(actual)
        if hop is None:
            break
        hops.append(hop)
        pool, mark = ("wsgi" if hop == "@hop-wsgi" else "asgi"), ("stream" if hop == "@hop-asgi-stream" else "view")
    else:
        raise AssertionError(f"without end: {hops}")
    assert len(hops) <= 2
    assert len(set(hops)) == len(hops)
