"""Which pages may open a socket: the Origin that a browser sends, against HOSTS and ORIGINS. Asked by asgi_socket."""

from urllib.parse import urlsplit

from twinpool.environment import Environment


def allowed(origin: str, environment: Environment) -> bool:
    """Whether a socket with this Origin header may be opened; without one ("") it is no browser's.

    Where no public ports are known, any port of the hosts will do.
    """
    if not origin:
        return True
    try:
        parts = urlsplit(origin.lower())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    # Scheme, host and port, nothing else (RFC 6454, 6.2): `https://elsewhere@shop.example` is none of shop.example.
    if not host or parts.scheme not in ("http", "https") or "@" in parts.netloc or origin.count("/") != 2:
        return False
    if "*" in environment.hosts:
        return True
    if not environment.ports and any(_matches(host, name.lower()) for name in environment.hosts):
        return True
    return any(_is(parts.scheme, host, port, one) for one in environment.trusted_origins)


def _is(scheme: str, host: str, port: int | None, known: str) -> bool:
    parts = urlsplit(known.lower().replace("//*.", "//."))
    same_port = (port or _default(scheme)) == (parts.port or _default(parts.scheme))
    return scheme == parts.scheme and same_port and _matches(host, parts.hostname or "")


def _matches(host: str, name: str) -> bool:
    """Django's ALLOWED_HOSTS rule: `.example.org` is the domain and all below it."""
    if name.startswith("."):
        return host == name[1:] or host.endswith(name)
    return host == name.strip("[]")


def _default(scheme: str) -> int:
    return 443 if scheme == "https" else 80
