"""gunicorn, the WSGI pool's server: its command line, and (read by gunicorn itself as its configuration) its hooks."""

import os
import sys
from typing import Any

from twinpool.environment import Environment

# An application that takes longer to import has hung; requests in threads are not bounded by it.
BOOT_SECONDS = 120


def command(environment: Environment) -> list[str]:
    """The command line, for exec."""
    return [
        *(sys.executable, "-m", "gunicorn"),
        *("--config", f"python:{__name__}"),
        *("--worker-class", "gthread"),
        *("--workers", str(environment.workers), "--threads", str(environment.threads)),
        # Without reuse-port one worker takes all the connections of a burst.
        *("--bind", f"0.0.0.0:{environment.listen}", "--reuse-port"),
        # The heartbeat must not wait for a disk.
        *("--worker-tmp-dir", "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(environment.run)),  # noqa: S108
        "--no-control-socket",
        *("--timeout", str(BOOT_SECONDS), "--graceful-timeout", str(round(environment.graceful))),
        *("--keep-alive", str(environment.keepalive)),
        # The application reads what the edge says itself; nobody may set SCRIPT_NAME.
        *("--forwarded-allow-ips", "", "--forwarder-headers", ""),
        *("--log-level", "warning"),
        "twinpool.pools.wsgi:make()",
    ]


def child_exit(server: Any, worker: Any) -> None:
    """gunicorn's hook: a worker has ended, and its present figures with it."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
