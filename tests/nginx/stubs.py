"""Stub pools: small HTTP servers in the test process that tell what reached them, and answer as a test says."""

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import h11


@dataclass(frozen=True)
class Seen:
    """A request as it reached a pool; `connection` and `nth` number the connection and the request on it, from 1."""

    pool: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int
    nth: int

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str | None:
        """The only value of a header, None where it is absent; a second one fails."""
        values = self.all(name)
        assert len(values) < 2, (name, values)
        return values[0] if values else None


@dataclass(frozen=True)
class Answer:
    """What a stub sends back; a body of several parts is sent chunked, part by part. `drop` closes without a byte.

    `endless` sends the parts as they are, until the connection ends: no length, no chunks.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Iterable[bytes] = b""
    drop: bool = False
    endless: bool = False


Rule = Callable[[Seen], Answer]


def hop(name: str) -> Answer:
    """The hand-over as the runtime answers it."""
    return Answer(headers=(("X-Accel-Redirect", name), ("Content-Length", "0")))


def report(seen: Seen) -> Answer:
    """The request as JSON: what every path answers where a test set no rule."""
    told = {
        "pool": seen.pool,
        "method": seen.method,
        "target": seen.target,
        "headers": seen.headers,
        "length": len(seen.body),
        "sha256": hashlib.sha256(seen.body).hexdigest(),
        "connection": seen.connection,
        "nth": seen.nth,
    }
    body = json.dumps(told).encode()
    return Answer(headers=(("Content-Type", "application/json"), ("Content-Length", str(len(body)))), body=body)


@dataclass
class StubPool:
    """One pool on a free loopback port; `rules` maps a path, without its query, to an answer."""

    name: str
    rules: dict[str, Rule] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        self.rules.clear()
        self.seen.clear()
        self.closed.clear()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection, next(self._numbers)), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError, h11.RemoteProtocolError):
            for nth in count(1):
                if not self._one(connection, number, nth):
                    break
        self.closed.append(number)

    def _one(self, connection: socket.socket, number: int, nth: int) -> bool:
        """Serves one request; False where the connection ends after it."""
        state = h11.Connection(h11.SERVER)
        request, body = self._read(connection, state)
        if request is None:
            return False
        headers = tuple((key.decode(), value.decode("latin-1")) for key, value in request.headers)
        seen = Seen(self.name, request.method.decode(), request.target.decode(), headers, body, number, nth)
        self.seen.append(seen)
        if seen.one("Upgrade"):
            switch = h11.InformationalResponse(
                status_code=101, headers=[("Upgrade", "websocket"), ("Connection", "upgrade")]
            )
            connection.sendall(state.send(switch) or b"")
            while data := connection.recv(65536):
                connection.sendall(data)
            return False
        answer = self.rules.get(seen.target.partition("?")[0], report)(seen)
        if answer.drop:
            return False
        if answer.endless:
            lines = [f"HTTP/1.1 {answer.status} OK", *(f"{key}: {value}" for key, value in answer.headers)]
            connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            for part in answer.body:
                assert isinstance(part, bytes)
                connection.sendall(part)
            return False
        whole = isinstance(answer.body, bytes)
        headers = answer.headers
        if whole and not any(key.lower() == "content-length" for key, _ in headers) and answer.status not in (204, 304):
            headers += (("Content-Length", str(len(answer.body))),)  # type: ignore[arg-type]
        connection.sendall(state.send(h11.Response(status_code=answer.status, headers=list(headers))) or b"")
        for part in [answer.body] if isinstance(answer.body, bytes) else answer.body:
            if seen.method != "HEAD":
                connection.sendall(state.send(h11.Data(data=part)) or b"")
        connection.sendall(state.send(h11.EndOfMessage()) or b"")
        return state.our_state is h11.DONE and state.their_state is h11.DONE

    @staticmethod
    def _read(connection: socket.socket, state: h11.Connection) -> tuple[h11.Request | None, bytes]:
        request, parts = None, []
        while True:
            match event := state.next_event():
                case h11.NEED_DATA:
                    state.receive_data(connection.recv(65536))
                case h11.Request():
                    request = event
                case h11.Data():
                    parts.append(bytes(event.data))
                case h11.EndOfMessage():
                    return request, b"".join(parts)
                case _:
                    return None, b""
