"""How the WSGI pool takes an answer from the project and passes it on. Used by wsgi."""

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twinpool.pools import headers
from twinpool.pools.drain import Sign, lifetime

Headers = list[tuple[str, str]]
CHUNK = 65536


def read_to_end(environ: dict[str, Any]) -> bytes:
    """What is left of the request's body; the edge bounds its size."""
    body = environ["wsgi.input"]
    parts = []
    while part := body.read(CHUNK):
        parts.append(part)
    return b"".join(parts)


def skip_body(environ: dict[str, Any]) -> None:
    """Read what the project left of the request's body, and forget it.

    Answered with a body on its way, gunicorn closes the connection, and the edge makes a 502 of the answer.
    """
    if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
        while environ["wsgi.input"].read(CHUNK):
            pass


def to_project(application: Any, environ: dict[str, Any], below_static: bool) -> tuple[Any, str, Headers]:
    """Call the project: what it returns, its status and its headers as they may pass.

    Its start_response is not the server's, so that the answer can still be replaced.
    """
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, given: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
        started.append((status, given))
        return _no_write

    result = application(environ, start_response)
    iterator = None
    if not started:  # a generator, which starts when it is asked for its first piece
        iterator = iter(result)
        first = next(iterator, b"")
        result = _Begun(first, iterator, result)
    status, given = started[-1]
    passing = headers.passed(given)
    if below_static and status.startswith("404"):
        passing = headers.uncached(passing, "cache-control", "no-store")
    return result, status, passing


def _no_write(data: bytes) -> None:
    raise NotImplementedError("write() of PEP 3333 is for applications older than WSGI; return the body instead")


class _Begun:
    """A generator's answer with its first piece read already."""

    def __init__(self, first: bytes, rest: Iterator[bytes], result: Any) -> None:
        self._first, self._rest, self._result = first, rest, result

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        yield from self._rest

    def close(self) -> None:
        """PEP 3333."""
        if close := getattr(self._result, "close", None):
            close()


class PieceByPiece:
    """A synchronous stream under way: gives its place back at the end, and an event stream ends in a drain, or old."""

    def __init__(
        self, result: Iterable[bytes], sign: Sign, leave: Callable[[], None], given: Headers, age: float = 0.0
    ) -> None:
        self._result, self._sign, self._leave = result, sign, leave
        kind = headers.value(given, "content-type") or ""
        self._events = kind.startswith("text/event-stream")
        self._plain = headers.value(given, "content-encoding") is None
        # Without it the edge would collect the events. A download may be collected: that frees its thread sooner.
        self.headers = [*given, ("X-Accel-Buffering", "no")] if self._events else given
        self._moves: float | None = None
        self._old = time.monotonic() + lifetime(age, random.SystemRandom()) if age else math.inf

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._result:
            yield piece
            if self._events and piece.endswith((b"\n\n", b"\r\r", b"\r\n\r\n")) and self._leaves():
                if self._plain:
                    yield b"retry: %d\n\n" % retry_milliseconds()
                return

    def close(self) -> None:
        """PEP 3333; called once, at the end of the answer or of the connection."""
        try:
            if close := getattr(self._result, "close", None):
                close()
        finally:
            self._leave()

    def _leaves(self) -> bool:
        """Whether this stream's moment, in a drain or by its age, has come; seen when an event has been sent."""
        order = self._sign.order()
        if order.state == "serving":
            return time.monotonic() >= self._old
        if self._moves is None:
            self._moves = time.monotonic() + random.SystemRandom().uniform(0, order.window)
        return time.monotonic() >= self._moves


def retry_milliseconds() -> int:
    """When the client of a stream that was ended shall come back: not all at once."""
    return random.SystemRandom().randint(200, 2000)


def send_slowly(start_response: Callable[..., Any], seconds: float) -> Iterator[bytes]:
    """The probe's trickle: a byte each tenth of a second."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
    for _ in range(round(seconds * 10)):
        time.sleep(0.1)
        yield b"."
