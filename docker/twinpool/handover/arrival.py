"""One request as the edge sent it, in the same words for both pools. Read by all that answers at the entry."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs

from twinpool.environment import Pool

Mark = Literal["", "view", "stream"]
# RFC 9110, 9.2.1: these change nothing, so a view that answered one may be called a second time in the other pool.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Arrival:
    """A request or a socket's handshake. `header` takes a lower-case name and gives "" where there is no such header.

    The edge overwrites every header that is read here, so a client can forge none of them.
    """

    pool: Pool
    method: str
    path: str
    query: str
    http_version: str
    client: str
    own_scheme: str
    header: Callable[[str], str]

    @property
    def safe(self) -> bool:
        """Whether the method promises to change nothing."""
        return self.method in SAFE

    @property
    def mark(self) -> Mark:
        """Why another pool handed this over; empty for a first arrival."""
        mark = self.header("x-twinpool-hop")
        return "view" if mark == "view" else "stream" if mark == "stream" else ""

    @property
    def may_hop(self) -> bool:
        """Whether the edge can hand it over: never on a pinned line, and what was handed over did not come from one."""
        return self.header("x-twinpool-may-hop") == "yes" or self.mark != ""

    @property
    def request_id(self) -> str:
        """What the edge calls this request in its own log."""
        return self.header("x-request-id")

    @property
    def edge(self) -> str:
        """The edge that it came through, by the edge's own name."""
        return self.header("x-twinpool-edge")

    @property
    def remote(self) -> str:
        """The client's address: what the edge says, else the peer's."""
        return self.header("x-real-ip") or self.client

    @property
    def scheme(self) -> str:
        """http or https, as the client spoke to the edge."""
        forwarded = self.header("x-forwarded-proto")
        return forwarded if forwarded in ("http", "https") else self.own_scheme

    def argument(self, name: str, default: str = "") -> str:
        """The first value of a query argument."""
        return parse_qs(self.query).get(name, [default])[0]


def from_environ(environ: Mapping[str, Any]) -> Arrival:
    """The arrival in a WSGI environ."""

    def header(name: str) -> str:
        value: str = environ.get(_environ_name(name), "")
        return value

    return Arrival(
        pool="wsgi",
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace"),
        query=environ.get("QUERY_STRING", ""),
        http_version=environ.get("SERVER_PROTOCOL", "").removeprefix("HTTP/"),
        client=environ.get("REMOTE_ADDR", ""),
        own_scheme=environ.get("wsgi.url_scheme", "http"),
        header=header,
    )


@functools.cache  # the few names that the runtime reads
def _environ_name(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


def from_scope(scope: Mapping[str, Any]) -> Arrival:
    """The arrival in an ASGI scope of type http or websocket."""
    headers = {name.lower(): value for name, value in scope["headers"]}  # Django's test client sends mixed case
    scheme = scope.get("scheme", "http")

    def header(name: str) -> str:
        value: bytes = headers.get(name.encode("latin-1"), b"")
        return value.decode("latin-1")

    return Arrival(
        pool="asgi",
        method=scope.get("method", "GET"),
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        http_version=scope.get("http_version", ""),
        client=(scope.get("client") or ("", 0))[0],
        own_scheme={"ws": "http", "wss": "https"}.get(scheme, scheme),
        header=header,
    )
