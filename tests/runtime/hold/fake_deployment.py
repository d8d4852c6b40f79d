"""A deployment in one process that speaks the probe endpoints and breaks on demand. Used by the tests of hold."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

SECRET = "a secret of the tests"
PAGE = (
    '<link rel="stylesheet" href="/static/a.0123456789ab.css"><script src="/static/b.js"></script>'
    '<img src="//elsewhere.test/c.png">'
)


@dataclass(eq=False)
class Peer:
    """One socket or stream that is connected."""

    writer: asyncio.StreamWriter
    protocol: ServerProtocol | None = None  # None for a stream
    joined: bool = False

    def deliver(self, number: int) -> None:
        message = json.dumps({"type": "message", "n": number, "at": 0})
        if self.protocol is None:
            self.chunk(f"event: message\nid: {number}\ndata: {message}\n\n")
        elif self.joined and self.protocol.state.name == "OPEN":
            self.say(message)

    def say(self, text: str) -> None:
        assert self.protocol
        self.protocol.send_text(text.encode())
        self.flush()

    def flush(self) -> None:
        assert self.protocol
        for data in self.protocol.data_to_send():
            self.writer.write(data) if data else self.writer.write_eof()

    def chunk(self, text: str) -> None:
        self.writer.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())

    def close(self, code: int) -> None:
        """Ends in order: a close frame with this code, or the stream's last chunk after its `retry:`."""
        if self.protocol is None:
            self.chunk("retry: 50\n\n")
            self.writer.write(b"0\r\n\r\n")
            self.writer.close()
        elif self.protocol.state.name == "OPEN":
            self.protocol.send_close(code)
            self.flush()


@dataclass(eq=False)
class FakeDeployment:
    """The site. Faults are its public fields; a path in `answers` gets that status instead of its own answer."""

    url: str = ""
    release: str = "r1"
    answers: dict[str, int] = field(default_factory=dict)
    page: str = PAGE
    pools: tuple[str, str] = ("wsgi", "asgi")
    hang: set[str] = field(default_factory=set)  # paths that are never answered
    deaf: bool = False  # publishes reach nobody
    forget: set[int] = field(default_factory=set)  # numbers that neither delivery nor the log has
    stale: int = 0  # so many requests on a reused connection are met by a close
    cut_answers: int = 0  # so many answers end in the middle
    refuse_sockets: int = 0  # so many handshakes are answered 503
    numbers: int = 0
    sockets: set[Peer] = field(default_factory=set)
    streams: set[Peer] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def close_spread(self, seconds: float, code: int = 1012) -> None:
        """Closes all sockets, evenly over so many seconds, then all streams: what a drain does."""
        sockets = list(self.sockets)
        for socket in sockets:
            socket.close(code)
            await asyncio.sleep(seconds / max(1, len(sockets) - 1))
        for stream in list(self.streams):
            stream.close(code)

    def publish(self) -> int:
        self.numbers += 1
        if not self.deaf and self.numbers not in self.forget:
            for peer in [*self.sockets, *self.streams]:
                peer.deliver(self.numbers)
        return self.numbers

    def missed(self, since: int) -> list[int]:
        return [n for n in range(since + 1, self.numbers + 1) if n not in self.forget and not self.deaf]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            count = 0
            while await self._one(reader, writer, count):
                count += 1
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int) -> bool:
        """One request; False where the connection ends with it."""
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().strip().split("\r\n")
        method, target, _ = first.split()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if count and self.stale:
            self.stale -= 1
            return False
        path = urlsplit(target).path
        if path in self.hang:
            await reader.read()
            return False
        status = self.answers.get(path, 200)
        if path.startswith("/-/") and headers.get("x-twinpool-probe") != SECRET:
            status = 404
        if status == 200 and path == "/-/probe/echo":
            await self._socket(head, reader, writer)
            return False
        if status == 200 and path == "/-/probe/stream":
            await self._stream(int(headers.get("last-event-id", self.numbers)), reader, writer)
            return False
        kind, content = self._content(method, target, headers, body) if status == 200 else ("text/plain", b"no")
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode())
        if path.startswith("/-/") and self.cut_answers:
            self.cut_answers -= 1
            writer.write(content[:3])
            await writer.drain()
            writer.close()
            return False
        writer.write(content)
        await writer.drain()
        return True

    def _content(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[str, bytes]:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        pool = self.pools["text/event-stream" in headers.get("accept", "")]
        said: dict[str, object] = {"pool": pool, "release": self.release, "host": f"{self.release}-{pool}"}
        if path == "/-/probe/publish":
            said = {"n": self.publish()}
        elif path == "/-/probe/body":
            said |= {"length": len(body), "sha256": hashlib.sha256(body).hexdigest(), "hop": query.get("hop")}
        elif path != "/-/probe/who":
            return "text/html", self.page.encode()
        return "application/json", json.dumps(said).encode()

    async def _socket(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(writer, ServerProtocol())
        assert peer.protocol
        peer.protocol.receive_data(head)
        [request] = peer.protocol.events_received()
        assert isinstance(request, Request)
        if self.refuse_sockets:
            self.refuse_sockets -= 1
            peer.protocol.send_response(peer.protocol.reject(503, "full"))
            peer.flush()
            return
        peer.protocol.send_response(peer.protocol.accept(request))
        peer.say(json.dumps({"type": "hello", "release": self.release, "pool": "asgi", "host": f"{self.release}-asgi"}))
        self.sockets.add(peer)
        try:
            while data := await reader.read(65536):
                peer.protocol.receive_data(data)
                peer.flush()
                for frame in peer.protocol.events_received():
                    if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT:
                        self._join(peer, json.loads(bytes(frame.data))["since"])
        finally:
            self.sockets.discard(peer)

    def _join(self, peer: Peer, since: int) -> None:
        peer.joined = True
        for number in self.missed(since):
            peer.deliver(number)
        peer.say(json.dumps({"type": "joined", "last": self.numbers}))

    async def _stream(self, since: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        peer = Peer(writer)
        hello = json.dumps({"pool": "asgi", "release": self.release, "host": f"{self.release}-asgi"})
        peer.chunk(f"event: hello\ndata: {hello}\n\n: heartbeat\n\n")
        for number in self.missed(since):
            peer.deliver(number)
        self.streams.add(peer)
        try:
            while not reader.at_eof():
                try:
                    async with asyncio.timeout(1):
                        await reader.read(65536)
                except TimeoutError:
                    peer.chunk(": heartbeat\n\n")
        finally:
            self.streams.discard(peer)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def deployed() -> AsyncIterator[FakeDeployment]:
    """A fake deployment on a free port of the loopback."""
    site = FakeDeployment()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.close()
        await site.stop()
