"""One deployer at a time: a session's advisory lock in the database that is migrated. Used by migrate."""

import socket
import sys
from types import TracebackType
from typing import Any

from twinpool.environment import Refusal

KEY = 0x7477_696E_706F_6F6C  # "twinpool" in ASCII; advisory locks are counted a database, so one number is enough
# Seconds that a change of a table waits for the table. All later queries on it queue behind the wait, so it is short.
LOCK_SECONDS = 10
HOLDER = """
SELECT a.application_name, a.pid, a.client_addr,
       date_trunc('second', a.query_start), date_trunc('second', now() - a.query_start)
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid::bigint = %s AND l.objid::bigint = %s
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Lock:
    """Held on a connection of its own, since migrations may close the usual one; gone with it, however that ends.

    On a database that has no such lock (SQLite) it says so and does nothing.
    """

    def __init__(self, release: str) -> None:
        # PostgreSQL cuts an application_name at 63 bytes.
        self.name = f"twinpool migrate {release} on {socket.gethostname()}"[:63]
        self.connection: Any = None

    def __enter__(self) -> "Lock":
        """Raises Refusal, naming the holder, where another session has the lock."""
        from django.db import connections

        if connections["default"].vendor != "postgresql":
            print(f"migrate: {connections['default'].vendor} has no lock to take; going on without", file=sys.stderr)
            return self
        self.connection = connections.create_connection("default")
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", [self.name])
            # The session's last statement: its query_start is the moment of the lock, for whoever asks.
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [KEY])
            if not cursor.fetchone()[0]:
                cursor.execute(HOLDER, [KEY >> 32, KEY & 0xFFFFFFFF])
                held = cursor.fetchone()
                self.connection.close()
                raise Refusal(_told(held))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.connection is not None:
            self.connection.close()


def limit_lock_waits() -> None:
    """Each connection to PostgreSQL that this process opens from now on waits at most LOCK_SECONDS for a table."""
    from django.db.backends.signals import connection_created

    connection_created.connect(_limit, weak=False, dispatch_uid="twinpool.migrate")


def _limit(connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_SECONDS}s"])


def _told(held: tuple[Any, ...] | None) -> str:
    if held is None:
        return "Another deployment held the migration lock a moment ago; try again."
    name, pid, address, since, age = held
    return (
        f"Another deployment is migrating this database: {name or 'a session without a name'} (backend {pid}, from "
        f"{address or 'a local socket'}) holds the lock since {since} ({age} ago). Wait for it; if it is dead, end it: "
        f"SELECT pg_terminate_backend({pid})."
    )
