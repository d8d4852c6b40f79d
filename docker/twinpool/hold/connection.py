"""One HTTP/1.1 connection on h11 over asyncio streams. Used by the client and by the held streams."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import h11

from twinpool.hold.target import Target

Headers = list[tuple[str, str]]
READ = 65536
MOST_HEAD = 65536  # bytes of an answer's head
_CUT = "closed in the middle of an answer"
_NOT_HTTP = "an answer that is not HTTP"


class TransportError(Exception):
    """A request got no whole answer; the text is the phrase that the receipt counts it under."""


@dataclass(frozen=True)
class Sent:
    """One request. A body of None sends none; b"" sends an empty one."""

    method: str
    path: str
    headers: Headers
    body: bytes | None = None


@dataclass(frozen=True)
class Answered:
    """The head of an answer, header names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]


class Connection:
    """One connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
        self._writing: asyncio.Task[None] | None = None
        self._any = self._over = False  # whether a byte of this answer came, and whether the other side has ended

    @classmethod
    async def open(cls, target: Target) -> "Connection":
        """A fresh connection. Raises TransportError."""
        try:
            return cls(*await target.open())
        except ConnectionRefusedError:
            raise TransportError("connection refused") from None
        except TimeoutError:
            raise TransportError("no connection in time") from None
        except OSError as error:
            raise TransportError(f"no connection: {error.strerror or type(error).__name__}") from None

    @property
    def ended(self) -> bool:
        """Whether the other side is known to have closed while the connection was idle."""
        return self._reader.at_eof() or self._reader.exception() is not None or self._writer.is_closing()

    def reusable(self) -> bool:
        """Makes the connection ready for its next request; False where it has to be closed instead."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE or self.ended:
            return False
        self._h11.start_next_cycle()
        return True

    async def send(self, sent: Sent) -> Answered | None:
        """Sends the request and reads the answer's head; None where the connection ended before a byte of it.

        The body is written beside the reading, since a server may refuse it (413) before it has read it all.
        Raises TransportError.
        """
        self._any = False
        headers = list(sent.headers)
        if sent.body is not None:
            headers.append(("Content-Length", str(len(sent.body))))
        try:
            head = self._h11.send(h11.Request(method=sent.method, target=sent.path, headers=headers))
        except h11.LocalProtocolError as error:
            raise TransportError(f"a request that HTTP cannot carry: {error}") from None
        self._writing = asyncio.create_task(self._write(head or b"", sent.body or b""))
        event = await self._next()
        while isinstance(event, h11.InformationalResponse):
            event = await self._next()
        if event is None:
            return None
        if not isinstance(event, h11.Response):
            raise TransportError(_NOT_HTTP)
        return Answered(event.status_code, tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in event.headers))

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises TransportError where it ends before its end."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                raise TransportError(_CUT)

    async def _write(self, head: bytes, body: bytes) -> None:
        # A write that fails says nothing yet: the answer may already lie in the receive buffer.
        with contextlib.suppress(OSError):
            self._writer.write(head)
            for start in range(0, len(body), READ):
                self._writer.write(self._h11.send(h11.Data(data=body[start : start + READ])) or b"")
                await self._writer.drain()
            self._writer.write(self._h11.send(h11.EndOfMessage()) or b"")
            await self._writer.drain()

    async def _next(self) -> h11.Event | None:
        """The next event; None where the connection ended before a byte of this answer."""
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError:
                raise TransportError(_CUT if self._over else _NOT_HTTP) from None
            if event is h11.PAUSED:
                raise TransportError(_NOT_HTTP)
            if not isinstance(event, type):  # NEED_DATA is a class of its own kind
                return event
            data = await self._read()
            if not data and not self._any:
                return None
            self._any, self._over = True, not data
            self._h11.receive_data(data)

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(READ)
        except OSError:
            return b""

    def abort(self) -> None:
        """Closes at once, without waiting."""
        if self._writing:
            self._writing.cancel()
        self._writer.transport.abort()

    async def close(self) -> None:
        """Closes in order, waiting a moment for the other side."""
        if self._writing:
            self._writing.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
