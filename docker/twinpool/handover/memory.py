"""What a pool has learnt about the project's views while serving it. Used by the entry and the middleware."""

import logging
from pathlib import Path

logger = logging.getLogger("twinpool.handover")


class Memory:
    """Views that answered with an async stream, shared by the processes of a container through a file.

    `entry_decides` is False in a project whose middleware chooses URLconf or language: there only the middleware knows
    the view.
    """

    def __init__(self, file: Path, entry_decides: bool = True, why: str = "") -> None:
        self.file = file
        self.entry_decides = entry_decides
        self.why = why
        self._streams: set[str] = set()
        self._size = -1

    def streams(self, view: str) -> bool:
        """Whether this view (its key) has answered with an async stream."""
        if view not in self._streams:
            self._look()
        return view in self._streams

    def remember_stream(self, view: str) -> bool:
        """Note that a view answers with an async stream; True the first time."""
        if self.streams(view):
            return False
        self._streams.add(view)
        try:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(view + "\n")  # one short write, which the system does not interleave
        except OSError as error:
            logger.warning(
                "cannot note a streaming view in %s (%s): each process learns it by itself", self.file, error
            )
        return True

    def notice(self, why: str) -> None:
        """From now on only the middleware decides; said once."""
        if self.entry_decides:
            self.entry_decides, self.why = False, why
            logger.warning("hand-over is decided after the middleware from now on, which costs more: %s", why)

    def _look(self) -> None:
        try:  # two microseconds, on a file system in memory
            size = self.file.stat().st_size
            if size != self._size:
                self._size = size
                self._streams |= set(self.file.read_text(encoding="utf-8").split("\n"))
        except OSError:
            return
