"""A held event stream on the probe's stream path, resuming by Last-Event-ID. Run by hold and tests."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from twinpool.hold.connection import Connection, Sent, TransportError
from twinpool.hold.held import Ending, Held, Refused

# The probe sends a comment each second, so this much silence is a dead connection, not a quiet one.
SILENCE_SECONDS = 20
LONGEST_RETRY = 10.0  # seconds; a longer `retry:` is cut to this, so that the hold's end still sees the client back
MOST_LINE = 65536


@dataclass(frozen=True)
class Event:
    """One event: its type, its data with the lines joined, its id; None where it had none."""

    event: str
    data: str
    id: str | None


class Events:
    """Reads events from the chunks of a body (HTML standard, 9.2); keeps the last `retry:`, in seconds."""

    def __init__(self, chunks: AsyncIterator[bytes], silence: float = SILENCE_SECONDS) -> None:
        self.retry = 0.0
        self._chunks, self._silence = chunks, silence

    async def __aiter__(self) -> AsyncIterator[Event]:
        event, data, number = "message", list[str](), None
        async for line in self._lines():
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data:
                    yield Event(event, "\n".join(data), number)
                event, data, number = "message", [], None
            elif name == "event":
                event = value
            elif name == "data":
                data.append(value)
            elif name == "id":
                number = value
            elif name == "retry" and value.isdecimal():
                self.retry = int(value) / 1000

    async def _lines(self) -> AsyncIterator[str]:
        rest = b""
        while True:
            async with asyncio.timeout(self._silence):
                chunk = await anext(self._chunks, None)
            if chunk is None:
                return
            *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
            if len(rest) > MOST_LINE:
                raise TransportError(f"a line above {MOST_LINE} bytes in a stream")
            for line in lines:
                yield line.decode(errors="replace")


class Stream(Held):
    """One held stream; it ends `ended` (by the server, in order), `cut` (in the middle) or `silent`."""

    connection: Connection | None = None
    events: Events
    _iterator: AsyncIterator[Event]

    async def open(self) -> None:
        headers = [
            ("Host", self.target.authority),
            ("Accept", "text/event-stream"),
            ("User-Agent", "twinpool-hold"),
            ("X-Twinpool-Probe", self.secret),
            ("Last-Event-ID", str(self.got.resume_from())),
        ]
        try:
            self.connection = await Connection.open(self.target)
            answered = await self.connection.send(Sent("GET", "/-/probe/stream", headers))
            if answered is None:
                raise Refused("closed before an answer")
            kind = dict(answered.headers).get("content-type", "")
            if answered.status != 200 or not kind.startswith("text/event-stream"):
                raise Refused(f"answered {answered.status} {kind or 'without a type'}")
            self.events = Events(self.connection.chunks())
            self._iterator = aiter(self.events)
            await self._hello()
        except (Refused, TransportError) as error:
            self._drop()
            raise Refused(str(error)) from None
        except BaseException:
            self._drop()
            raise

    async def stay(self) -> Ending:
        try:
            async for event in self._iterator:
                self._take(event)
        except TransportError:
            return Ending("cut", self._wait())
        except TimeoutError:
            return Ending("silent")
        else:
            return Ending("ended", self._wait())
        finally:
            self._drop()

    async def close(self) -> None:
        self._drop()

    async def _hello(self) -> None:
        async for event in self._iterator:
            self._take(event)
            if event.event == "hello":
                return
        raise Refused("ended before its first event")

    def _take(self, event: Event) -> None:
        if event.event == "hello":
            self.server = _server(event.data)
        elif event.id is not None and event.id.isdecimal():
            self.got.add(int(event.id))

    def _wait(self) -> float:
        return min(self.events.retry, LONGEST_RETRY)

    def _drop(self) -> None:
        if self.connection:
            self.connection.abort()


def _server(hello: str) -> str:
    try:
        who = dict(json.loads(hello))
    except (ValueError, TypeError):
        raise Refused("its first event was no probe's hello") from None
    return f"{who.get('release')} {who.get('host')}"
