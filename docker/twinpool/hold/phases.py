"""The phases of a hold: connected, delivered, until stopped, settled; each bounded in time. Called by run."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from twinpool.hold.held import Held
from twinpool.hold.ledger import Numbers
from twinpool.hold.load import Load
from twinpool.hold.options import Options
from twinpool.hold.report import lost
from twinpool.hold.sockets import Socket
from twinpool.hold.streams import Stream
from twinpool.hold.tally import Tally
from twinpool.hold.target import CannotRun, Target

CONNECT_EVERY = 0.02  # seconds between two clients at the start: 50 a second, no spike of its own
CONNECT_SECONDS = 60  # beyond the time that CONNECT_EVERY takes
DELIVER_SECONDS = 10  # for one message to reach every client before the hold begins
SETTLE_SECONDS = 20  # for clients to be back at the end: the longest pause, and a whole attempt to open after it


@dataclass
class Hold:
    """The parts of one hold while it runs; the command shows its progress from them."""

    options: Options
    target: Target
    secret: str = field(repr=False)
    tally: Tally = field(default_factory=Tally)
    sockets: list[Socket] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)

    @property
    def clients(self) -> list[Held]:
        return [*self.sockets, *self.streams]

    @property
    def connected(self) -> int:
        return sum(1 for client in self.clients if client.up)


async def connected(running: Hold, keeping: Sequence[asyncio.Task[None]], stop: asyncio.Event) -> None:
    limit = time.monotonic() + len(running.clients) * CONNECT_EVERY + CONNECT_SECONDS
    while running.connected < len(running.clients):
        if stop.is_set() or time.monotonic() > limit:
            why = Counter(reason for client in running.clients for reason in client.refusals[-1:] if not client.up)
            found = ", ".join(f"{reason} x{count}" for reason, count in why.most_common(3)) or "no answer yet"
            raise CannotRun(
                f"{running.connected} of {len(running.clients)} sockets and streams got connected ({found}), and "
                "nothing has changed yet. See the logs of app-asgi and edge; 503 or 403 may mean: hold fewer."
            )
        await until(stop, 0.1, keeping)


async def delivered(running: Hold, load: Load) -> None:
    """One message to every client before anything changes, so that a broken layer is not blamed on the deploy."""
    if not running.clients:
        return
    number = await load.publish()
    limit = time.monotonic() + DELIVER_SECONDS
    while number is None or any(lost(running.clients, load.published)):
        if number is None or time.monotonic() > limit:
            without = sum(1 for count in lost(running.clients, load.published) if count)
            raise CannotRun(
                f"A message published before anything changed did not reach {without} of {len(running.clients)} "
                "clients: the channel layer between the pools does not work. See `twinpool check` and the Redis log."
            )
        await asyncio.sleep(0.05)


async def settled(running: Hold, published: Numbers) -> None:
    limit = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < limit:
        if running.connected == len(running.clients) and not any(lost(running.clients, published)):
            return
        await asyncio.sleep(0.05)


async def until(stop: asyncio.Event, seconds: float, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Waits for `stop`, at most so many seconds; a task that broke meanwhile raises here, since it should never."""
    waiting = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([waiting, *tasks], timeout=max(0, seconds), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    for task in done - {waiting}:
        task.result()


async def after(seconds: float, then: Coroutine[Any, Any, None]) -> None:
    try:
        await asyncio.sleep(seconds)
    except BaseException:
        then.close()
        raise
    await then


async def cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
