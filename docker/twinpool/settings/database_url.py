"""DATABASE_URL taken apart into the keys of Django's DATABASES. Read by database and migrate."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from twinpool.environment import BadValue

SCHEMES = {"postgres": "postgresql", "postgresql": "postgresql", "pgsql": "postgresql", "postgis": "postgis"}
EXAMPLE = "postgresql://user:password@host:5432/name"


def parse(url: str) -> dict[str, Any]:
    """HOST, PORT, USER, PASSWORD and NAME of a PostgreSQL URL; its query as OPTIONS (sslmode and so on).

    Raises BadValue where it is no PostgreSQL URL or names no database; the sentence shows no password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadValue(
            f"DATABASE_URL cannot be read ({error}); it takes {EXAMPLE}, special characters as %XX."
        ) from None
    if parts.scheme not in SCHEMES:
        raise BadValue(
            f"DATABASE_URL begins with {parts.scheme or 'no scheme'!r}; Twinpool deploys PostgreSQL: {EXAMPLE}."
        )
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise BadValue(f"DATABASE_URL names no database; it takes {EXAMPLE}.")
    return {
        # A host that begins with %2F is the folder of a Unix socket.
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "NAME": name,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
