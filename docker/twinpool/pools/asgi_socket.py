"""A WebSocket in the ASGI pool: who may open one, how many, and that each ends with a close code. Called by asgi."""

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from twinpool import log
from twinpool.handover.arrival import Arrival
from twinpool.pools import answer, counters, origins
from twinpool.pools.answer import Receive, Send
from twinpool.probes import sockets as probe_sockets

if TYPE_CHECKING:
    from twinpool.pools.asgi import Application

logger = logging.getLogger("twinpool.sockets")
RESTART = 1012  # the IANA registry of close codes: "service restart", the client may come back
CLOSE_SECONDS = 1.0  # for a refused connection to close
NO_ROUTE = "No route found"  # how Channels' URLRouter begins its ValueError


class Socket:
    """One socket on its way to the server; moved by the drain. See drain.Held."""

    def __init__(self, app: "Application", receive: Receive, send: Send, probe: bool = False, edge: str = "") -> None:
        self.probe = probe
        self.edge = edge
        self.accepted = False
        self.answered = False
        self._app = app
        self._closed = False
        self._server_receive, self._server_send = receive, send

    async def receive(self) -> dict[str, Any]:
        """ASGI's receive, for the project."""
        message = await self._server_receive()
        if message["type"] == "websocket.disconnect":
            self._close(message.get("code", 1006))
        return message

    async def send(self, message: dict[str, Any]) -> None:
        """ASGI's send, for the project; what it sends to a socket that was moved goes nowhere."""
        kind = message["type"]
        if self._closed and kind in ("websocket.send", "websocket.close"):
            return
        self.answered = True
        if kind == "websocket.accept" and not self.accepted:
            self.accepted = True
            self._app.drain.add(self)
        elif kind == "websocket.close":
            self._close(message.get("code") or 1000)
        await self._server_send(message)

    async def move(self) -> None:
        """Close it so that its client comes back, to another server."""
        if not self._closed:
            self._close(RESTART)
            await self._server_send({"type": "websocket.close", "code": RESTART, "reason": "service restart"})

    def _close(self, code: int) -> None:
        if not self._closed and self.accepted:
            counters.closes.labels(str(code)).inc()
        self._closed = True


async def respond(app: "Application", came: Arrival, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer one handshake, and serve the socket if it is admitted."""
    probe = came.path == probe_sockets.ECHO and app.endpoints.probes.allowed(came)
    if reason := _refusal(app, came, probe):
        await receive()
        await _deny(reason, scope, receive, send)
        return
    socket = Socket(app, receive, send, probe, came.edge)
    app.sockets.add(socket)
    counters.sockets.set(len(app.sockets))
    try:
        if probe:
            await probe_sockets.echo(app.endpoints.probes, came, socket.receive, socket.send)
        else:
            await _in_project(app, came, socket, scope)
    finally:
        app.sockets.discard(socket)
        app.drain.remove(socket)
        counters.sockets.set(len(app.sockets))


async def _in_project(app: "Application", came: Arrival, socket: Socket, scope: dict[str, Any]) -> None:
    async with app.threads.lent() as lease:
        lease.float()  # a socket has a thread, and a database connection, only while it works
        try:
            await app.websocket(scope, socket.receive, socket.send)
        except ValueError as error:
            if socket.answered or not str(error).startswith(NO_ROUTE):
                raise
            _log_refusal("path", came)
            await _deny(answer.text(404), scope, socket.receive, socket.send)


def _refusal(app: "Application", came: Arrival, probe: bool) -> answer.Answer | None:
    """Why a handshake is not taken; None if it is."""
    if not origins.allowed(came.header("origin"), app.environment):
        _log_refusal("origin", came)
        return answer.text(403, "this origin may not open sockets here")
    if not probe and (app.websocket is None or came.path.startswith("/-/")):
        _log_refusal("path", came)
        return answer.text(404)
    if app.drain.state != "serving":
        counters.refused.labels("socket", "draining").inc()
        return answer.busy("this server is leaving; come back")
    if app.full:
        _log_refusal("full", came)
        return answer.busy("too many sockets")
    return None


def _log_refusal(why: str, came: Arrival) -> None:
    counters.refused.labels("socket", why).inc()
    if log.seldom(f"socket {why} {came.path}"):
        origin = f", origin {came.header('origin')}" if why == "origin" else ""
        logger.warning("socket refused (%s): %s%s", why, came.path[:200], origin[:200])


async def _deny(made: answer.Answer, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Refuse before accept: with a status where the server can, else by closing, which it answers with 403."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1013})
        return
    await answer.to_asgi(made, send, "websocket.http")
    # uvicorn (0.54) logs an error if the application returns before the connection has closed: it tells of the end of
    # the handshake, then of the connection.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            ends = 0
            while ends < 2:
                ends += (await receive())["type"] == "websocket.disconnect"
