"""What can be seen of a view without calling it: is it a coroutine, and may it stream. Used by routes and check."""

import functools
from typing import Any, Literal

from twinpool.handover.streaming import mentions_stream

Kind = Literal["sync", "async", "mixed", "hidden"]


def see(callback: Any) -> tuple[Kind, str]:
    """Whether Django runs a view as a coroutine (its own test), and why that may not be the whole truth.

    `mixed` is a synchronous wrapper around a coroutine, which Django cannot run on either pool; `hidden` is a
    synchronous view that may answer with an async stream, or whose code cannot be read.
    """
    from asgiref.sync import iscoroutinefunction

    if iscoroutinefunction(callback):
        return "async", ""
    if any(iscoroutinefunction(inner) for inner in _wrapped(callback)):
        return "mixed", "a synchronous decorator around a coroutine view: Django gets a coroutine for an answer"
    view_class = getattr(callback, "view_class", None)
    try:
        streams = mentions_stream(view_class or _wrapped(callback)[-1])
    except (OSError, TypeError):
        return "hidden", "its code cannot be read; Django calls it as synchronous"
    if view_class and getattr(view_class, "view_is_async", False):
        return "mixed", "an async class behind a synchronous decorator: Django gets a coroutine for an answer"
    if streams:
        return (
            "hidden",
            "synchronous, but it streams: an async stream moves to asgi at its first answer",
        )
    return "sync", ""


def name_of(callback: Any) -> str:
    """A view's dotted name: that of its class, of a consumer's class, or of the innermost function."""
    found = getattr(callback, "view_class", None) or getattr(callback, "consumer_class", None) or _wrapped(callback)[-1]
    module, name = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    return f"{module}.{name}" if module and name else f"{type(found).__module__}.{type(found).__qualname__}"


def _wrapped(callback: Any) -> list[Any]:
    """The view and what it wraps, outermost first."""
    chain = [callback]
    while True:
        inner = chain[-1].func if isinstance(chain[-1], functools.partial) else getattr(chain[-1], "__wrapped__", None)
        if inner is None or any(inner is seen for seen in chain):
            return chain
        chain.append(inner)
