"""Sockets on the ASGI pool's real server: who may open one, and how they are moved when the pool leaves."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from socket import create_connection
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ..conftest import MakeProject
from ..site import Site
from .conftest import Serve
from .running import PATIENCE, SECRET, Server, serving

SETTINGS = """
INSTALLED_APPS = []
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
"""
ASGI = """
import asyncio, threading, time
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path
class Echo(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "leave":
            await self.close(4001)
        elif text_data == "work":
            await database_sync_to_async(time.sleep)(0.2)
            await self.send("worked")
        elif text_data == "fail":
            raise RuntimeError("of the project")
        else:
            await self.send(text_data, bytes_data)
application = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": URLRouter([path("ws/<str:name>/", Echo.as_asgi())]),
})
"""
URLS = """
import asyncio
from django.http import StreamingHttpResponse
from django.urls import path
async def ticks():
    n = 0
    while True:
        yield f"id: {n}\\n"
        await asyncio.sleep(0.01)
        yield f"data: {n}\\n\\n"
        n += 1
        await asyncio.sleep(0.05)
async def stream(request):
    return StreamingHttpResponse(ticks(), content_type="text/event-stream")
urlpatterns = [path("ticks", stream)]
"""


@pytest.fixture(scope="module")
def board(module_project: MakeProject) -> Site:
    return module_project({"shop/asgi.py": ASGI, "shop/urls.py": URLS}, settings=SETTINGS)


@pytest.fixture(scope="module")
def server(board: Site) -> Iterator[Server]:
    with serving(board, "asgi", TWINPOOL_PORTS="8080", TWINPOOL_ORIGINS="https://partner.test") as found:
        yield found


def opened(server: Server, path: str, origin: str | None = None, **headers: str) -> connect:
    told = {"Host": "shop.test", **headers}
    return connect(
        f"ws://127.0.0.1:{server.port}{path}",
        origin=origin,  # type: ignore[arg-type]
        additional_headers=told,
        compression=None,
        proxy=None,
        max_size=None,
        open_timeout=PATIENCE,
    )


def probe(server: Server) -> connect:
    return opened(server, "/-/probe/echo", **{"X-Twinpool-Probe": SECRET})


async def refused(connecting: connect) -> tuple[int, dict[str, str]]:
    """The status of a handshake that is not accepted, and its headers."""
    with pytest.raises(InvalidStatus) as caught:
        await connecting
    response = caught.value.response
    return response.status_code, {name.lower(): value for name, value in response.headers.raw_items()}


@asynccontextmanager
async def several(count: int, make: Callable[[], connect]) -> AsyncIterator[list[ClientConnection]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(make()) for _ in range(count)]


async def code_and_moment(socket: ClientConnection) -> tuple[int | None, float]:
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None, time.monotonic()


async def patiently(until: Callable[[], Awaitable[bool] | bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await asyncio.to_thread(until)
            if found:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("http://shop.test:8080", 101),
        ("https://partner.test", 101),
        ("http://shop.test", 403),
        ("https://shop.test:8080", 403),
        ("http://shop.test:8081", 403),
        ("http://evil.test:8080", 403),
        ("http://shop.test.evil.test:8080", 403),
        ("null", 403),
        ("https://sub.partner.test", 403),
    ],
)
def test_only_pages_of_the_site_may_open_a_socket(server: Server, origin: str | None, status: int) -> None:
    async def visit() -> None:
        for path in ("/ws/x/", "/-/probe/echo"):
            headers = {"X-Twinpool-Probe": SECRET}
            if status != 101:
                assert (await refused(opened(server, path, origin, **headers)))[0] == status
            else:
                async with opened(server, path, origin, **headers):
                    pass

    asyncio.run(visit())


def test_an_unknown_path_is_refused_in_one_line(server: Server) -> None:
    before = server.log

    async def visit() -> None:
        for path in ("/nothing/here", "/ws/", "/-/x"):
            assert (await refused(opened(server, path)))[0] == 404
        assert (await refused(opened(server, "/-/probe/echo", **{"X-Twinpool-Probe": "wrong"})))[0] == 404

    asyncio.run(visit())
    said = server.log.removeprefix(before).splitlines()
    assert len(said) == 4, said
    assert all("socket refused (path)" in line for line in said)


def test_what_a_socket_says_goes_both_ways(server: Server) -> None:
    async def visit() -> None:
        async with opened(server, "/ws/x/", "http://shop.test:8080") as socket:
            for message in ("ä" * 10, b"\x00\xff" * 1000, "x" * 2_000_000):
                await socket.send(message)
                assert await socket.recv() == message
            await socket.send("leave")
            assert (await code_and_moment(socket))[0] == 4001

    before = server.metric("twinpool_closes_total")
    asyncio.run(visit())
    assert server.metric("twinpool_closes_total") == before + 1
    assert 'code="4001"' in server.ask("/-/metrics").text


def test_an_error_of_the_project_is_logged_and_only_its_socket_ends(server: Server) -> None:
    async def visit() -> None:
        async with opened(server, "/ws/x/") as well, opened(server, "/ws/y/") as ill:
            await ill.send("fail")
            await code_and_moment(ill)
            await well.send("on")
            assert await well.recv() == "on"

    asyncio.run(visit())
    assert "RuntimeError: of the project" in server.log


def test_synchronous_work_of_sockets_runs_side_by_side(server: Server) -> None:
    async def visit() -> None:
        async with several(20, lambda: opened(server, "/ws/x/")) as sockets:
            for socket in sockets:
                await socket.send("work")
            for socket in sockets:
                assert await socket.recv() == "worked"

    asyncio.run(visit())
    assert server.threads() <= 16 + 4 + 14


def test_the_probe_echoes_and_tells_what_is_published(server: Server) -> None:
    def publish(text: str) -> int:
        body = json.dumps({"text": text}).encode()
        return int(server.ask("/-/probe/publish", "POST", {"X-Twinpool-Probe": SECRET}, body).json()["n"])

    async def visit() -> None:
        first = await asyncio.to_thread(publish, "before")
        async with probe(server) as socket:
            hello = json.loads(await socket.recv())
            assert (hello["type"], hello["pool"], hello["release"]) == ("hello", "asgi", "unnamed")
            await socket.send(b"\x00" * 1024 * 1024)
            assert await socket.recv() == b"\x00" * 1024 * 1024
            await socket.send(json.dumps({"type": "join", "since": first - 1}))
            missed = json.loads(await socket.recv())
            assert (missed["type"], missed["n"], missed["text"]) == ("message", first, "before")
            assert json.loads(await socket.recv()) == {"type": "joined", "last": first}
            second = await asyncio.to_thread(publish, "after")
            live = json.loads(await socket.recv())
            assert (live["n"], live["text"]) == (second, "after")
        _, stream = server.open("/-/probe/stream", headers={"X-Twinpool-Probe": SECRET, "Last-Event-ID": str(first)})
        seen = b"".join(stream.readline() for _ in range(7)).decode()
        assert seen.startswith("event: hello\ndata: {")
        assert f"event: message\nid: {second}\n" in seen
        assert b":\n" in [stream.readline() for _ in range(3)]  # the sign of life each second

    asyncio.run(visit())


def test_sockets_beyond_the_limit_are_refused_and_health_says_full(board: Site, serve: Serve) -> None:
    server = serve(board, "asgi", TWINPOOL_SOCKETS="3")

    async def visit() -> None:
        async with several(3, lambda: opened(server, "/ws/x/")):
            status, headers = await refused(opened(server, "/ws/x/"))
            assert (status, headers["retry-after"]) == (503, "2")
            ready = await asyncio.to_thread(server.ask, "/-/ready")
            assert (ready.status, ready.json()["full"], ready.json()["sockets"]) == (503, True, 3)
        await patiently(server.is_ready)
        async with opened(server, "/ws/x/"):
            pass

    asyncio.run(visit())


def read_stream(server: Server, path: str) -> tuple[bytes, float]:
    """What a stream says until it ends, and when that is."""
    return server.open(path, headers={"X-Twinpool-Probe": SECRET})[1].read(), time.monotonic()


SOCKETS, STREAMS, WINDOW = 24, 6, 4.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_drain_moves_all_over_the_window_and_ends_with_0(board: Site, serve: Serve, number: signal.Signals) -> None:
    server = serve(board, "asgi", TWINPOOL_DRAIN_WINDOW=str(WINDOW), TWINPOOL_GRACEFUL="5")

    async def visit() -> None:
        make = [lambda: opened(server, "/ws/x/"), lambda: probe(server)]
        async with several(SOCKETS // 2, make[0]) as some, several(SOCKETS // 2, make[1]) as probes:
            readers = ThreadPoolExecutor(STREAMS)
            paths = ["/ticks", "/-/probe/stream"] * (STREAMS // 2)
            reading = [readers.submit(read_stream, server, path) for path in paths]
            await patiently(lambda: server.metric("twinpool_streams") == STREAMS)
            closing = [asyncio.create_task(code_and_moment(socket)) for socket in some + probes]
            await asyncio.sleep(0.1)
            began = time.monotonic()
            server.signal(number)
            await patiently(lambda: server.ask("/-/ready").status == 503)
            # Out of rotation: no new sockets, while health, who and pages still answer.
            for new in (opened(server, "/ws/x/"), probe(server)):
                status, headers = await refused(new)
                assert (status, headers["retry-after"]) == (503, "2")
            assert (await asyncio.to_thread(server.ask, "/-/live")).status == 200
            who = await asyncio.to_thread(server.ask, "/-/probe/who", "GET", {"X-Twinpool-Probe": SECRET})
            assert who.status == 200
            closed = await asyncio.gather(*closing)
            ends = [await asyncio.wrap_future(one) for one in reading]
            readers.shutdown()
        assert {code for code, _ in closed} == {1012}
        for moments in (sorted(moment - began for _, moment in closed), sorted(moment - began for _, moment in ends)):
            assert moments[-1] <= WINDOW + 3
            assert moments[-1] - moments[0] >= WINDOW * (len(moments) - 2) / len(moments) / 2
        assert all(data.split(b"\n\n")[-2].startswith(b"retry: ") for data, _ in ends)
        # Ended at the end of an event: an id has its data.
        assert all(data.count(b"id: ") == data.count(b"data: ") for data, _ in ends if b"hello" not in data)

    asyncio.run(visit())
    assert server.ended() == 0


AGE = 3.0


def test_what_is_old_moves_by_itself_and_the_pool_serves_on(board: Site, server: Server, serve: Serve) -> None:
    aged = serve(board, "asgi", TWINPOOL_SOCKET_AGE=str(AGE))

    async def visit() -> None:
        async with opened(server, "/ws/x/") as ageless:
            opens: list[float] = []

            def timed() -> connect:
                opens.append(time.monotonic())
                return opened(aged, "/ws/x/")

            reading = ThreadPoolExecutor(1).submit(read_stream, aged, "/ticks")
            async with several(SOCKETS, timed) as sockets, asyncio.timeout(PATIENCE):
                closed = await asyncio.gather(*map(code_and_moment, sockets))
                data, _ = await asyncio.wrap_future(reading)
            assert {code for code, _ in closed} == {1012}
            ages = sorted(moment - opens[n] for n, (_, moment) in enumerate(closed))
            assert ages[0] >= AGE / 2 - 0.05  # a timer's clock may be coarse
            assert ages[-1] - ages[0] >= AGE / 8
            assert data.split(b"\n\n")[-2].startswith(b"retry: ")
            assert data.count(b"id: ") == data.count(b"data: ")
            await patiently(lambda: aged.metric("twinpool_sockets") + aged.metric("twinpool_streams") == 0)
            ready = await asyncio.to_thread(aged.ask, "/-/ready")
            assert (ready.status, ready.json()["state"]) == (200, "serving")
            async with opened(aged, "/ws/x/"):
                pass
            await ageless.send("still here")
            assert await ageless.recv() == "still here"

    asyncio.run(visit())


def test_a_pool_with_nothing_open_leaves_at_once(board: Site, serve: Serve) -> None:
    server = serve(board, "asgi", TWINPOOL_DRAIN_WINDOW="3600")
    server.signal(signal.SIGUSR1)
    assert server.ended() == 0


def test_a_pool_that_leaves_leaves_sockets_alone_until_it_is_told_to_stop(board: Site, serve: Serve) -> None:
    server = serve(board, "asgi", TWINPOOL_DRAIN_LEAVE="3600", TWINPOOL_DRAIN_WINDOW="1")

    async def visit() -> None:
        async with opened(server, "/ws/x/") as socket, probe(server) as of_probe:
            server.signal(signal.SIGUSR1)
            await patiently(lambda: server.ask("/-/ready").status == 503)
            assert server.ask("/-/ready").json()["state"] == "leaving"
            assert (await refused(opened(server, "/ws/x/")))[0] == 503
            assert (await code_and_moment(of_probe))[0] == 1012  # a probe's moves in the first window
            await socket.send("still here")
            assert await socket.recv() == "still here"
            server.signal(signal.SIGTERM)
            assert (await code_and_moment(socket))[0] == 1012

    asyncio.run(visit())
    assert server.ended() == 0


def test_a_second_term_hurries(board: Site, serve: Serve) -> None:
    server = serve(board, "asgi", TWINPOOL_DRAIN_WINDOW="3600")

    async def visit() -> None:
        async with several(5, lambda: opened(server, "/ws/x/")) as sockets:
            server.signal(signal.SIGTERM)
            await patiently(lambda: server.ask("/-/ready").status == 503)
            server.signal(signal.SIGTERM)
            assert [(await code_and_moment(socket))[0] for socket in sockets] == [1012] * 5

    asyncio.run(visit())
    assert server.ended() == 0


def test_work_that_never_ends_does_not_keep_the_server(board: Site, serve: Serve) -> None:
    urls: Any = board.path / "shop/urls.py"
    text = urls.read_text()
    block = "\nimport time\ndef block(request):\n    time.sleep(3600)\nurlpatterns += [path('block', block)]\n"
    urls.write_text(text + block)
    try:
        server = serve(board, "asgi", TWINPOOL_GRACEFUL="1")
        with create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(b"GET /block HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            server.until(lambda: server.metric("twinpool_sync_requests") == 1, "the blocked request")
            server.signal(signal.SIGTERM)
            assert server.ended() == 0
    finally:
        urls.write_text(text)
