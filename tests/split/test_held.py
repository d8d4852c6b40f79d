"""The streams project under clients that hold on: pages answer, streams live, threads and connections stay bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from .client import PATIENCE, Answer, ask, ask_all, opened
from .conftest import Site

pytestmark = [pytest.mark.project("streams"), pytest.mark.timeout(300)]

CURL = [("Accept", "*/*")]


@asynccontextmanager
async def held(site: Site, path: str, clients: int, refused: bool = False) -> AsyncIterator[list[Answer]]:
    """That many clients on one path, as `curl -N` opens it; each has its answer's head, none has read the body.

    Who is told to come back does, as a browser would, unless the test wants the refusals.
    """
    async with AsyncExitStack() as stack:

        async def one() -> Answer:
            for _ in range(PATIENCE):
                answer = await stack.enter_async_context(opened(site.url, path, headers=CURL))
                if answer.status != 503 or refused:
                    break
                await asyncio.sleep(int(answer.headers["retry-after"]))
            return answer

        yield list(await asyncio.gather(*(one() for _ in range(clients))))


async def pages_answer(site: Site, pages: int = 20) -> None:
    asked = [{"path": path, "headers": CURL} for path in ("/", "/whoami")] * (pages // 2)
    answers = await ask_all(site.url, asked, at_once=5)
    assert {(answer.status, answer.pool) for answer in answers} == {(200, "wsgi")}


@pytest.mark.parametrize("path", ["/ticker.json", "/feed/a.b", "/channels/main/events", "/de/forecast/live"])
def test_64_clients_on_an_undeclared_stream_leave_pages_answering(site: Site, path: str) -> None:
    async def visit() -> None:
        async with held(site, path, 64) as streams:
            assert {(stream.status, stream.pool) for stream in streams} == {(200, "asgi")}
            await asyncio.gather(*(stream.until(b'"tick"', 1) for stream in streams))
            await pages_answer(site)
            await asyncio.gather(*(stream.until(b'"tick"', 3) for stream in streams))
        await pages_answer(site)

    asyncio.run(visit())


def test_clients_on_a_synchronous_stream_leave_threads_for_the_pages(site: Site) -> None:
    async def visit() -> None:
        async with held(site, "/queue/tail?seconds=10", 64, refused=True) as streams:
            assert {stream.status for stream in streams} == {200, 503}
            assert all("retry-after" in stream.headers for stream in streams if stream.status == 503)
            await pages_answer(site)
            taken = [stream for stream in streams if stream.status == 200]
            assert {stream.pool for stream in taken} == {"wsgi"}
            await asyncio.gather(*(stream.until(b'"line": 4') for stream in taken))

    asyncio.run(visit())


def test_clients_that_left_a_synchronous_stream_free_its_threads(site: Site) -> None:
    async def visit() -> None:
        async with held(site, "/queue/tail?seconds=2", 64, refused=True):
            pass
        statuses = []
        for _ in range(PATIENCE):
            statuses.append((await ask(site.url, "/queue/tail", ends=True)).status)
            if statuses[-1] != 503:
                break
            await asyncio.sleep(1)
        assert statuses[-1] == 200, statuses
        await pages_answer(site)

    asyncio.run(visit())


def test_200_polling_database_streams_live_on_a_pool_of_10(site: Site) -> None:
    async def visit() -> None:
        async with held(site, "/queue/depth", 200) as streams:
            assert {(stream.status, stream.pool) for stream in streams} == {(200, "asgi")}
            await asyncio.gather(*(stream.until(b'"waiting"', 1) for stream in streams))
            facts = (await ask(site.url, "/queue/connections")).facts()
            # 10 of the ASGI pool, one for each of the 16 threads of the WSGI pool, and a few that come and go.
            assert facts is not None
            assert 0 < facts["connections"] <= 10 + 16 + 4
            await asyncio.gather(*(stream.until(b'"waiting"', 4) for stream in streams))
            await pages_answer(site)

    async def bounded() -> None:
        async with asyncio.timeout(4 * PATIENCE):
            await visit()

    asyncio.run(bounded())


def test_a_stream_asked_for_by_head_ends_and_spoils_no_connection(site: Site) -> None:
    async def visit() -> None:
        asked = [
            {"path": path, "method": method, "headers": CURL}
            for method in ("HEAD", "GET")
            for path in ("/ticker.json", "/soon")
        ]
        answers = await ask_all(site.url, asked * 20, at_once=4)
        assert {(answer.status, answer.pool) for answer in answers} == {(200, "asgi")}

    asyncio.run(visit())
