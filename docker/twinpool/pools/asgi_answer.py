"""What a project sends through ASGI, on its way to the server: hop, header rules, and the end of event streams."""

import asyncio
from collections.abc import Callable
from typing import Any

from twinpool.handover.arrival import Arrival
from twinpool.pools import answer, counters, headers
from twinpool.pools.answer import Answer, Send
from twinpool.pools.drain import Drain
from twinpool.pools.wsgi_answer import retry_milliseconds

Message = dict[str, Any]
BOUNDARIES = (b"\n\n", b"\r\r", b"\r\n\r\n")
BOUNDARY_SECONDS = 2.0  # how long a stream's end waits for the end of the event that is being sent


class Outgoing:
    """The sending side of one HTTP request; an event stream among them can be moved by the drain.

    `instead` is asked once, before anything is sent, for an answer to send in the place of the project's.
    """

    def __init__(
        self,
        send: Send,
        came: Arrival,
        drain: Drain,
        probe: bool = False,
        below_static: bool = False,
        instead: Callable[[], Answer | None] = lambda: None,
        streams: Callable[[], bool] = lambda: False,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """`streams` says whether the answer is a stream; `between` is called after each of its pieces."""
        self.probe = probe
        self.edge = came.edge
        self.streaming = False
        self._server_send = send
        self._came = came
        self._drain = drain
        self._below_static = below_static
        self._instead, self._streams, self._between = instead, streams, between
        self._over = False
        self._events = False
        self._plain = True
        self._tail = b"\n\n"
        self._sending = asyncio.Lock()
        self._moving = asyncio.Event()
        self._moved = asyncio.Event()

    async def send(self, message: Message) -> None:
        """ASGI's send, for the project."""
        if self._over:
            return
        async with self._sending:
            if message["type"] == "http.response.start":
                await self._start(message)
            elif message["type"] == "http.response.body":
                await self._body(message)
            else:
                await self._server_send(message)

    async def move(self) -> None:
        """End an event stream at the end of an event, and tell its client when to come back; see drain.Held."""
        self._moving.set()
        try:
            async with asyncio.timeout(BOUNDARY_SECONDS), self._sending:
                if self._tail.endswith(BOUNDARIES):
                    await self._end()
            async with asyncio.timeout(BOUNDARY_SECONDS):
                await self._moved.wait()
        except TimeoutError:
            await self._end()

    def ended(self) -> None:
        """The request is over, whoever ended it."""
        self._over = True
        self._drain.remove(self)
        if self.streaming:
            self.streaming = False
            counters.streams.labels("async").dec()

    async def _start(self, message: Message) -> None:
        if replaced := self._instead():
            self._over = True
            await answer.to_asgi(replaced, self._server_send)
            return
        passing = headers.passed(message.get("headers", []))
        kind = headers.value(passing, b"content-type") or b""
        self._events = kind.startswith(b"text/event-stream")
        self._plain = headers.value(passing, b"content-encoding") is None
        streams = self._events or self._streams()
        if self._below_static and message["status"] == 404:
            passing = headers.uncached(passing, b"cache-control", b"no-store")
        if streams:
            passing.append((b"x-accel-buffering", b"no"))
        if self._drain.state != "serving":
            # So that the edge keeps no connection to a server that is about to end.
            passing.append((b"connection", b"close"))
        await self._server_send({**message, "headers": passing})
        if streams and self._came.method == "HEAD":
            # Django would read the stream, for ever: the edge's next request on this connection would wait behind it.
            self._over = True
            await self._server_send({"type": "http.response.body", "body": b"", "more_body": False})
        elif streams:
            self.streaming = True
            counters.streams.labels("async").inc()
            if self._events:
                self._drain.add(self)

    async def _body(self, message: Message) -> None:
        await self._server_send(message)
        if not message.get("more_body", False):
            self._over = True
            return
        if self.streaming:
            self._between()
        self._tail = (self._tail + message.get("body", b""))[-4:]
        if self._moving.is_set() and self._tail.endswith(BOUNDARIES):
            await self._end()

    async def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._moved.set()
        last = b"retry: %d\n\n" % retry_milliseconds() if self._plain and self._tail.endswith(BOUNDARIES) else b""
        await self._server_send({"type": "http.response.body", "body": last, "more_body": True})
        await self._server_send({"type": "http.response.body", "body": b"", "more_body": False})
