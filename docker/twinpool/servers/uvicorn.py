"""uvicorn, the ASGI pool's server: its command line. One process a container: an event loop takes one core."""

import sys

from twinpool.environment import Environment

# Bytes of a socket's message: what the edge allows a request's body by default.
LARGEST_MESSAGE = 10 * 1024 * 1024


def command(environment: Environment) -> list[str]:
    """The command line, for exec."""
    return [
        *(sys.executable, "-m", "uvicorn", "--factory", "twinpool.pools.asgi:make"),
        *("--host", "0.0.0.0", "--port", str(environment.listen)),  # noqa: S104 - a container's own network
        *("--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio"),
        *("--interface", "asgi3", "--lifespan", "on"),
        *("--ws-max-size", str(LARGEST_MESSAGE)),
        *("--timeout-keep-alive", str(environment.keepalive)),
        # Without it a stream without end would keep the process for ever.
        *("--timeout-graceful-shutdown", str(round(environment.graceful))),
        # The application reads what the edge says itself.
        "--no-proxy-headers",
        *("--no-server-header", "--no-access-log", "--log-level", "warning"),
    ]
