"""Asks what a pool depends on: databases, migrations, channel layer. Called by health, in a thread of its own."""

import functools
import os
from typing import Any

from twinpool.environment import last_line


def ask() -> dict[str, str]:
    """What cannot be used now, by name, each with its reason; empty where all is well. Leaves no connection open."""
    from django.db import connections

    wrong: dict[str, str] = {}
    try:
        for alias in connections:
            if connections[alias].vendor != "unknown":
                _try(wrong, "database" if alias == "default" else f"database {alias}", functools.partial(_query, alias))
        if "database" not in wrong:
            _try(wrong, "migrations", _migrated)
        _try(wrong, "channel layer", _ping)
    finally:
        connections.close_all()
    return wrong


def _try(wrong: dict[str, str], name: str, question: Any) -> None:
    try:
        if reason := question():
            wrong[name] = reason
    except Exception as error:
        wrong[name] = last_line(error)


def _query(alias: str) -> None:
    from django.db import connections

    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrated() -> str:
    """Asks in each process until that is ready; later answers are not used, so the question is not put again."""
    if _all_applied:
        return ""
    from twinpool.migrate import unapplied

    missing = unapplied()
    if not missing:
        _all_applied.append(True)
        return ""
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return f"{missing[0]}{more} not applied yet"


_all_applied: list[bool] = []


def _ping() -> None:
    for client in _clients(os.getpid()):
        client.ping()


@functools.lru_cache(maxsize=1)
def _clients(pid: int) -> list[Any]:
    """A client for each Redis host of the layer; none where the layer is not on Redis."""
    from django.conf import settings

    from twinpool import wire
    from twinpool.settings import layer

    found = layer.effective(getattr(settings, "CHANNEL_LAYERS", None), os.environ.get("REDIS_URL"))
    return [wire.connect(host) for host in found.hosts] if wire.reachable(found) else []
