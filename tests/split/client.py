"""A small HTTP/1.1 client for tests/split: many requests at once, streams read as far as a test wants, then dropped.

Every wait is bounded by PATIENCE, which is no measure of speed: it only ends a test that would otherwise hang.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import h11

PATIENCE = 60  # seconds

# Django accepts any well-formed pair of these, so that no page need be fetched for a token first.
CSRF = {"Cookie": f"csrftoken={'k' * 32}", "X-CSRFToken": "k" * 32}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes = b""
    _reader: Any = field(default=None, repr=False)

    @property
    def pool(self) -> str | None:
        return self.headers.get("x-served-by")

    def facts(self) -> dict[str, Any] | None:
        """What the view says of itself: the JSON that it answers with, or that of its first event."""
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/json"):
            return dict(json.loads(self.body))
        if kind.startswith("text/event-stream"):
            for line in self.body.decode().splitlines():
                if line.startswith("data: "):
                    return dict(json.loads(line.removeprefix("data: ")))
        if "x-body" in self.headers:
            length, digest = self.headers["x-body"].split()
            return {"length": int(length), "sha256": digest}
        return None

    async def until(self, mark: bytes, times: int = 1) -> bytes:
        """Reads on until `mark` has come `times` times in all. Raises EOFError where the body ends before."""
        async with asyncio.timeout(PATIENCE):
            while self.body.count(mark) < times:
                if not (chunk := await self._reader()):
                    raise EOFError(f"the body ended after {self.body!r}")
                self.body += chunk
        return self.body

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            while chunk := await self._reader():
                self.body += chunk
        return self.body

    @property
    def streams(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")


@asynccontextmanager
async def opened(
    url: str,
    path: str,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    chunked: bool = False,
) -> AsyncIterator[Answer]:
    """One request on a connection of its own; the body is read by the methods of what it yields."""
    where = urlsplit(url)
    state = h11.Connection(h11.CLIENT)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(where.hostname, where.port or 80)

    async def event() -> Any:
        while (got := state.next_event()) is h11.NEED_DATA:
            state.receive_data(await reader.read(65536))
        return got

    async def chunk() -> bytes:
        got = await event()
        return bytes(got.data) if isinstance(got, h11.Data) else b""

    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
    unsafe = method not in ("GET", "HEAD")
    request = h11.Request(
        method=method, target=path, headers=[("Host", where.netloc), *headers, *([framing] if unsafe or body else [])]
    )

    async def send() -> None:
        writer.write(state.send(request) or b"")
        for start in range(0, len(body), 50_000):
            writer.write(state.send(h11.Data(data=body[start : start + 50_000])) or b"")
            await writer.drain()
        writer.write(state.send(h11.EndOfMessage()) or b"")
        await writer.drain()

    try:
        async with asyncio.timeout(PATIENCE):
            await send()
            while not isinstance(first := await event(), h11.Response):
                if not isinstance(first, h11.InformationalResponse):
                    raise ConnectionError(f"{method} {path}: the connection ended before an answer")
        yield Answer(first.status_code, {k.decode().lower(): v.decode("latin-1") for k, v in first.headers}, b"", chunk)
    finally:
        writer.close()


async def ask(url: str, path: str, method: str = "GET", ends: bool = False, **more: Any) -> Answer:
    """One request and its answer: the whole body, but only the first event of an event stream not said to end."""
    async with opened(url, path, method, **more) as answer:
        if method == "HEAD" or ends or not answer.streams:
            await answer.rest()
        else:
            await answer.until(b"\n\n")
        return answer


async def ask_all(url: str, asked: Iterable[dict[str, Any]], at_once: int) -> list[Answer]:
    """Many requests, `at_once` at a time; the answers in the order of what was asked."""
    free = asyncio.Semaphore(at_once)

    async def one(arguments: dict[str, Any]) -> Answer:
        async with free:
            return await ask(url, **arguments)

    return list(await asyncio.gather(*(one(arguments) for arguments in asked)))
