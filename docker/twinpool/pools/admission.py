"""Bounds on what may hold a process at a time; beyond them a request is refused, not queued. Used by both entries."""

import asyncio
import threading

RETRY_SECONDS = (
    2  # Retry-After of every refusal: a place is a matter of seconds, and a crowd must not come back at once
)
PLACE_WAIT = 2.0  # seconds that a request may wait for a place, so that a burst of short pages is not refused


class Share:
    """Places for synchronous streams among the threads of a WSGI process. Never waits: waiting holds a thread too."""

    def __init__(self, threads: int, share: float) -> None:
        self.limit = 0 if share == 0 else max(1, int(threads * share))
        self.taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """A place, if one is free; give it back with `leave`."""
        with self._lock:
            if self.taken >= self.limit:
                return False
            self.taken += 1
            return True

    def leave(self) -> None:
        """Give the place back."""
        with self._lock:
            self.taken -= 1


class Places:
    """Places for synchronous requests in an ASGI process."""

    def __init__(self, limit: int, wait: float = PLACE_WAIT) -> None:
        self.limit = limit
        self.wait = wait
        self._free = asyncio.Semaphore(limit)
        self.taken = 0

    async def take(self) -> "Place | None":
        """A place, or None where none became free in time."""
        try:
            async with asyncio.timeout(self.wait):
                await self._free.acquire()
        except TimeoutError:
            return None
        self.taken += 1
        return Place(self)

    def give_back(self) -> None:
        """One place is free again; called by Place."""
        self.taken -= 1
        self._free.release()


class Place:
    """One place that is taken; may be left more than once."""

    def __init__(self, places: Places) -> None:
        self._places: Places | None = places

    def leave(self) -> None:
        """Give the place back, unless that has been done."""
        places, self._places = self._places, None
        if places:
            places.give_back()
