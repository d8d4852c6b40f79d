"""Sockets through the edge: frames of every size, and who may open one."""

import asyncio
import json
import random

import pytest
from websockets.exceptions import InvalidStatus

from .site import SECONDS, Site

pytestmark = pytest.mark.pools("both", "asgi")
MEBIBYTE = 1024 * 1024
FRAMES: dict[str, str | bytes] = {
    "text": "plain",
    "no text": "",
    "no bytes": b"",
    "text beyond ASCII": "grüße \u2603 \U0001f600",
    "every byte": bytes(range(256)),
    "a length on the 16-bit border": "x" * 65_536,
    "1 MiB of text": "x" * MEBIBYTE,
    "1 MiB of bytes": random.Random(1).randbytes(MEBIBYTE),
}


def opened(site: Site, origin: str | None) -> str:
    """The pool that greets a socket from this origin; None is the site's own, "" sends no Origin header."""

    async def story() -> str:
        socket = await site.socket(origin)
        async with asyncio.timeout(SECONDS):
            hello = json.loads(await socket.recv())
        await socket.close()
        assert hello["type"] == "hello"
        return str(hello["pool"])

    return asyncio.run(story())


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_a_frame_comes_back_as_it_went(site: Site, frame: str | bytes) -> None:
    async def story() -> None:
        async with asyncio.timeout(SECONDS):
            socket = await site.socket()
            await socket.recv()
            await socket.send(frame)
            assert await socket.recv() == frame
            await socket.close()

    asyncio.run(story())


def test_frames_keep_their_order_and_kind(site: Site) -> None:
    async def story() -> None:
        sent = [str(n) if n % 2 else str(n).encode() for n in range(200)]
        async with asyncio.timeout(SECONDS):
            socket = await site.socket()
            await socket.recv()
            for frame in sent:
                await socket.send(frame)
            assert [await socket.recv() for _ in sent] == sent
            await socket.close()

    asyncio.run(story())


def test_a_socket_of_the_sites_own_pages_is_accepted(site: Site) -> None:
    assert opened(site, None) == "asgi"


def test_a_socket_without_an_origin_is_accepted(site: Site) -> None:
    """Programs that are no browser send none; Origin guards against pages of others, not against programs."""
    assert opened(site, "") == "asgi"


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example",
        "{scheme}://{host}.elsewhere.example",
        "{scheme}://elsewhere.example:80@{host}",
        "{scheme}://x{host}",
        "{scheme}://{host}:1",
        "null",
        "ftp://{host}",
    ],
)
def test_a_socket_of_a_foreign_page_is_refused(site: Site, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(site, origin.format(scheme=site.target.scheme, host=site.target.host))
    assert refused.value.response.status_code == 403


def test_a_socket_without_the_secret_is_refused(site: Site) -> None:
    for headers in [], [("X-Twinpool-Probe", "wrong")]:
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(site.socket(headers=headers))
        assert refused.value.response.status_code in (403, 404)
