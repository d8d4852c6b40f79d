"""Whether a view's code, or what it calls, mentions a streamed response. Only reads the code. For view."""

import functools
import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

MENTIONS = ("StreamingHttpResponse", "EventStream", "text/event-stream")
DEPTH = 3  # calls from the view inward
MOST = 300  # objects looked at for one view
# Their streams are files, which are synchronous; everything else of theirs answers whole.
KNOWN = {"django", "asgiref", *sys.stdlib_module_names}


def mentions_stream(view: Any) -> bool:
    """True where a function or class, or one that it names up to three calls deep, mentions a stream.

    Raises OSError or TypeError where the code of the view itself cannot be read.
    """
    seen: set[int] = set()
    layer = [view]
    for depth in range(DEPTH + 1):
        following: list[Any] = []
        for one in layer:
            if id(one) in seen or len(seen) > MOST:
                continue
            seen.add(id(one))
            mentions = _mentions(one)
            if mentions is None and depth == 0:
                inspect.getsource(one)  # raises, with the reason
            if mentions:
                return True
            following += _named(one)
        layer = following
    return False


@functools.cache
def _mentions(one: Any) -> bool | None:
    """None where the code cannot be read. Views share most of what they call, and reading it takes a millisecond."""
    try:
        source = inspect.getsource(one)
    except (OSError, TypeError):
        return None
    return any(word in source for word in MENTIONS)


def _named(one: Any) -> Iterator[Any]:
    """The functions and classes that the code of a function, or of a class's methods, names."""
    functions = [one] if isinstance(one, FunctionType) else []
    if isinstance(one, type):
        bases = [base for base in one.__mro__ if not _known(base)]
        yield from bases[1:]
        functions = [value for base in bases for value in vars(base).values() if isinstance(value, FunctionType)]
    for function in functions:
        names = set(_names(function.__code__))
        for name in names:
            found = function.__globals__.get(name)
            inner = [found]
            if isinstance(found, ModuleType) and not _known(found):
                inner = [getattr(found, other, None) for other in names]
            yield from (each for each in inner if isinstance(each, (FunctionType, type)) and not _known(each))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _known(one: Any) -> bool:
    module = one.__name__ if isinstance(one, ModuleType) else getattr(one, "__module__", None) or ""
    return module.split(".")[0] in KNOWN
