"""A client that sends exactly what a test says, also what no library would send."""

import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h11

Headers = Iterable[tuple[str, str]]
SOCKET: Headers = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
EVENTS: Headers = (("Accept", "text/event-stream"),)
PATIENCE = 30.0  # seconds; a bound so that no test hangs, never a promise


@dataclass(frozen=True)
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) < 2, (name, values)
        return values[0] if values else None

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def told(self) -> dict[str, Any]:
        """What a stub pool reported; fails where the edge answered by itself."""
        assert self.status == 200, (self.status, self.body[:300])
        told: dict[str, Any] = json.loads(self.body)
        return told

    def header(self, name: str) -> str | None:
        """The only value of a request header as the pool got it."""
        values = [value for key, value in self.told["headers"] if key == name.lower()]
        assert len(values) < 2, (name, values)
        return values[0] if values else None


class Line:
    """One connection to the edge."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        self.sock = sock
        self.host = host
        sock.settimeout(PATIENCE)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def request(
        self, target: str, headers: Headers = (), *, method: str = "GET", host: str | None = None, version: str = "1.1"
    ) -> None:
        lines = [f"{method} {target} HTTP/{version}", f"Host: {self.host if host is None else host}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def read(self, method: str = "GET") -> Reply:
        """One whole answer. Raises OSError where none comes, AssertionError where the connection ends in it."""
        state = self._state(method)
        headers: tuple[tuple[str, str], ...] = ()
        status, parts = 0, []
        while True:
            match event := state.next_event():
                case h11.NEED_DATA:
                    state.receive_data(self.sock.recv(65536))
                case h11.Response() | h11.InformationalResponse():
                    headers = tuple((key.decode(), value.decode("latin-1")) for key, value in event.headers)
                    status = event.status_code
                    if status == 101:
                        return Reply(status, headers, b"")
                case h11.Data():
                    parts.append(bytes(event.data))
                case h11.EndOfMessage():
                    return Reply(status, headers, b"".join(parts))
                case _:
                    raise AssertionError(f"the connection ended instead of an answer: {event!r}")

    @staticmethod
    def _state(method: str) -> h11.Connection:
        state = h11.Connection(h11.CLIENT)
        offered = [("host", "x")] + ([("upgrade", "websocket"), ("connection", "upgrade")] if method == "GET" else [])
        state.send(h11.Request(method=method, target="/", headers=offered))
        state.send(h11.EndOfMessage())
        return state

    def bytes_until_closed(self) -> bytes:
        """What still comes until the edge closes; fails where it does not close within PATIENCE."""
        end = time.monotonic() + PATIENCE
        got = b""
        try:
            while data := self.sock.recv(65536):
                got += data
                assert time.monotonic() < end, "the edge keeps sending"
        except ConnectionResetError:
            pass
        return got


@contextmanager
def line(port: int, host: str | None = None) -> Iterator[Line]:
    """A connection; `host` is sent as Host, with the port by default, as browsers do."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        yield Line(sock, f"localhost:{port}" if host is None else host)


def ask(
    port: int,
    target: str,
    headers: Headers = (),
    *,
    method: str = "GET",
    body: bytes | None = None,
    host: str | None = None,
    version: str = "1.1",
) -> Reply:
    """One request on a connection of its own."""
    sent = list(headers) + ([("Content-Length", str(len(body)))] if body is not None else [])
    with line(port) as one:
        one.request(target, sent, method=method, host=host, version=version)
        if body:
            one.send(body)
        return one.read(method)
