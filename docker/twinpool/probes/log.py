"""Numbers what the probes publish and keeps the last thousand, so that a client can tell that it missed nothing.

With Redis the numbers are the deployment's, beside the channel layer; without, the process's. Used by the probes.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from twinpool.settings.layer import Layer

GROUP = "twinpool.probe"
KEPT = 1000
KEPT_SECONDS = 3600  # a hold is over by then
# KEYS: counter, log. ARGV: the entry without its number, how many to keep, how long. In one step, so that the log has
# the numbers in their order and every number that was given.
ADD = """
local n = redis.call('INCR', KEYS[1])
redis.call('RPUSH', KEYS[2], n .. ' ' .. ARGV[1])
redis.call('LTRIM', KEYS[2], -ARGV[2], -1)
redis.call('EXPIRE', KEYS[2], ARGV[3])
return n
"""
# The same keys. ARGV: a number, how many are kept. In one step too: an entry added between two questions would push an
# older one, which is wanted, out of what is read.
SINCE = """
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local wanted = math.min(last - tonumber(ARGV[1]), tonumber(ARGV[2]))
if wanted <= 0 then return {last, {}} end
return {last, redis.call('LRANGE', KEYS[2], -wanted, -1)}
"""
Message = dict[str, Any]
Next = Callable[[], Any]


class Log(Protocol):
    """Where the probes publish and read."""

    def publish(self, text: str) -> int:
        """Number, keep and send a text; its number. Blocks."""

    def since(self, number: int) -> tuple[list[Message], int]:
        """The kept messages above a number, and the last number given. Blocks."""

    def subscribed(self) -> contextlib.AbstractAsyncContextManager[Next]:
        """Within it, await what it yields for the next message that is published."""


class Memory:
    """For a deployment without Redis: one process has all sockets, or there are none."""

    def __init__(self) -> None:
        self.last = 0
        self.kept: deque[Message] = deque(maxlen=KEPT)
        self._listening: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Message]]] = set()

    def publish(self, text: str) -> int:
        """See Log."""
        self.last += 1
        message = {"n": self.last, "at": time.time(), "text": text}
        self.kept.append(message)
        for loop, queue in list(self._listening):
            loop.call_soon_threadsafe(queue.put_nowait, message)
        return self.last

    def since(self, number: int) -> tuple[list[Message], int]:
        """See Log."""
        return [message for message in self.kept if message["n"] > number], self.last

    @contextlib.asynccontextmanager
    async def subscribed(self) -> AsyncIterator[Next]:
        """See Log."""
        listener = (asyncio.get_running_loop(), asyncio.Queue[Message]())
        self._listening.add(listener)
        try:
            yield listener[1].get
        finally:
            self._listening.discard(listener)


class OnRedis:
    """Through the channel layer, as the project's own messages go; numbers and log beside it."""

    def __init__(self, found: Layer) -> None:
        from twinpool import wire

        self._layer = found
        self._client = wire.connect(found.hosts[0])
        self._keys = [f"{found.prefix}:twinpool-probe:n", f"{found.prefix}:twinpool-probe:log"]
        self._add = self._client.register_script(ADD)
        self._since = self._client.register_script(SINCE)

    def publish(self, text: str) -> int:
        """See Log."""
        from twinpool.publish import publish

        entry = {"at": time.time(), "text": text}
        number = int(self._add(keys=self._keys, args=[json.dumps(entry), KEPT, KEPT_SECONDS]))
        publish(GROUP, {"type": "twinpool.probe", "n": number, **entry})
        return number

    def since(self, number: int) -> tuple[list[Message], int]:
        """See Log."""
        last, lines = self._since(keys=self._keys, args=[number, KEPT])
        messages = []
        for line in lines:
            n, _, entry = line.partition(b" ")
            messages.append({"n": int(n), **json.loads(entry)})
        return messages, int(last)

    @contextlib.asynccontextmanager
    async def subscribed(self) -> AsyncIterator[Next]:
        """See Log."""
        layer = _channel_layer(self._layer)
        channel = await layer.new_channel("twinpool.probe")
        await layer.group_add(GROUP, channel)

        async def receive() -> Message:
            message = await layer.receive(channel)
            return {key: message[key] for key in ("n", "at", "text")}

        try:
            yield receive
        finally:
            with contextlib.suppress(Exception):  # Redis may be the reason for leaving
                await layer.group_discard(GROUP, channel)


_made: dict[asyncio.AbstractEventLoop, Any] = {}


def _channel_layer(found: Layer) -> Any:
    """The project's layer, or one on the same Redis where the project has none."""
    from channels.layers import get_channel_layer

    if (own := get_channel_layer()) is not None:
        return own
    loop = asyncio.get_running_loop()
    if loop not in _made:
        from channels_redis.pubsub import RedisPubSubChannelLayer

        _made[loop] = RedisPubSubChannelLayer(hosts=[dict(host) for host in found.hosts], prefix=found.prefix)
    return _made[loop]


def for_layer(found: Layer) -> Log:
    """The log for the channel layer in use."""
    from twinpool import wire

    return OnRedis(found) if wire.reachable(found) else Memory()
