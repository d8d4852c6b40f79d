"""`twinpool routes`: each view and socket of the project, the pool it needs, and whether the edge sends it there."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from twinpool.environment import Pool, last_line
from twinpool.handover.view import Kind, name_of, see
from twinpool.project import applications
from twinpool.project.loading import Project, load

Verdict = Literal["fits", "hop", "mixed", "cannot see"]
HOPS = "hop: wsgi hands plain requests over to asgi; a line in routes.conf with handlers/asgi-http.conf saves that."
Handler = Literal["by-protocol", "wsgi-http", "asgi-http", "asgi-sse", "asgi-websocket", "static"]


@dataclass(frozen=True)
class Route:
    """One pattern: `pattern` as the project writes it, joined over includes; `pool` that the view needs."""

    protocol: Literal["http", "websocket"]
    pattern: str
    view: str
    kind: Kind
    pool: Pool
    handler: Handler
    verdict: Verdict
    why: str = ""


def main(argv: list[str]) -> int:
    """Prints the table, or JSON with --json; returns 0, and 1 where the URLconf or asgi.py does not import."""
    parser = argparse.ArgumentParser(prog="twinpool routes", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object with a list `routes`")
    options = parser.parse_args(argv)
    project = load()
    try:
        found = [*views(), *sockets(project)]
    except Exception as error:
        print(f"routes: the URLconf or asgi.py does not import: {last_line(error)}", file=sys.stderr)
        return 1
    print(json.dumps({"routes": [asdict(one) for one in found]}, indent=1) if options.json else table(found))
    return 0


def views() -> list[Route]:
    """The views of the URLconf, in its order. Raises what importing it raises."""
    return [_judged("http", pattern, callback) for pattern, callback in callbacks()]


def callbacks() -> list[tuple[str, Any]]:
    """Each pattern of the URLconf, joined over its includes, with its view."""
    from django.urls import get_resolver

    return list(_walk(get_resolver(), "/"))


def sockets(project: Project) -> list[Route]:
    """The socket patterns of the Channels routing; one line `cannot see` where an application hides them."""
    application = project.asgi_websocket()
    return [] if application is None else [_judged("websocket", *found) for found in _routed(application, "/")]


def handler_of(protocol: str, pattern: str) -> Handler:
    """The nginx handler that a pattern reaches. The seam for matching by nginx's rules: today the default table."""
    return "by-protocol"


def _judged(protocol: Literal["http", "websocket"], pattern: str, callback: Any) -> Route:
    handler = handler_of(protocol, pattern)
    if protocol == "websocket":
        seen = callback is not None
        name = name_of(callback) if seen else "?"
        why = "" if seen else "an application that shows no URLRouter; the edge sends every upgrade to asgi"
        return Route(protocol, pattern, name, "async", "asgi", handler, "fits" if seen else "cannot see", why)
    kind, why = see(callback)
    pool: Pool = "asgi" if kind == "async" else "wsgi"
    verdicts: dict[Kind, Verdict] = {"sync": "fits", "async": "hop", "mixed": "mixed", "hidden": "cannot see"}
    return Route(protocol, pattern, name_of(callback), kind, pool, handler, verdicts[kind], why)


def _walk(resolver: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for one in resolver.url_patterns:
        part = _text(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from _walk(one, prefix + part)
        else:
            yield prefix + part, one.callback


def _routed(application: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Patterns and consumers below an ASGI application: through a protocol router, middleware and nested routers."""
    chain = applications.unwrap(application)
    inner = chain[-1]
    if (protocols := applications.protocols(inner)) is not None:
        yield from _routed(protocols["websocket"], prefix)
    elif routes := getattr(inner, "routes", None):
        for route in routes:
            pattern = prefix + _text(route.pattern)
            if getattr(route.callback, "_path_routing", False):
                yield from _routed(route.callback, pattern)
            else:
                yield pattern, route.callback
    else:
        consumer = hasattr(inner, "consumer_class")
        yield (prefix + "…" if prefix == "/" else prefix), inner if consumer else None


def _text(pattern: Any) -> str:
    """A pattern as it is written; a language prefix as a name, since its text changes with the active language."""
    if hasattr(pattern, "language_prefix"):
        return "<language>/"
    return str(pattern)


def table(routes: list[Route]) -> str:
    """The routes in columns, widths by content."""
    rows = [("pattern", "view", "pool", "handler", "verdict"), *(_row(one) for one in routes)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
    ]
    counts = {
        verdict: sum(one.verdict == verdict for one in routes) for verdict in ("fits", "hop", "mixed", "cannot see")
    }
    total = ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)
    lines += ["", f"{len(routes)} routes: {total or 'none'}"]
    return "\n".join([*lines, HOPS] if counts["hop"] else lines)


def _row(one: Route) -> tuple[str, str, str, str, str]:
    shown = f"ws {one.pattern}" if one.protocol == "websocket" else one.pattern
    return shown, one.view, one.pool, one.handler, f"{one.verdict}: {one.why}" if one.why else one.verdict
