"""Which database the project uses here, and how each pool holds its connections. Called by overlay and by streams."""

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from twinpool.environment import Pool, Refusal
from twinpool.settings.change import Change, change
from twinpool.settings.database_url import parse

POSTGRESQL, POSTGIS = "django.db.backends.postgresql", "django.contrib.gis.db.backends.postgis"
DUMMY = "django.db.backends.dummy"
KEPT_SECONDS = 60  # a connection outlives many requests, and a changed password or a lost standby for a minute at most
POOL_WAIT = 10  # seconds for a free connection: far below the edge's read time-out, so that the reason is seen
SPEAKS = {"postg": "postgresql", "psql": "postgresql", "sqlite": "sqlite", "spatialite": "sqlite"}

Aliases = dict[str, dict[str, Any]]


def plan(own: Any, url: str | None, pool: Pool | None, pool_size: int) -> tuple[list[Change], list[str]]:
    """Changes of DATABASES for a pool (None: a command) and notes; pool_size is connections a process.

    Raises Refusal where DATABASE_URL is set and the project's engine speaks another database.
    """
    if not own or vendor(own.get("default", {}).get("ENGINE", DUMMY)) == "none":
        return [], [
            "The project has no DATABASES['default'], so it gets no database and no migrations; to use the "
            f"deployment's PostgreSQL, set DATABASES = {{'default': {{'ENGINE': '{POSTGRESQL}'}}}} in its settings."
        ]
    databases: Aliases = {alias: dict(one) for alias, one in own.items()}
    reasons, notes = [], []
    if url:
        databases["default"] = _moved(databases["default"], url)
        reasons.append("DATABASE_URL is set")
    elif vendor(databases["default"]["ENGINE"]) == "sqlite":
        notes.append("DATABASES['default'] is SQLite and DATABASE_URL is not set: the data end with the container.")
    kept = {alias: _held(one, pool, pool_size) for alias, one in databases.items()}
    if kept != databases:
        reasons.append(f"{pool} keeps {'a psycopg pool' if pool == 'asgi' else 'connections open'}")
    return change("DATABASES", dict(own), kept, "; ".join(reasons)), notes


def vendor(engine: str) -> str:
    """`postgresql`, `sqlite`, `none`, or what else an ENGINE speaks; an unknown name is imported and asked."""
    if not engine or engine == DUMMY:
        return "none"
    for part, name in SPEAKS.items():
        if part in engine.lower():
            return name
    try:
        return str(importlib.import_module(f"{engine}.base").DatabaseWrapper.vendor)
    except Exception:  # a driver that is not installed, say: its name is the best that can be shown
        return engine


def _moved(own: dict[str, Any], url: str) -> dict[str, Any]:
    """A database entry with the URL's place and credentials; engine and options stay where they speak PostgreSQL."""
    target, engine = parse(url), own["ENGINE"]
    speaks = vendor(engine)
    if speaks not in ("postgresql", "sqlite"):
        raise Refusal(
            f"DATABASES['default'] uses {engine} ({speaks}); this deployment has PostgreSQL. "
            f"Set ENGINE to {POSTGRESQL}, or keep your own server: unset DATABASE_URL, or set TWINPOOL_OVERLAY=off."
        )
    options = dict(own.get("OPTIONS") or {}) if speaks == "postgresql" else {}  # SQLite's options mean nothing here
    # Both name a file of connection data that is not in the image and that the URL replaces.
    for superseded in ("service", "passfile"):
        options.pop(superseded, None)
    if speaks == "sqlite":
        engine = POSTGIS if "spatialite" in engine else POSTGRESQL
    target["OPTIONS"] = {**options, **target["OPTIONS"]}
    # What the URL leaves out must not stay from the project: its password, say, on the deployment's server.
    return {**own, **{key: value for key, value in target.items() if value or own.get(key)}, "ENGINE": engine}


def _held(own: dict[str, Any], pool: Pool | None, pool_size: int) -> dict[str, Any]:
    if pool is None or vendor(own.get("ENGINE", "")) != "postgresql":
        return own
    options = own.get("OPTIONS") or {}
    if pool == "wsgi":
        # Django refuses a pool and persistent connections together.
        return own if options.get("pool") else {"CONN_MAX_AGE": KEPT_SECONDS, "CONN_HEALTH_CHECKS": True, **own}
    # Under ASGI a kept connection belongs to a thread that may never come again: it would leak.
    kept = {"CONN_HEALTH_CHECKS": True, **own, "CONN_MAX_AGE": 0}
    if not poolable(own["ENGINE"]):
        return kept
    own_pool = options.get("pool")
    sized = {"min_size": 1, "max_size": pool_size, "timeout": POOL_WAIT}
    return {**kept, "OPTIONS": {**options, "pool": {**sized, **(own_pool if isinstance(own_pool, Mapping) else {})}}}


def poolable(engine: str) -> bool:
    """Whether this backend can hold psycopg's pool: psycopg 3 with psycopg_pool, and a backend that knows of it."""
    if not all(importlib.util.find_spec(name) for name in ("psycopg", "psycopg_pool")):
        return False
    try:
        return hasattr(importlib.import_module(f"{engine}.base").DatabaseWrapper, "pool")
    except Exception:
        return False


def give_back() -> None:
    """Give the database connections of the calling context back to their pool.

    Connections belong to a thread: from a coroutine call it as `sync_to_async(give_back)()` in the context of the
    stream or consumer whose queries took them. Connections inside an atomic block, or without autocommit, are left.
    """
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and not connection.in_atomic_block and connection.get_autocommit():
            connection.close()


def checked_out() -> bool:
    """Whether any connection of this process may be out of its pool; takes microseconds, a change of thread far more.

    True as well where a database has no pool, since nothing counts its connections.
    """
    from django.db import connections

    for alias in connections:
        pools = getattr(type(connections[alias]), "_connection_pools", None)
        if not connections.settings[alias]["OPTIONS"].get("pool") or pools is None:
            return True
        if (pool := pools.get(alias)) and (stats := pool.get_stats())["pool_size"] > stats["pool_available"]:
            return True
    return False
