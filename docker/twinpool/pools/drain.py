"""The drain of a pool: the parent's sign, and sockets and streams that are moved at random moments. See serve.

The parent writes one small file; each server process looks at it. So any server is drained alike, whatever it does on
a signal. Each process reports in a file of its own that nothing is left to move.
"""

import asyncio
import contextlib
import json
import logging
import os
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

from twinpool.pools import counters

logger = logging.getLogger("twinpool.drain")
LOOK_SECONDS = 0.2
HURRY_SECONDS = 1.0  # the window of a drain that was told to hurry
# Exit code of a process that cannot serve: gunicorn ends for good on it, on any other it would start a worker again.
BOOT_ERROR = 3
State = Literal["serving", "leaving", "draining"]


@dataclass(frozen=True)
class Order:
    """What the parent wants. `leaving`: no new sockets; `draining`: also move the old ones within `window` seconds."""

    state: State = "serving"
    window: float = 0.0


class Sign:
    """The sign file below TWINPOOL_RUN and the folder of the processes' reports."""

    def __init__(self, run: Path) -> None:
        self.file = run / "sign"
        self.reports = run / "processes"
        self.gave_up = run / "gave-up"
        self._order = Order()
        self._looked = float("-inf")

    def give(self, order: Order) -> None:
        """Write the sign, whole or not at all."""
        made = self.file.with_suffix(".new")
        made.write_text(json.dumps(asdict(order)), encoding="utf-8")
        made.replace(self.file)

    def clear(self) -> None:
        """Forget an earlier run's sign and reports; they lie in a folder that may outlive a container's restart."""
        self.reports.mkdir(parents=True, exist_ok=True)
        for file in (self.file, self.gave_up, *self.reports.iterdir()):
            file.unlink(missing_ok=True)

    def order(self) -> Order:
        """The order in force, at most LOOK_SECONDS old."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            with contextlib.suppress(OSError, ValueError):
                self._order = Order(**json.loads(self.file.read_text(encoding="utf-8")))
        return self._order

    def tell(self, text: Literal["serving", "done"]) -> None:
        """Report this process's state to the parent."""
        with contextlib.suppress(OSError):
            (self.reports / str(os.getpid())).write_text(text, encoding="utf-8")

    def give_up(self, why: str) -> None:
        """Tell the parent that this process cannot serve, and that no other will: it stops the server and says why."""
        with contextlib.suppress(OSError):
            self.gave_up.write_text(why, encoding="utf-8")

    def reason(self) -> str:
        """Why a process gave up; empty if none did. The parent asks."""
        try:
            return self.gave_up.read_text(encoding="utf-8")
        except OSError:
            return ""

    def all_done(self) -> bool:
        """Whether every process that lives and has reported has nothing left to move; the parent asks."""
        living = [file for file in self.reports.iterdir() if Path(f"/proc/{file.name}").exists()]
        return bool(living) and all(file.read_text(encoding="utf-8") == "done" for file in living)


class Held(Protocol):
    """A socket or an event stream that can be moved to another server; a probe's moves first."""

    probe: bool
    edge: str  # the edge that it came through, by its own name

    async def move(self) -> None:
        """End it so that its client comes back elsewhere. Called once; returns when the end is sent."""


def moments(count: int, window: float, rng: random.Random) -> list[float]:
    """Seconds from now, one for each of `count` things, in no order: each random, all of them spread over the window.

    One falls into each of `count` equal parts, since few things that chance alone places may all go at once.
    """
    drawn = [(part + rng.random()) * window / count for part in range(count)]
    rng.shuffle(drawn)
    return drawn


def lifetime(age: float, rng: random.Random) -> float:
    """Seconds that a socket or stream may live, a random moment of the last half of `age`: no wave, however it came."""
    return rng.uniform(age / 2, age)


class Drain:
    """Everything in one process that a drain moves. All methods are called on the event loop.

    What becomes older than `age`, if that is not 0, moves without a drain.
    """

    def __init__(self, sign: Sign, window: float, age: float = 0.0) -> None:
        self.sign = sign
        self.window = window
        self.age = age
        self.held: set[Held] = set()
        self._order = Order()
        self._ends = 0.0
        self._moving: dict[Held, asyncio.Task[None]] = {}
        self._ageing: dict[Held, asyncio.TimerHandle] = {}
        self._edges: dict[str, float] = {}  # edges that leave, and until when
        self._random = random.SystemRandom()

    @property
    def state(self) -> State:
        """What this process is doing, as of its last look at the sign."""
        return self._order.state

    def add(self, held: Held) -> None:
        """Hold something from now on; during a drain it gets its moment at once."""
        self.held.add(held)
        if (left := self._left(held.edge)) > 0:
            self._move([held], left)
        elif self.state == "draining" or (self.state == "leaving" and held.probe):
            self._move([held], max(self._ends - time.monotonic(), 0.0))
        elif self.age:
            seconds = lifetime(self.age, self._random)
            self._ageing[held] = asyncio.get_running_loop().call_later(seconds, self._aged, held)

    def remove(self, held: Held) -> None:
        """It has ended."""
        self.held.discard(held)
        if timer := self._ageing.pop(held, None):
            timer.cancel()
        if (task := self._moving.pop(held, None)) and task is not asyncio.current_task():
            task.cancel()

    async def watch(self) -> None:
        """Look at the sign until cancelled, and do what it says."""
        self.sign.tell("serving")
        while True:
            if (order := self.sign.order()) != self._order:
                self._obey(order)
            if self.state != "serving" and not self.held:
                self.sign.tell("done")
            await asyncio.sleep(LOOK_SECONDS)

    def edge_leaves(self, edge: str, within: float) -> float:
        """Move what came through one edge, since nginx ends without a close frame, over the window or `within` seconds.

        Returns the seconds that are left of that. The edge names itself in a header that it overwrites.
        """
        if not self._left(edge):
            window = min(self.window, within)
            self._edges[edge] = time.monotonic() + window
            leaving = [held for held in self.held if held.edge == edge and held not in self._moving]
            logger.info("the edge %s leaves: %d sockets and streams move within %g s", edge, len(leaving), window)
            self._move(leaving, window)
        return self._left(edge)

    def _left(self, edge: str) -> float:
        """Seconds until an edge that leaves is gone; 0 for any other, one that came back under its name among them."""
        return max(self._edges.get(edge, 0.0) - time.monotonic(), 0.0)

    def _obey(self, order: Order) -> None:
        hurried = self.state == "draining"
        self._order = order
        window = order.window if order.state == "draining" else self.window
        self._ends = time.monotonic() + window
        counters.draining.set(0 if order.state == "serving" else 1)
        moving = [held for held in self.held if order.state == "draining" or held.probe]
        if hurried:
            for task in self._moving.values():
                task.cancel()
            self._moving.clear()
        fresh = [held for held in moving if held not in self._moving]
        logger.info(
            "%s: %d sockets and streams are held, %d move within %g s", order.state, len(self.held), len(fresh), window
        )
        for probe in (True, False):
            self._move([held for held in fresh if held.probe is probe], window)

    def _aged(self, held: Held) -> None:
        """It is old enough; what a drain or an edge moves already has its moment."""
        if held not in self._moving:
            self._move([held], 0.0)

    def _move(self, several: Sequence[Held], window: float) -> None:
        for held, moment in zip(several, moments(len(several), window, self._random), strict=True):
            self._moving[held] = asyncio.get_running_loop().create_task(self._moved(held, moment))

    async def _moved(self, held: Held, moment: float) -> None:
        await asyncio.sleep(moment)
        try:
            await held.move()
        except Exception as error:  # its client has gone meanwhile, say: nothing is left to move
            logger.debug("not moved: %r", error)
