"""400 pages at once that ask for event streams: sockets go on echoing, ASGI's synchronous work stays under its cap."""

import asyncio
import json
import subprocess
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect

from .client import PATIENCE, ask_all
from .conftest import Metrics, Site

pytestmark = [pytest.mark.project("streams", "awkward"), pytest.mark.timeout(300)]

PAGES = 400
SOCKETS = 10
SSE = [("Accept", "text/event-stream")]


async def echo_until(socket: ClientConnection, over: asyncio.Event) -> int:
    """Sends and awaits its echo until `over`, at least once after it; the number of echoes. Raises TimeoutError."""
    count = 0
    while True:
        last = over.is_set()
        await socket.send(f"echo {count}")
        async with asyncio.timeout(PATIENCE):
            assert await socket.recv() == f"echo {count}"
        count += 1
        if last:
            return count
        await asyncio.sleep(0.2)


async def most_at_once(metrics: Metrics, over: asyncio.Event) -> tuple[float, float]:
    """The most synchronous requests under way, and the most threads, that the ASGI pool showed: once before, and until
    `over`."""
    seen = [await asyncio.to_thread(metrics.read)]
    while not over.is_set():
        with suppress(subprocess.SubprocessError):  # a host that is busy may not answer this one in time
            seen.append(await asyncio.to_thread(metrics.read))
        await asyncio.sleep(0.1)
    return max(one["twinpool_sync_requests"] for one in seen), max(one["twinpool_threads"] for one in seen)


@pytest.mark.parametrize(("path", "status"), [("/whoami", 200), ("/no/such/page", 404)])
def test_parallel_pages_leave_sockets_echoing_and_threads_capped(
    site: Site, metrics: Metrics, path: str, status: int
) -> None:
    async def visit() -> None:
        over = asyncio.Event()
        echo = site.url.replace("http", "ws", 1) + "/-/probe/echo"
        headers = {"X-Twinpool-Probe": site.probe_secret}
        async with AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(connect(echo, additional_headers=headers)) for _ in range(SOCKETS)
            ]
            for socket in sockets:
                assert json.loads(await socket.recv())["pool"] == "asgi"
            echoing = [asyncio.create_task(echo_until(socket, over)) for socket in sockets]
            watching = asyncio.create_task(most_at_once(metrics, over))
            try:
                answers = await ask_all(site.url, [{"path": path, "headers": SSE}] * PAGES, at_once=PAGES)
            finally:
                over.set()
            assert {answer.status for answer in answers} <= {status, 503}
            assert all("retry-after" in answer.headers for answer in answers if answer.status == 503)
            assert sum(answer.status == status for answer in answers) > 0
            assert min(await asyncio.gather(*echoing)) > 0
            requests, threads = await watching
            cap = (await asyncio.to_thread(metrics.read))["twinpool_sync_requests_limit"]
            assert requests <= cap
            assert 0 < threads <= cap + 24  # the loop, uvicorn's, Django's shared thread and Python's own pool

    asyncio.run(visit())
