"""The kit's own paths in the ASGI pool. Called by asgi."""

import asyncio
from typing import TYPE_CHECKING

from twinpool.handover.arrival import Arrival
from twinpool.pools import answer
from twinpool.pools.answer import Receive, Send
from twinpool.pools.asgi_answer import Outgoing
from twinpool.probes import sockets as probe_sockets

if TYPE_CHECKING:
    from twinpool.pools.asgi import Application

# Asked by an edge that ends (docker/edge/edge.py). No edge lets it through, and only pods of the edge reach a pool.
EDGE_LEAVES = "/-/edge-leaves"


async def respond(app: "Application", came: Arrival, receive: Receive, send: Send) -> None:
    """Answer a path below `/-/`."""
    probes = app.endpoints.probes
    body = await answer.read_body(receive)
    if body is None:
        return
    if came.method == "POST" and came.path == EDGE_LEAVES and came.edge:
        await answer.to_asgi(
            answer.as_json(200, {"seconds": app.drain.edge_leaves(came.edge, _seconds(came.argument("within")))}), send
        )
        return
    if came.method == "GET" and came.path == probe_sockets.STREAM and probes.allowed(came):
        await _while_connected(app, came, receive, send)
        return
    if probes.trickles(came):
        await _slowly(send, probes.pause(came))
        return
    await asyncio.sleep(probes.pause(came))
    if app.endpoints.blocks(came):
        made = await asyncio.to_thread(app.endpoints.answer, came, lambda: body)
    else:
        made = app.endpoints.answer(came, lambda: body)
    await answer.to_asgi(made, send)


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else float("inf")


async def _while_connected(app: "Application", came: Arrival, receive: Receive, send: Send) -> None:
    """The probe's stream, until its client or the drain ends it."""
    outgoing = Outgoing(send, came, app.drain, probe=True)
    streaming = asyncio.create_task(probe_sockets.stream(app.endpoints.probes, came, outgoing.send))
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({streaming, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (streaming, gone):
            task.cancel()
        await asyncio.gather(streaming, gone, return_exceptions=True)
        outgoing.ended()


async def _slowly(send: Send, seconds: float) -> None:
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(round(seconds * 10)):
        await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b".", "more_body": True})
    await send({"type": "http.response.body"})
