"""What becomes of a project's response headers on their way to the edge; the same rules for both pools."""

from collections.abc import Iterable
from typing import TypeVar

from twinpool.pools import counters

T = TypeVar("T", str, bytes)


def passed(headers: Iterable[tuple[T, T]]) -> list[tuple[T, T]]:
    """The headers without X-Accel-*, which would let a project open the edge's internal locations.

    Names are compared without case: Django's ASGI handler sends them in their own.
    """
    kept = list(headers)
    found = [pair for pair in kept if not is_accel(pair[0])]
    if len(found) < len(kept):
        counters.dropped.inc(len(kept) - len(found))
    return found


def is_accel(name: str | bytes) -> bool:
    """Whether a header's name is one that nginx acts on."""
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    return text.strip().lower().startswith("x-accel-")


def value(headers: Iterable[tuple[T, T]], name: T) -> T | None:
    """The first value of a header, by its lower-case name; None if it is not there."""
    return next((found for key, found in headers if key.lower() == name), None)


def uncached(headers: Iterable[tuple[T, T]], name: T, no_store: T) -> list[tuple[T, T]]:
    """The headers of an answer that no cache may keep."""
    kept = [pair for pair in headers if pair[0].lower() != name]
    kept.append((name, no_store))
    return kept
