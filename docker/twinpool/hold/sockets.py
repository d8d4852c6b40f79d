"""A held WebSocket on the probe's echo path: joined to the probe's group, resuming by number. Run by hold and tests."""

import contextlib
import json
import logging
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin

from twinpool.hold.held import Ending, Held, Refused
from twinpool.hold.target import CONNECT_SECONDS, Target

NO_CLOSE_FRAME = "1006"  # RFC 6455, 7.1.5: what a client says where the connection ended without a close frame
LARGEST_FRAME = 2 * 1024 * 1024
# The library would log each dead connection, and at its finest level the probe secret.
_SILENT = logging.Logger("twinpool.hold", logging.CRITICAL + 1)


class _Straight(connect):
    """A connect that follows no redirect, so that the probe secret goes to the target only."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def open_socket(
    target: Target, path: str, headers: dict[str, str], origin: str | None = None
) -> ClientConnection:
    """A WebSocket to a path of the target, with no proxy and no compression between.

    `origin` is the Origin header, None for the target's own. Raises OSError, TimeoutError or a websockets exception.
    """
    return await _Straight(
        f"{'wss' if target.tls else 'ws'}://{target.authority}{path}",
        host=target.connect_host,
        port=target.connect_port,
        ssl=target.tls,
        server_hostname=target.host if target.tls else None,
        origin=Origin(target.origin if origin is None else origin),
        additional_headers=headers,
        user_agent_header="twinpool-hold",
        compression=None,
        proxy=None,
        logger=_SILENT,
        open_timeout=CONNECT_SECONDS,
        # A server that has sent its close frame may take its time to close the connection: what counts is the frame.
        close_timeout=1,
        max_size=LARGEST_FRAME,
    )


class Socket(Held):
    """One held socket; its endings are close codes."""

    connection: ClientConnection | None = None

    async def open(self) -> None:
        try:
            self.connection = await open_socket(self.target, "/-/probe/echo", {"X-Twinpool-Probe": self.secret})
            await self._join()
        except BaseException as error:
            self._drop()
            reason = _reason(error)
            if reason is None:
                raise
            raise Refused(reason) from None

    async def _join(self) -> None:
        assert self.connection is not None  # noqa: S101 - open() set it
        hello = await self._receive()
        self.server = f"{hello.get('release')} {hello.get('host')}"
        await self.connection.send(json.dumps({"type": "join", "since": self.got.resume_from()}))
        while (await self._receive()).get("type") != "joined":
            pass

    async def stay(self) -> Ending:
        try:
            while True:
                await self._receive()
        except ConnectionClosed as closed:
            return Ending(_code(closed))
        except (ValueError, KeyError, TypeError):
            self._drop()
            return Ending("not a probe's message")

    async def close(self) -> None:
        if self.connection:
            with contextlib.suppress(OSError, TimeoutError, WebSocketException):
                await self.connection.close()

    def _drop(self) -> None:
        if self.connection:
            self.connection.transport.abort()

    async def _receive(self) -> dict[str, Any]:
        assert self.connection is not None  # noqa: S101 - open() comes first
        said = dict(json.loads(await self.connection.recv()))
        if said.get("type") == "message":
            self.got.add(int(said["n"]))
        return said


def _code(closed: ConnectionClosed) -> str:
    """The code of the other side's close frame; a frame without a code is 1005, no frame at all is 1006."""
    return str(int(closed.rcvd.code)) if closed.rcvd else NO_CLOSE_FRAME


def _reason(error: BaseException) -> str | None:
    """The phrase for an attempt that failed; None for what is no attempt's failure, such as being cancelled."""
    match error:
        case InvalidStatus():
            return f"handshake answered {error.response.status_code}"
        case ConnectionClosed():
            return f"closed with {_code(error)} before it had joined"
        case WebSocketException():
            return "closed during the handshake"
        case ConnectionRefusedError():
            return "connection refused"
        case TimeoutError():
            return "no connection in time"
        case OSError():
            return f"no connection: {error.strerror or type(error).__name__}"
        case ValueError() | KeyError() | TypeError():
            return "said what is no probe's message"
    return None
