"""The deployment under test: what a client can ask it, well-formed or not. Used by every test of this folder."""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from twinpool.hold import Answer, Client, Target
from twinpool.hold.connection import Connection, Sent
from twinpool.hold.sockets import open_socket
from twinpool.hold.streams import Events
from websockets.asyncio.client import ClientConnection

Headers = Iterable[tuple[str, str]]
EVENTS = ("Accept", "text/event-stream")
SECONDS = 20  # bounds a wait for what has to come; nothing is asserted of times


@dataclass(frozen=True)
class Raw:
    """What came back for bytes that no client library would send; status 0 where nothing did."""

    status: int
    text: str


@dataclass(frozen=True)
class Site:
    target: Target
    secret: str = field(repr=False)
    pools: str
    ca: Path | None

    @property
    def page_pool(self) -> str:
        """The pool of a request that asks for nothing special."""
        return "asgi" if self.pools == "asgi" else "wsgi"

    @property
    def event_pool(self) -> str:
        """The pool of a request that asks for an event stream."""
        return "wsgi" if self.pools == "wsgi" else "asgi"

    @property
    def proof(self) -> tuple[str, str]:
        return "X-Twinpool-Probe", self.secret

    def ask(self, path: str, headers: Headers = (), method: str = "GET", body: bytes | None = None) -> Answer:
        """One request with the probe secret on a connection of its own. A header given replaces a default one."""

        async def asking() -> Answer:
            client = Client(self.target, [self.proof])
            try:
                return await client.request(method, path, headers, body)
            finally:
                await client.close()

        return asyncio.run(asking())

    def who(self, *headers: tuple[str, str], path: str = "/-/probe/who") -> dict[str, object]:
        """What the pool that answers says of itself and of the request."""
        answer = self.ask(path, headers)
        assert answer.status == 200, answer
        return dict(answer.json())

    def raw(self, *lines: str, body: bytes = b"", host: str | None = "") -> Raw:
        """Sends these header lines as they are and reads until the server closes. `host` None sends no Host header."""
        given = [] if host is None else [f"Host: {host or self.target.authority}"]
        head = "\r\n".join([lines[0], *given, *lines[1:], ": ".join(self.proof), "Connection: close", "", ""])
        return self.send(head.encode() + body)

    def send(self, data: bytes) -> Raw:
        """Sends these bytes and reads until the server closes."""
        with self.connect() as connection:
            answer = b""
            try:
                connection.sendall(data)
                while chunk := connection.recv(65536):
                    answer += chunk
            except (ConnectionError, ssl.SSLError):
                pass  # closed while it was written to: what came before counts
        status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0
        return Raw(status, answer.decode(errors="replace"))

    def connect(self, context: ssl.SSLContext | None = None) -> socket.socket:
        """A blocking connection, with TLS where the URL is https."""
        plain = socket.create_connection((self.target.connect_host, self.target.connect_port), timeout=SECONDS)
        tls = context or self.target.tls
        return tls.wrap_socket(plain, server_hostname=self.target.host) if tls else plain

    async def socket(
        self, origin: str | None = None, headers: Headers | None = None, path: str = "/-/probe/echo"
    ) -> ClientConnection:
        """An open socket; `origin` None is the site's own."""
        return await open_socket(self.target, path, dict([self.proof] if headers is None else headers), origin)

    async def stream(self, *headers: tuple[str, str]) -> "Stream":
        """An open event stream of the probe."""
        connection = await Connection.open(self.target)
        given = [("Host", self.target.authority), EVENTS, self.proof, *headers]
        answered = await connection.send(Sent("GET", "/-/probe/stream", given))
        assert answered is not None, "the stream's connection was closed without an answer"
        assert answered.status == 200, answered
        return Stream(connection, dict(answered.headers))


class Stream:
    """An open stream: its headers, and its events one after the other."""

    def __init__(self, connection: Connection, headers: dict[str, str]) -> None:
        self.headers = headers
        self._connection = connection
        self._events = aiter(Events(connection.chunks(), SECONDS))

    async def next(self) -> tuple[str, str | None]:
        """The next event's type and id."""
        async with asyncio.timeout(SECONDS):
            event = await anext(self._events)
        return event.event, event.id

    async def close(self) -> None:
        self._connection.abort()
        await asyncio.sleep(0)
