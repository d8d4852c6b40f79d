"""The threads that an ASGI process lends: how many, to whom for how long, and in what state they come back."""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from twinpool.pools import threads
from twinpool.pools.threads import Busy, Threads


class Clean:
    """Counts how threads are cleaned; `dirty` threads have a transaction open until they are forced."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bool]] = []
        self.dirty: set[str] = set()

    def __call__(self, force: bool) -> bool:
        name = threading.current_thread().name
        self.calls.append((name, force))
        if force:
            self.dirty.discard(name)
        return name not in self.dirty


def name() -> str:
    return threading.current_thread().name


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await test

    asyncio.run(bounded())


async def free(lending: Threads) -> None:
    """Until every thread has come back."""
    while len(lending.free) < lending.made:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def borrow(lending: Threads) -> bool:
    """A request that runs one call; whether it was refused."""
    async with lending.lent() as lease:
        with contextlib.suppress(Busy):
            await sync_to_async(name)()
        return lease.refused


def elsewhere(request: Coroutine[Any, Any, bool]) -> "asyncio.Task[bool]":
    """Another request, which a server starts in a context of its own."""
    return asyncio.create_task(request, context=contextvars.Context())


def test_django_s_own_context_uses_the_lease() -> None:
    async def visit() -> None:
        lending = Threads(2, Clean())
        async with lending.lent(), ThreadSensitiveContext():
            assert (await sync_to_async(name)()).startswith("twinpool-")
        await free(lending)
        assert lending.made == 1

    run(visit())


def test_a_held_lease_keeps_its_thread_and_runs_in_order() -> None:
    async def visit() -> None:
        lending, seen = Threads(4, Clean()), list[int]()
        async with lending.lent():
            first = await sync_to_async(name)()
            await asyncio.sleep(threads.IDLE_SECONDS * 3)
            await asyncio.gather(*(sync_to_async(seen.append)(n) for n in range(20)))
            assert await sync_to_async(name)() == first
        assert seen == list(range(20))
        assert lending.made == 1

    run(visit())


def test_a_coroutine_below_synchronous_code_comes_back_to_the_same_thread() -> None:
    async def inner() -> str:
        return await sync_to_async(name)()

    async def visit() -> None:
        lending = Threads(1, Clean())
        async with lending.lent():
            outer = sync_to_async(lambda: (name(), async_to_sync(inner)()))
            here, there = await outer()
            assert here == there

    run(visit())


def test_many_floating_leases_share_few_threads() -> None:
    async def one(lending: Threads) -> None:
        async with lending.lent() as lease:
            lease.float()
            for _ in range(3):
                await sync_to_async(time.sleep)(0.001)
                await asyncio.sleep(0.002)

    async def visit() -> None:
        lending = Threads(3, Clean())
        await asyncio.gather(*(one(lending) for _ in range(100)))
        await free(lending)
        assert lending.made <= 3

    run(visit())


def test_a_floating_lease_gives_its_clean_thread_back_when_idle() -> None:
    async def visit() -> None:
        clean = Clean()
        lending = Threads(1, clean)
        async with lending.lent() as lease:
            lease.float()
            used = await sync_to_async(name)()
            assert not clean.calls  # not between two calls that follow each other
            await free(lending)
            assert clean.calls == [(used, False)]
            await sync_to_async(name)()
            lease.rest()  # the end of a chunk: at once
            await free(lending)

    run(visit())


def test_an_idle_thread_is_given_up_to_who_waits() -> None:
    async def visit() -> None:
        lending = Threads(1, Clean())
        async with lending.lent() as first:
            await sync_to_async(name)()
            waiting = elsewhere(borrow(lending))
            await asyncio.sleep(0.05)
            assert not waiting.done()  # the first one holds it
            first.float()
            assert not await waiting

    run(visit())


def test_a_thread_in_a_transaction_stays_with_its_borrower_until_that_has_gone() -> None:
    async def visit() -> None:
        clean = Clean()
        lending = Threads(1, clean)
        async with lending.lent() as lease:
            lease.float()
            used = await sync_to_async(name)()
            clean.dirty.add(used)
            await asyncio.sleep(threads.IDLE_SECONDS * 5)
            assert not lending.free
            assert await sync_to_async(name)() == used
        await free(lending)
        assert clean.calls[-1] == (used, True)

    run(visit())


def test_a_thread_that_cannot_be_cleaned_is_replaced() -> None:
    def clean(force: bool) -> bool:
        raise RuntimeError("the database has gone")

    async def visit() -> None:
        lending = Threads(1, clean)
        for _ in range(3):
            async with lending.lent():
                await sync_to_async(name)()
            await free(lending)

    run(visit())


def test_work_that_cannot_be_stopped_keeps_its_thread_and_its_place() -> None:
    async def visit() -> None:
        lending, go, left = Threads(1, Clean()), threading.Event(), list[bool]()

        async def request() -> None:
            async with lending.lent() as lease:
                lease.when_ended(lambda: left.append(True))
                await asyncio.shield(sync_to_async(go.wait)())

        gone = asyncio.create_task(request())
        await asyncio.sleep(0.05)
        gone.cancel()  # the client has gone
        await asyncio.wait({gone})
        assert (lending.free, left) == ([], [])
        go.set()
        await free(lending)
        assert left == [True]

    run(visit())


def test_who_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "WAIT_SECONDS", 0.05)

    async def visit() -> None:
        lending = Threads(1, Clean())
        async with lending.lent():
            await sync_to_async(name)()
            assert await elsewhere(borrow(lending))
        assert not await borrow(lending)

    run(visit())


def test_errors_of_the_work_arrive() -> None:
    def fail() -> None:
        raise KeyError("of the work")

    async def visit() -> None:
        lending = Threads(1, Clean())
        async with lending.lent():
            with pytest.raises(KeyError, match="of the work"):
                await sync_to_async(fail)()

    run(visit())
