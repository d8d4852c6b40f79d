"""Which published messages each held client got, by number. Written by sockets, streams, load; read by the report."""

MOST_AHEAD = 1_000_000  # a number further on than this is a broken counter, not a message
MOST_OVERLAP = 50  # messages asked for again at most, so that one number that never came does not replay the whole log


class Numbers:
    """Message numbers above `first`, kept as the bits of one integer: 200 clients of an hour fit in a megabyte."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.bits = 0

    def add(self, number: int) -> bool:
        """Adds a number; False where it was there already or lies out of range."""
        place = number - self.first - 1
        if not 0 <= place < MOST_AHEAD or self.bits >> place & 1:
            return False
        self.bits |= 1 << place
        return True

    def __len__(self) -> int:
        return self.bits.bit_count()

    def resume_from(self) -> int:
        """The number to resume after: below the lowest gap, since a message may overtake another one."""
        unbroken = (~self.bits & (self.bits + 1)).bit_length() - 1
        return self.first + max(unbroken, self.bits.bit_length() - MOST_OVERLAP)

    def missing(self, wanted: "Numbers") -> int:
        """How many of the wanted numbers are not here; both count from the same first."""
        return (wanted.bits & ~self.bits).bit_count()
