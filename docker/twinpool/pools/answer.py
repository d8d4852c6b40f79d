"""A whole answer of the runtime's own, and how each pool sends it. Used by all that answers before the project."""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from twinpool.handover.decision import Hop
from twinpool.pools.admission import RETRY_SECONDS

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Answer:
    """Status, body and headers; Content-Length is added when it is sent."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """The headers with the body's length."""
        return [*self.headers, ("Content-Length", str(len(self.body)))]


def text(status: int, words: str = "", *headers: tuple[str, str]) -> Answer:
    """A short plain text that no cache keeps."""
    words = words or HTTPStatus(status).phrase
    plain = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))
    return Answer(status, f"{words}\n".encode(), (*plain, *headers))


def as_json(status: int, value: Any) -> Answer:
    """A JSON object that no cache keeps."""
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Answer(status, json.dumps(value).encode() + b"\n", headers)


def busy(words: str) -> Answer:
    """503 with Retry-After."""
    return text(503, words, ("Retry-After", str(RETRY_SECONDS)))


def hop(to: Hop) -> Answer:
    """The hand-over, which the edge acts on: nothing else in it, since the edge would pass the rest to the client."""
    return Answer(200, headers=(("X-Accel-Redirect", to),))


def to_wsgi(answer: Answer, start_response: Callable[..., Any], head: bool = False) -> Iterable[bytes]:
    """Send it from a WSGI application; the caller has read the request's body or does not care."""
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.all_headers)
    return [] if head or not answer.body else [answer.body]


async def to_asgi(answer: Answer, send: Send, kind: str = "http") -> None:
    """Send it from an ASGI application; `kind` is "websocket.http" to refuse a handshake."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.all_headers]
    await send({"type": f"{kind}.response.start", "status": answer.status, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": answer.body, "more_body": False})


async def read_body(receive: Receive) -> bytes | None:
    """The whole body of an ASGI request; None if the client has gone."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
