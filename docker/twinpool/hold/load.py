"""Requests at a steady rate through both pools: who, bodies with hand-over, publishes. Run by hold."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from twinpool.hold.client import MOST_IDLE
from twinpool.hold.connection import TransportError
from twinpool.hold.ledger import Numbers
from twinpool.hold.probe import Probe, Wrong
from twinpool.hold.tally import Tally

# Bytes: none, one packet, more than gunicorn reads at once, and more than nginx buffers in memory.
BODIES = tuple(random.Random(size).randbytes(size) for size in (0, 1_000, 60_000, 300_000))  # noqa: S311 - filler
# Seconds between publishes: each reaches every socket and stream, so they do not grow with the rate.
PUBLISH_EVERY = 0.5


@dataclass
class Load:
    """The requests of one hold; `published` holds the numbers that were answered for."""

    probe: Probe
    tally: Tally
    published: Numbers
    sockets: bool  # whether the deployment has a pool that holds sockets, so that publishing has a meaning
    hop: bool  # whether it has two pools
    _last_publish: float = 0.0
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, rate: float, stop: asyncio.Event) -> None:
        """Starts `rate` requests a second until `stop`, then waits for those that run. Ones not answered do not hold
        back the next ones until MOST_IDLE run at once."""
        if not rate:
            await stop.wait()
            return
        begun, count = time.monotonic(), 0
        while not stop.is_set():
            if len(self._running) >= MOST_IDLE:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._one(count))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            count += 1
            # A client that was held back does not make up for it in a burst.
            begun = max(begun, time.monotonic() - count / rate - 1)
            await asyncio.sleep(max(0, begun + count / rate - time.monotonic()))
        if self._running:
            await asyncio.wait(self._running)

    async def publish(self) -> int | None:
        """Publishes one message and notes its number; None where it failed, which is counted."""
        try:
            number = await self.probe.publish("hold")
        except (Wrong, TransportError) as error:
            self.tally.fail(_phrase("POST publish", error))
            return None
        self.tally.answered += 1
        self.tally.published += 1
        # A number that was given out before: whoever counts has forgotten, and resuming by number has no meaning now.
        self.tally.began_again |= not self.published.add(number)
        return number

    async def _one(self, count: int) -> None:
        turn = count % 5
        if turn == 0 and self.sockets and time.monotonic() - self._last_publish >= PUBLISH_EVERY:
            self._last_publish = time.monotonic()
            await self.publish()
            return
        try:
            if turn in (1, 3):
                content = BODIES[count // 5 % len(BODIES)]
                await self.probe.body("POST" if turn == 1 else "PUT", content, self.hop, asgi=turn == 3)
            else:
                who = await self.probe.who(asgi=turn == 4)
                self.tally.saw(who.pool, who.release)
        except (Wrong, TransportError) as error:
            self.tally.fail(_phrase("a body" if turn in (1, 3) else "GET who", error))
        else:
            self.tally.answered += 1


def _phrase(what: str, error: Exception) -> str:
    return str(error) if isinstance(error, Wrong) else f"{what}: {error}"
