"""What is published on one pool reaches sockets and streams of the other, at once, in order, and after a gap."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import ClientConnection

from .site import EVENTS, SECONDS, Site

pytestmark = pytest.mark.pools("both", "asgi")


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(3 * SECONDS):
            await story()

    asyncio.run(bounded())


async def publish(site: Site, *headers: tuple[str, str]) -> int:
    """Publishes on the pool of pages, or on another where the headers say so."""
    body = json.dumps({"text": "conformance"}).encode()
    answer = await asyncio.to_thread(site.ask, "/-/probe/publish", headers, "POST", body)
    assert answer.status == 200, answer
    return int(answer.json()["n"])


async def joined(site: Site, since: int) -> ClientConnection:
    socket = await site.socket()
    await socket.recv()
    await socket.send(json.dumps({"type": "join", "since": since}))
    return socket


async def received(socket: ClientConnection, kind: str) -> int:
    """The number in the next frame, which has to be of this kind."""
    said = json.loads(await socket.recv())
    assert said["type"] == kind, said
    return int(said["n" if kind == "message" else "last"])


async def event(stream: object) -> tuple[str, int]:
    kind, number = await stream.next()  # type: ignore[attr-defined]
    return kind, int(number or 0)


@pytest.mark.parametrize("publisher", ["pages", "streams"])
def test_sockets_and_streams_get_what_either_pool_publishes(site: Site, publisher: str) -> None:
    headers = [EVENTS] if publisher == "streams" else []

    async def story() -> None:
        last = await publish(site, *headers)
        sockets = [await joined(site, last) for _ in range(3)]
        streams = [await site.stream() for _ in range(2)]
        for socket in sockets:
            assert await received(socket, "joined") >= last
        for stream in streams:
            assert (await event(stream))[0] == "hello"
        numbers = [await publish(site, *headers) for _ in range(5)]
        assert numbers == sorted(set(numbers))
        for socket in sockets:
            assert [await received(socket, "message") for _ in numbers] == numbers
            await socket.close()
        for stream in streams:
            assert [await event(stream) for _ in numbers] == [("message", n) for n in numbers]
            await stream.close()

    told(story)


def test_a_stream_is_not_held_back_in_a_buffer(site: Site) -> None:
    """Each event has to arrive before the next one is even published."""

    async def story() -> None:
        stream = await site.stream(("Accept-Encoding", "gzip"))
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in stream.headers
        assert (await event(stream))[0] == "hello"
        for _ in range(5):
            number = await publish(site)
            assert await event(stream) == ("message", number)
        await stream.close()

    told(story)


def test_a_socket_that_comes_back_gets_what_it_missed(site: Site) -> None:
    async def story() -> None:
        missed = [await publish(site) for _ in range(3)]
        socket = await joined(site, missed[0])
        assert [await received(socket, "message") for _ in missed[1:]] == missed[1:]
        assert await received(socket, "joined") == missed[-1]
        number = await publish(site)
        assert await received(socket, "message") == number
        await socket.close()

    told(story)


def test_a_stream_that_comes_back_gets_what_it_missed(site: Site) -> None:
    async def story() -> None:
        missed = [await publish(site) for _ in range(3)]
        stream = await site.stream(("Last-Event-ID", str(missed[0])))
        assert (await event(stream))[0] == "hello"
        assert [await event(stream) for _ in missed[1:]] == [("message", n) for n in missed[1:]]
        number = await publish(site)
        assert await event(stream) == ("message", number)
        await stream.close()

    told(story)
