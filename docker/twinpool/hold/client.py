"""An HTTP/1.1 client that keeps its connections and knows stale from failed. Used by hold, pages and conformance."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twinpool.hold.connection import Answered, Connection, Headers, Sent, TransportError
from twinpool.hold.target import Target

REQUEST_SECONDS = 20  # the edge itself gives a pool up to 7 s to take a connection
MOST_BODY = 16 * 1024 * 1024
MOST_IDLE = 64  # connections kept; as many as requests ever run at once


@dataclass(frozen=True)
class Answer:
    """One answer, read to its end. `stale` says that a kept connection turned out closed and a fresh one was used."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    stale: bool = False

    def header(self, name: str) -> str | None:
        """The first header of this name, compared without case; None where there is none."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON. Raises ValueError where it is none."""
        return json.loads(self.body)


class Client:
    """Sends requests to one target on reused connections. Close it when done."""

    def __init__(self, target: Target, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.target = target
        self.headers = [("Host", target.authority), ("User-Agent", "twinpool-hold"), *headers]
        self.stale = 0
        self._idle: list[Connection] = []

    async def request(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> Answer:
        """Sends one request, reads its answer to the end.

        A kept connection that the other side had closed (no byte of an answer came) is counted in `stale` and the
        request sent once more on a fresh connection, as browsers do. `seconds` bounds each of the two. A header given
        here replaces the client's own of that name.

        Raises TransportError with a phrase of what happened.
        """
        sent = Sent(method, path, self._headers(headers), body)
        kept = self._kept()
        if kept is not None:
            answer = await self._exchange(kept, sent, seconds)
            if answer is not None:
                return answer
            self.stale += 1
        answer = await self._exchange(await Connection.open(self.target), sent, seconds)
        if answer is None:
            raise TransportError("closed before an answer on a fresh connection")
        return answer if kept is None else Answer(answer.status, answer.headers, answer.body, stale=True)

    async def get(self, path: str, headers: Iterable[tuple[str, str]] = (), seconds: float = REQUEST_SECONDS) -> Answer:
        """`request` with GET."""
        return await self.request("GET", path, headers, seconds=seconds)

    async def close(self) -> None:
        """Closes the kept connections."""
        while self._idle:
            await self._idle.pop().close()
        await asyncio.sleep(0)  # what was aborted ends with the loop's next turn

    def _headers(self, given: Iterable[tuple[str, str]]) -> Headers:
        own = list(given)
        named = {name.lower() for name, _ in own}
        return [*((name, value) for name, value in self.headers if name.lower() not in named), *own]

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.ended:
                return connection
            connection.abort()
        return None

    async def _exchange(self, connection: Connection, sent: Sent, seconds: float) -> Answer | None:
        """The answer, or None where the connection ended before any byte of one."""
        try:
            async with asyncio.timeout(seconds):
                answered = await connection.send(sent)
                body = b"" if answered is None else await _whole(connection)
        except TimeoutError:
            connection.abort()
            raise TransportError(f"no whole answer within {seconds:g} s") from None
        except BaseException:
            connection.abort()
            raise
        if answered is None:
            connection.abort()
            return None
        self._keep(connection)
        return _answer(answered, body)

    def _keep(self, connection: Connection) -> None:
        if connection.reusable() and len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.abort()


async def _whole(connection: Connection) -> bytes:
    body = bytearray()
    async for chunk in connection.chunks():
        body += chunk
        if len(body) > MOST_BODY:
            raise TransportError(f"an answer above {MOST_BODY} bytes")
    return bytes(body)


def _answer(answered: Answered, body: bytes) -> Answer:
    return Answer(answered.status, answered.headers, body)
