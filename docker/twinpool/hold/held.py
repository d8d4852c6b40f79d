"""What a held socket and a held stream have in common: stay, notice the end, come back. Read by sockets and streams."""

import abc
import asyncio
import random
import time
from dataclasses import dataclass

from twinpool.hold.ledger import Numbers
from twinpool.hold.target import Target

FIRST_PAUSE = 0.5  # seconds; doubled with each failure
LONGEST_PAUSE = 5.0  # seconds; below the time that the end of the hold waits for clients to be back
SETTLED = 5.0  # seconds; where two connections in a row ended sooner, the next attempt is not immediate either
OPENING_SECONDS = 15


class Refused(Exception):  # noqa: N818 - an attempt's outcome, counted and tried again
    """An attempt to connect did not succeed; the text is the phrase that the receipt counts it under."""


@dataclass
class Move:
    """One end of a held connection and the way back. Times are seconds of time.monotonic()."""

    at: float
    ending: str  # a socket's close code; for a stream: ended, cut or silent
    server: str  # release and host that the connection was at
    tries: int = 0
    back: float | None = None


@dataclass(frozen=True)
class Ending:
    """How a connection ended and after how many seconds the server asked to come back."""

    how: str
    wait: float = 0


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: full jitter, so that clients never return in step."""
    return random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**failures))  # noqa: S311 - spreads load, guards nothing


class Held(abc.ABC):
    """One client that keeps a connection through every end of it. `keep` runs until it is cancelled."""

    def __init__(self, target: Target, secret: str, first: int) -> None:
        self.target = target
        self.secret = secret
        self.got = Numbers(first)
        self.moves: list[Move] = []
        self.refusals: list[str] = []
        self.up = False
        self.server = ""

    @abc.abstractmethod
    async def open(self) -> None:
        """Connects, up to the point where nothing published later can be missed. Raises Refused."""

    @abc.abstractmethod
    async def stay(self) -> Ending:
        """Receives until the connection ends."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Ends the connection in order."""

    async def keep(self) -> None:
        """Connects and comes back: at once after an end, with full-jitter back-off after a failure."""
        failures = quick = 0
        while True:
            try:
                async with asyncio.timeout(OPENING_SECONDS):
                    await self.open()
            except (Refused, TimeoutError) as refused:
                self._refused(str(refused) or "no answer in time")
                failures += 1
                await asyncio.sleep(pause(failures))
                continue
            failures, since = 0, time.monotonic()
            self._back()
            ending = await self.stay()
            self.up = False
            self.moves.append(Move(time.monotonic(), ending.how, self.server))
            quick = quick + 1 if time.monotonic() - since < SETTLED else 0
            await asyncio.sleep(max(ending.wait, pause(quick) if quick > 1 else 0))

    def _refused(self, reason: str) -> None:
        self.refusals = [*self.refusals[-9:], reason]
        if self.moves:
            self.moves[-1].tries += 1

    def _back(self) -> None:
        self.up = True
        if self.moves:
            self.moves[-1].tries += 1
            self.moves[-1].back = time.monotonic()
