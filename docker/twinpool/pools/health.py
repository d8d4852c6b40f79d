"""Whether this process may get traffic: `/-/ready`. What it depends on is asked in the background. Used by both pools.

Until it has been proved once, a process is ready only if database, channel layer and migrations are. Afterwards only
its own state counts: taking every process out of rotation because the database is away helps nobody.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twinpool.environment import Environment
from twinpool.pools import counters, dependencies
from twinpool.pools.drain import Sign, State

logger = logging.getLogger("twinpool.health")
FIRST_SECONDS = 0.5  # between two looks until the first success
LATER_SECONDS = 10.0  # between two looks afterwards: a bounded load on what is asked, however often readiness is
SILENT_SECONDS = 10.0  # a look that takes longer counts as no answer
MIGRATION_SECONDS = 300.0  # how long unapplied migrations are waited for
LAG_SECONDS = 2.0  # an event loop that is later than this answers nobody in time


@dataclass(frozen=True)
class Local:
    """What this process knows of itself."""

    state: State = "serving"
    full: bool = False
    lag: float = 0.0
    figures: dict[str, int] = field(default_factory=dict)


class Health:
    """The health of one process; `watch` runs in a thread of its own, the rest may be called from any."""

    def __init__(self, environment: Environment, ask: Callable[[], dict[str, str]] = dependencies.ask) -> None:
        self.environment = environment
        self.sign = Sign(environment.run)
        self.proved = False
        self.wrong: dict[str, str] = {"start": "not asked yet"}
        self._ask = ask
        self._asked: float | None = None

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self.watch, name="twinpool-health", daemon=True).start()

    def watch(self) -> None:
        """Look again and again, for ever."""
        began = time.monotonic()
        while True:
            self.look()
            migrations = "" if self.proved else self.wrong.get("migrations", "")
            if migrations and time.monotonic() - began > MIGRATION_SECONDS:
                self.sign.give_up(f"waited {MIGRATION_SECONDS:g} s for {migrations}; run `twinpool migrate`")
                return
            time.sleep(LATER_SECONDS if self.proved else FIRST_SECONDS)

    def look(self) -> None:
        """Ask everything once; what changed is logged."""
        counters.count_threads()
        self._asked = time.monotonic()
        wrong = self._ask() if not self.proved else {k: v for k, v in self._ask().items() if k != "migrations"}
        self._asked = None
        for name in wrong.keys() - self.wrong.keys():
            logger.warning("%s: %s", name, wrong[name])
        for name in self.wrong.keys() - wrong.keys() - {"start"}:
            logger.info("%s: well again", name)
        self.wrong = wrong
        self.proved = self.proved or not wrong

    def degraded(self) -> list[str]:
        """What this process depends on and cannot use now, as `name: reason`."""
        found = [f"{name}: {reason}" for name, reason in self.wrong.items()]
        if (since := self._asked) is not None and time.monotonic() - since > SILENT_SECONDS:
            found.append(f"dependencies: no answer for {time.monotonic() - since:.0f} s")
        return found

    def report(self, local: Local) -> tuple[int, dict[str, Any]]:
        """Status and JSON of `/-/ready`: 200 while traffic is welcome, else 503."""
        late = local.lag > LAG_SECONDS
        ready = self.proved and local.state == "serving" and not local.full and not late
        return (200 if ready else 503), {
            "ready": ready,
            "degraded": self.degraded(),
            "draining": local.state != "serving",
            "state": local.state if self.proved else "starting",
            "full": local.full,
            "late": late,
            "pool": self.environment.pool,
            "release": self.environment.release,
            "host": socket.gethostname(),
            **local.figures,
        }
