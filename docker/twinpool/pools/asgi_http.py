"""An HTTP request in the ASGI pool: static file, hand-over, or the project within the bounds. Called by asgi."""

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from twinpool import log
from twinpool.handover import visit
from twinpool.handover.arrival import Arrival
from twinpool.pools import answer, counters
from twinpool.pools.answer import Answer, Receive, Send
from twinpool.pools.asgi_answer import Outgoing

if TYPE_CHECKING:
    from twinpool.pools.asgi import Application

logger = logging.getLogger("twinpool.asgi")
CHUNK = 65536


async def respond(app: "Application", came: Arrival, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer one request that is not one of the kit's own."""
    if app.static and (file := app.static.find(came.path)):
        await _send_file(file, came, send)
        return
    here = visit.entered(came, app.environment.pools, app.memory)
    if hop := visit.hop_at_entry(here):
        if await answer.read_body(receive) is not None:
            counters.hops.labels(hop, here.name).inc()
            await answer.to_asgi(answer.hop(hop), send)
        return
    # Where the view is not known yet, it may be synchronous; the middleware gives the place back if it is not.
    if (here.entry and here.entry.nature == "sync") or not app.memory.entry_decides:
        here.place = await app.places.take()
        if here.place is None:
            await answer.to_asgi(_refused(here.name, app.places.limit), send)
            return
    await _in_project(app, here, {**scope, visit.KEY: here}, receive, send)


async def _in_project(
    app: "Application", here: visit.Visit, scope: dict[str, Any], receive: Receive, send: Send
) -> None:
    async with app.threads.lent() as lease:
        here.lease = lease
        if here.place:
            # The place is free when the work is over, which nobody can stop, not when the client has gone.
            lease.when_ended(here.place.leave)

        def instead() -> Answer | None:
            if here.hop:
                counters.hops.labels(here.hop, here.name).inc()
                return answer.hop(here.hop)
            return _refused(here.name, app.threads.count) if lease.refused else None

        def between() -> None:
            here.calm()
            lease.rest()

        below = app.static is not None and app.static.below(here.arrival.path)
        outgoing = Outgoing(
            send,
            here.arrival,
            app.drain,
            below_static=below,
            instead=instead,
            streams=lambda: here.streaming,
            between=between,
        )
        try:
            await app.http(scope, receive, outgoing.send)
        finally:
            outgoing.ended()


def _refused(name: str, limit: int) -> Answer:
    counters.refused.labels("request", "threads").inc()
    if log.seldom(f"places {name}"):
        logger.warning(
            "%s: refused, since %d synchronous requests are under way. They belong to the WSGI pool; on ASGI raise "
            "TWINPOOL_ASGI_THREADS.",
            name,
            limit,
        )
    return answer.busy("too many synchronous requests")


async def _send_file(file: Any, came: Arrival, send: Send) -> None:
    """WhiteNoise's answer: it knows ranges, conditions and encodings, and asks for headers by their WSGI names."""
    names = ("range", "if-none-match", "if-modified-since", "accept-encoding")
    asked = {f"HTTP_{name.upper().replace('-', '_')}": came.header(name) for name in names if came.header(name)}
    found = file.get_response(came.method, asked)
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in found.headers]
    await send({"type": "http.response.start", "status": int(found.status), "headers": headers})
    if found.file is not None:
        with found.file:
            while chunk := await asyncio.to_thread(found.file.read, CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})
