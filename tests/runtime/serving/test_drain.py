"""The drain inside one process: who moves when, and what the parent is told."""

import asyncio
import random
import time
import weakref
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinpool.pools import drain
from twinpool.pools.drain import Drain, Order, Sign, moments


@given(st.integers(1, 500), st.floats(0.1, 600), st.randoms(use_true_random=False))
def test_moments_are_spread_over_the_window(count: int, window: float, rng: random.Random) -> None:
    found = sorted(moments(count, window, rng))
    assert len(found) == count
    assert all(0 <= moment <= window for moment in found)
    # One in each equal part: so few are never all at once, and nine tenths of the window are used from 20 on.
    assert all(part * window / count <= found[part] <= (part + 1) * window / count for part in range(count))


def test_no_moments_for_nothing() -> None:
    assert moments(0, 10, random.Random(1)) == []


class Thing:
    def __init__(self, leaving: Drain, probe: bool = False, edge: str = "") -> None:
        self.probe = probe
        self.edge = edge
        self.moved = False
        self._leaving = leaving
        leaving.add(self)

    async def move(self) -> None:
        self.moved = True
        self._leaving.remove(self)


@pytest.fixture
def sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sign:
    monkeypatch.setattr(drain, "LOOK_SECONDS", 0.01)
    made = Sign(tmp_path)
    made.clear()
    return made


async def watched(leaving: Drain, seconds: float) -> None:
    watching = asyncio.create_task(leaving.watch())
    await asyncio.sleep(seconds)
    watching.cancel()


def test_nothing_moves_while_serving(sign: Sign) -> None:
    async def visit() -> None:
        leaving = Drain(sign, 0.1)
        thing = Thing(leaving)
        await watched(leaving, 0.3)
        assert (leaving.state, thing.moved) == ("serving", False)
        assert not sign.all_done()

    asyncio.run(visit())


def test_all_move_and_the_parent_is_told(sign: Sign) -> None:
    async def visit() -> None:
        leaving = Drain(sign, 0.1)
        things = [Thing(leaving, probe=n % 2 == 0) for n in range(20)]
        sign.give(Order("draining", 0.2))
        await watched(leaving, 0.6)
        assert all(thing.moved for thing in things)
        assert sign.all_done()

    asyncio.run(visit())


def test_an_edge_that_leaves_takes_only_its_own(sign: Sign) -> None:
    """Those that stand, and one that comes through it meanwhile; a second word from it changes nothing."""

    async def visit() -> None:
        leaving = Drain(sign, 0.2)
        own, other = [Thing(leaving, edge="edge-1") for _ in range(5)], Thing(leaving, edge="edge-2")
        assert leaving.edge_leaves("edge-1", 9) > 0
        late = Thing(leaving, edge="edge-1")
        assert leaving.edge_leaves("edge-1", 9) <= 0.2
        await watched(leaving, 0.5)
        assert all(thing.moved for thing in (*own, late))
        assert not other.moved
        assert leaving.state == "serving"
        back = Thing(leaving, edge="edge-1")  # restarted, it has the same name
        await watched(leaving, 0.3)
        assert not back.moved

    asyncio.run(visit())


AGE = 0.8


class Timed(Thing):
    moment = 0.0

    async def move(self) -> None:
        self.moment = time.monotonic()
        await super().move()


def test_the_old_move_in_the_last_half_of_their_age_and_not_at_once(sign: Sign) -> None:
    async def visit() -> None:
        leaving = Drain(sign, 0.1, AGE)
        began = time.monotonic()
        things = [Timed(leaving) for _ in range(40)]
        await watched(leaving, AGE + 0.4)
        assert all(thing.moved for thing in things)
        found = sorted(thing.moment - began for thing in things)
        assert found[0] >= AGE / 2 - 0.05  # a timer's clock may be coarse
        assert found[-1] - found[0] >= AGE / 8
        assert leaving.state == "serving"

    asyncio.run(visit())


def test_one_that_ended_before_its_age_leaves_nothing_behind(sign: Sign) -> None:
    async def visit() -> None:
        leaving = Drain(sign, 0.1, 3600)
        thing = Thing(leaving)
        leaving.remove(thing)
        left = weakref.ref(thing)
        del thing
        assert left() is None

    asyncio.run(visit())


def test_a_drain_gives_the_moment_of_what_becomes_old_meanwhile(sign: Sign) -> None:
    async def visit() -> None:
        leaving = Drain(sign, 3600, AGE / 2)
        thing = Thing(leaving)
        sign.give(Order("draining", 3600))
        await watched(leaving, AGE)
        assert not thing.moved

    asyncio.run(visit())


def test_while_leaving_only_probes_move(sign: Sign) -> None:
    async def visit() -> None:
        leaving = Drain(sign, 0.1)
        probe, other = Thing(leaving, probe=True), Thing(leaving)
        sign.give(Order("leaving", 0.1))
        await watched(leaving, 0.4)
        assert (probe.moved, other.moved) == (True, False)
        assert not sign.all_done()
        sign.give(Order("draining", 0.1))
        await watched(leaving, 0.4)
        assert other.moved

    asyncio.run(visit())


def test_what_comes_during_a_drain_moves_too(sign: Sign) -> None:
    async def visit() -> None:
        leaving = Drain(sign, 0.1)
        first = Thing(leaving)
        sign.give(Order("draining", 0.3))
        watching = asyncio.create_task(leaving.watch())
        while leaving.state != "draining":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        late = Thing(leaving)
        await asyncio.sleep(0.6)
        assert first.moved
        assert late.moved
        watching.cancel()

    asyncio.run(visit())


def test_a_second_order_hurries(sign: Sign) -> None:
    async def visit() -> None:
        leaving = Drain(sign, 3600)
        things = [Thing(leaving) for _ in range(10)]
        sign.give(Order("draining", 3600))
        await watched(leaving, 0.1)
        sign.give(Order("draining", 0.1))
        await watched(leaving, 0.5)
        assert all(thing.moved for thing in things)

    asyncio.run(visit())


def test_a_thing_that_cannot_be_moved_stops_nobody(sign: Sign) -> None:
    class Stuck(Thing):
        async def move(self) -> None:
            self._leaving.remove(self)
            raise ConnectionResetError

    async def visit() -> None:
        leaving = Drain(sign, 0.1)
        Stuck(leaving)
        well = Thing(leaving)
        sign.give(Order("draining", 0.1))
        await watched(leaving, 0.4)
        assert well.moved
        assert sign.all_done()

    asyncio.run(visit())


def test_a_dead_process_keeps_nobody(sign: Sign) -> None:
    sign.tell("done")
    (sign.reports / "999999999").write_text("serving")
    assert sign.all_done()


def test_a_spoilt_sign_is_no_order(sign: Sign) -> None:
    sign.file.write_text("{")
    assert sign.order() == Order()
