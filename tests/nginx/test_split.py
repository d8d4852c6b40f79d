"""Which pool answers: by protocol where a line says so, by name where a line is pinned. Read from the routes."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .client import EVENTS, SOCKET, ask, line
from .edge import ROOT, SHIPPED, Edge, docker, running, shipped
from .stubs import StubPool

LINE = re.compile(
    r"""^\s*location\s+(?:(=|\^~|~\*?)\s+)?("[^"]+"|\S+)\s*\{[^}]*include\s+handlers/([\w-]+)\.conf;""", re.MULTILINE
)
# handler: pool of an ordinary request, pool of an event stream, pool of a socket (None: refused)
EXPECTED = {
    "by-protocol": ("wsgi", "asgi", "asgi"),
    "wsgi-http": ("wsgi", "wsgi", None),
    "asgi-http": ("asgi", "asgi", None),
    "asgi-sse": ("asgi", "asgi", None),
    "asgi-websocket": ("asgi", "asgi", "asgi"),
    "static": ("wsgi", "wsgi", None),
}
TABLES = sorted(
    {SHIPPED / "routes.conf", *ROOT.glob("app/deploy/routes.conf"), *ROOT.glob("tests/projects/*/deploy/routes.conf")}
)


def samples(table: Path) -> Iterator[tuple[str, str]]:
    """A path and the handler for each line of a routes file."""
    for kind, pattern, handler in LINE.findall(table.read_text()):
        pattern = pattern.strip('"')
        if kind.startswith("~"):
            pattern = (
                pattern.lstrip("^")
                .rstrip("$")
                .replace("\\", "")
                .replace("[.]", ".")
                .replace("[^/]+", "x")
                .replace("d+", "1")
            )
            assert not set(pattern) & set("*+?()[]|"), f"{table}: give samples() a way to make a path of {pattern}"
        yield (pattern if kind == "=" or not pattern.endswith("/") else pattern + "sample", handler)


CASES = [
    pytest.param(table, path, handler, id=f"{table.relative_to(ROOT)}:{path}")
    for table in TABLES
    for path, handler in samples(table)
]


@pytest.fixture(scope="module")
def edges(
    edge_image: str, pools: tuple[StubPool, StubPool], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Path, Edge]]:
    with ExitStack() as stack:
        yield {
            table: stack.enter_context(
                running(edge_image, tmp_path_factory.mktemp("edge"), *pools, {"routes.conf": table.read_text()})
            )
            for table in TABLES
        }


def check(port: int, path: str, handler: str) -> None:
    ordinary, stream, sock = EXPECTED[handler]
    assert ask(port, path).told["pool"] == ordinary
    assert ask(port, path, method="POST", body=b"x").told["pool"] == ordinary
    assert ask(port, path, EVENTS).told["pool"] == stream
    reply = ask(port, path, SOCKET)
    assert reply.status == (400 if sock is None else 101)
    assert sock is not None or "pinned" in reply.text


@pytest.mark.parametrize(("table", "path", "handler"), CASES)
def test_each_line_of_each_table(
    edges: dict[Path, Edge], wsgi: StubPool, asgi: StubPool, table: Path, path: str, handler: str
) -> None:
    check(edges[table].port, path, handler)


@pytest.mark.parametrize(
    ("path", "handler"),
    [
        ("/pin/wsgi/x", "wsgi-http"),
        ("/pin/asgi/x", "asgi-http"),
        ("/pin/sse/x", "asgi-sse"),
        ("/ws/x", "asgi-websocket"),
        ("/exact/", "asgi-http"),
        ("/table.csv", "asgi-http"),
        ("/anything", "asgi-sse"),
        ("/static/table.csv", "static"),
        ("/-/probe/who", "by-protocol"),
    ],
)
def test_every_handler(pinned: Edge, path: str, handler: str) -> None:
    check(pinned.port, path, handler)


def test_every_handler_file_is_expected_here() -> None:
    assert {path.stem for path in (SHIPPED / "handlers").iterdir()} == set(EXPECTED)


def test_a_table_without_a_line_for_the_rest_goes_by_protocol(
    edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path
) -> None:
    routes = "location = /one { include handlers/asgi-http.conf; }\n"
    with running(edge_image, tmp_path, wsgi, asgi, {"routes.conf": routes}) as edge:
        check(edge.port, "/one", "asgi-http")
        check(edge.port, "/two", "by-protocol")


@pytest.mark.parametrize(
    ("accept", "pool"),
    [
        ("text/event-stream", "asgi"),
        ("TEXT/Event-Stream", "asgi"),
        ("text/event-stream, */*", "asgi"),
        ("text/html,text/event-stream;q=0.9", "asgi"),
        ("application/json , text/event-stream", "asgi"),
        ("text/event-stream;charset=utf-8", "asgi"),
        ("*/*", "wsgi"),
        ("", "wsgi"),
        ("text/*", "wsgi"),
        ("text/event-streams", "wsgi"),
        ("xtext/event-stream", "wsgi"),
        ("application/text/event-stream", "wsgi"),
        ("text/html", "wsgi"),
    ],
)
def test_accept(edge: Edge, accept: str, pool: str) -> None:
    assert ask(edge.port, "/x", [("Accept", accept)]).told["pool"] == pool


def test_accept_in_two_headers(edge: Edge) -> None:
    assert ask(edge.port, "/x", [("Accept", "text/html"), ("Accept", "text/event-stream")]).told["pool"] == "asgi"


def upgrade(token: str, connection: str = "Upgrade") -> list[tuple[str, str]]:
    return [("Connection", connection), ("Upgrade", token)]


@pytest.mark.parametrize(
    "headers",
    [
        upgrade("websocket"),
        upgrade("WebSocket"),
        upgrade("websocket", "keep-alive, Upgrade"),
        upgrade("websocket", "upgrade,keep-alive"),
    ],
)
def test_an_upgrade_to_websocket_is_forwarded(edge: Edge, asgi: StubPool, headers: list[tuple[str, str]]) -> None:
    with line(edge.port) as one:
        one.request("/any/path", headers)
        assert one.read().status == 101
        payload = bytes(range(256)) * 4096
        one.send(payload)
        got = b""
        while len(got) < len(payload):
            got += one.sock.recv(65536)
        assert got == payload
    assert [(seen.one("upgrade"), seen.one("connection"), seen.one("x-twinpool-may-hop")) for seen in asgi.seen] == [
        ("websocket", "upgrade", None)
    ]


@pytest.mark.parametrize(
    "headers",
    [
        [*upgrade("h2c", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")],
        upgrade("h2c, websocket"),
        upgrade("websocket, h2c"),
        upgrade("websocket/13"),
        upgrade("TLS/1.0"),
        upgrade("websocket", "keep-alive"),
        upgrade("websocket", "xupgrade"),
        upgrade("websocket upgrade", "keep-alive"),
        [("Connection", "Upgrade")],
        [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Upgrade", "h2c")],
    ],
)
def test_any_other_upgrade_is_ignored(edge: Edge, headers: list[tuple[str, str]]) -> None:
    reply = ask(edge.port, "/x", headers)
    assert (reply.told["pool"], reply.header("upgrade"), reply.header("connection")) == ("wsgi", None, None)


@pytest.mark.parametrize(("method", "version"), [("POST", "1.1"), ("PUT", "1.1"), ("GET", "1.0")])
def test_an_upgrade_is_a_get_of_http_1_1(edge: Edge, method: str, version: str) -> None:
    reply = ask(edge.port, "/x", SOCKET, method=method, version=version)
    assert (reply.told["pool"], reply.header("upgrade")) == ("wsgi", None)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [("both", ("wsgi", "asgi", 101)), ("wsgi", ("wsgi", "wsgi", 400)), ("asgi", ("asgi", "asgi", 101))],
)
def test_pools_variants(
    edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path, variant: str, expected: tuple[str, str, int]
) -> None:
    files = {"host/pools.conf": shipped("host/pools.conf", ("both.conf", f"{variant}.conf"))}
    with running(edge_image, tmp_path, wsgi, asgi, files) as edge:
        refused = ask(edge.port, "/x", SOCKET)
        assert (
            ask(edge.port, "/x").told["pool"],
            ask(edge.port, "/x", EVENTS).told["pool"],
            refused.status,
        ) == expected
        assert variant != "wsgi" or "POOLS=wsgi" in refused.text


def test_the_shipped_host_files_need_only_the_names_of_the_pools(edge_image: str) -> None:
    docker(
        "run", "--rm", "--read-only", "--tmpfs=/run/nginx:uid=10001", "--tmpfs=/var/cache/nginx:uid=10001",
        "--add-host=app-wsgi:127.0.0.1", "--add-host=app-asgi:127.0.0.1", f"--volume={SHIPPED}:/srv/edge:ro",
        "--entrypoint=nginx", edge_image, "-t", "-c", "/srv/edge/nginx.conf",
    )  # fmt: skip
