"""The probes that last: an echoing socket and an event stream, both told what is published. ASGI pool only."""

import asyncio
import contextlib
import json
from typing import Any

from twinpool.handover.arrival import Arrival
from twinpool.pools.answer import Receive, Send
from twinpool.probes.answers import Probes
from twinpool.probes.log import Log, Message

ECHO = "/-/probe/echo"
STREAM = "/-/probe/stream"
LARGEST = 1024 * 1024  # bytes of a frame that is echoed
HEARTBEAT_SECONDS = 1.0


async def echo(probes: Probes, arrival: Arrival, receive: Receive, send: Send) -> None:
    """Accept, say hello, echo what comes; after a `join`, pass on what is published. The caller checked the secret."""
    await receive()
    await send({"type": "websocket.accept"})
    who = probes.who(arrival)
    await _say(send, {"type": "hello", "release": who["release"], "pool": who["pool"], "host": who["host"]})
    following: asyncio.Task[None] | None = None
    try:
        while (message := await receive())["type"] == "websocket.receive":
            since = _join(message.get("text"))
            if since is None:
                await _echo(message, send)
            elif following is None:
                following = asyncio.create_task(_follow(probes.log(), since, send))
    finally:
        if following:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await following


async def _echo(message: dict[str, Any], send: Send) -> None:
    text, data = message.get("text"), message.get("bytes")
    if len(text or data or b"") > LARGEST:
        await send({"type": "websocket.close", "code": 1009})  # RFC 6455: too big
    elif text is not None:
        await send({"type": "websocket.send", "text": text})
    else:
        await send({"type": "websocket.send", "bytes": data})


async def _follow(log: Log, since: int, send: Send) -> None:
    """Subscribe first, then read the log: what is published in between comes twice, and is sent once."""
    async with log.subscribed() as following:
        missed, last = await asyncio.to_thread(log.since, since)
        for message in missed:
            await _say(send, {"type": "message", **message})
        await _say(send, {"type": "joined", "last": last})
        sent = {message["n"] for message in missed}
        while True:
            message = await following()
            if message["n"] not in sent:
                await _say(send, {"type": "message", **message})


async def stream(probes: Probes, arrival: Arrival, send: Send) -> None:
    """An event stream: who answers, what was missed since Last-Event-ID, then what is published; a sign each second."""
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    log = probes.log()
    async with log.subscribed() as following:
        since = arrival.header("last-event-id")
        missed, _ = await asyncio.to_thread(log.since, int(since)) if since.isdecimal() else ([], 0)
        await _event(send, f"event: hello\ndata: {json.dumps(probes.who(arrival))}\n\n")
        for message in missed:
            await _event(send, _of_message(message))
        sent = {message["n"] for message in missed}
        waiting = asyncio.ensure_future(following())
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=HEARTBEAT_SECONDS)
                if not done:
                    await _event(send, ":\n\n")
                    continue
                message = waiting.result()
                waiting = asyncio.ensure_future(following())
                if message["n"] not in sent:
                    await _event(send, _of_message(message))
        finally:
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await waiting


def _join(text: str | None) -> int | None:
    """The number of a join; None for any other text."""
    if not text or not text.startswith("{") or len(text) > 200:
        return None
    try:
        asked = json.loads(text)
        return int(asked["since"]) if asked.get("type") == "join" else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _of_message(message: Message) -> str:
    return f"event: message\nid: {message['n']}\ndata: {json.dumps(message)}\n\n"


async def _say(send: Send, value: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": json.dumps(value)})


async def _event(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
