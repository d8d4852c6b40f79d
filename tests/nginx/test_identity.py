"""Host, address, scheme and request id: what a pool is told is what the edge saw, whatever a visitor sends."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .client import EVENTS, SOCKET, ask, line
from .edge import Edge, running
from .stubs import StubPool

FORGED = [
    ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "7.7.7.7"), ("X-Real-IP", "6.6.6.6"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Port", "443"), ("X-Twinpool-Edge", "evil"),
    ("X-Twinpool-Hop", "view"),
    ("X-Twinpool-Hop", "stream"), ("x-twinpool-may-hop", "yes"), ("X-Twinpool-May-Hop", "yes"),
]  # fmt: skip
UNDERSCORED = [(name.replace("-", "_"), value) for name, value in FORGED] + [
    ("SCRIPT_NAME", "/x"),
    ("X_Accel_Redirect", "/-/metrics"),
]
ALIASES = [
    "Forwarded", "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Prefix",
    "X-Forwarded-Server",
    "X-Original-URL", "X-Rewrite-URL", "X-Client-IP", "Proxy",
]  # fmt: skip
PATHS = ["/pin/wsgi/x", "/pin/asgi/x", "/pin/sse/x", "/ws/x", "/static/x", "/-/probe/who"]


def told(reply_header: object, edge: Edge, may_hop: str | None) -> None:
    header = reply_header
    assert callable(header)
    expected = {
        "x-forwarded-for": "127.0.0.1",
        "x-real-ip": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": f"localhost:{edge.port}",
        "x-forwarded-port": str(edge.port),
        "host": f"localhost:{edge.port}",
        "x-twinpool-hop": None,
        "x-twinpool-may-hop": may_hop,
    }
    assert {name: header(name) for name in expected} == expected
    assert header("x-twinpool-edge") not in (None, "evil")


@pytest.mark.parametrize("path", PATHS)
def test_forged_headers_are_overwritten_in_every_handler(pinned: Edge, path: str) -> None:
    reply = ask(pinned.port, path, FORGED + UNDERSCORED + [(name, "evil") for name in ALIASES])
    told(reply.header, pinned, "yes" if "probe" in path else None)
    assert not [
        name for name, _ in reply.told["headers"] if "_" in name or name in {alias.lower() for alias in ALIASES}
    ]


@pytest.mark.parametrize("protocol", [(), EVENTS])
def test_by_protocol_may_hop(edge: Edge, protocol: list[tuple[str, str]]) -> None:
    told(ask(edge.port, "/x", [*FORGED, *protocol]).header, edge, "yes")


def test_sockets_carry_the_same_headers(edge: Edge, asgi: StubPool) -> None:
    assert ask(edge.port, "/x", [*FORGED, *UNDERSCORED, *SOCKET]).status == 101
    told(asgi.seen[0].one, edge, None)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "xlocalhost", "", "localhost@evil.example", "127.0.0.2"]
)
def test_a_foreign_host_is_refused(edge: Edge, wsgi: StubPool, host: str) -> None:
    assert ask(edge.port, "/x", host=host).status in (400, 421)
    assert wsgi.seen == []


def test_the_refusal_of_a_foreign_host_is_421(edge: Edge) -> None:
    assert ask(edge.port, "/x", host=f"evil.example:{edge.port}").status == 421


@pytest.mark.parametrize(
    "host", ["localhost:x", "localhost:80@evil.example", "localhost:80:80", "localhost:123456", "localhost:"]
)
def test_a_host_that_is_ill_formed_behind_its_colon_is_refused(edge: Edge, wsgi: StubPool, host: str) -> None:
    assert ask(edge.port, "/x", host=host).status == 400
    assert wsgi.seen == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:8080", "LOCALHOST:8080", "localhost:1"])
def test_the_host_goes_on_with_its_port(edge: Edge, host: str) -> None:
    assert ask(edge.port, "/x", host=host).header("host") == host


def test_two_hosts_are_refused(edge: Edge, wsgi: StubPool) -> None:
    assert ask(edge.port, "/x", [("Host", "evil.example")]).status == 400
    assert wsgi.seen == []


def test_a_request_without_a_host_is_refused(edge: Edge) -> None:
    with line(edge.port) as one:
        one.send(b"GET /x HTTP/1.0\r\n\r\n")
        assert one.read().status == 421


@pytest.mark.parametrize("host", ["evil.example", "localhost"])
def test_a_whole_url_in_the_request_line_decides_the_host(edge: Edge, wsgi: StubPool, host: str) -> None:
    reply = ask(edge.port, "http://localhost/x", host=host)
    assert (reply.header("host"), reply.told["target"]) == ("localhost", "/x")
    assert ask(edge.port, "http://evil.example/x", host="localhost").status == 421
    assert ask(edge.port, "http://localhost//x", host="localhost").status == 400
    assert len(wsgi.seen) == 1


GOOD = ["0123456789abcdef", "a-b_c.d-12345", "A" * 128]
BAD = [
    "short",
    "-leading-hyphen",
    "with space 12",
    "x" * 129,
    'quote"quote12',
    "semi;colon12",
    "new%0aline12",
    "Ünïcödé-1".encode().decode("latin-1"),
]


@pytest.mark.parametrize("given", GOOD)
def test_a_well_formed_request_id_is_kept(edge: Edge, given: str) -> None:
    reply = ask(edge.port, "/x", [("X-Request-ID", given)])
    assert (reply.one("x-request-id"), reply.header("x-request-id")) == (given, given)


@pytest.mark.parametrize(
    "headers", [[("X-Request-ID", bad)] for bad in BAD] + [[("X-Request-ID", GOOD[0]), ("X-Request-ID", GOOD[1])], []]
)
def test_any_other_request_id_is_replaced(edge: Edge, headers: list[tuple[str, str]]) -> None:
    reply = ask(edge.port, "/x", headers)
    assert re.fullmatch("[0-9a-f]{32}", reply.one("x-request-id") or "")
    assert reply.header("x-request-id") == reply.one("x-request-id")


@pytest.fixture(scope="module")
def trusting(
    edge_image: str, pools: tuple[StubPool, StubPool], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    trust = "set_real_ip_from 127.0.0.1;\nset_real_ip_from 10.0.0.0/8;\n"
    trust += "geo $realip_remote_addr $trusted {\n    default 0;\n    127.0.0.1 1;\n    10.0.0.0/8 1;\n}\n"
    with running(edge_image, tmp_path_factory.mktemp("edge"), *pools, {"host/trust.conf": trust}) as edge:
        yield edge


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("6.6.6.6, 9.9.9.9", "9.9.9.9"),
        ("6.6.6.6, 9.9.9.9, 10.1.2.3", "9.9.9.9"),
        ("nonsense", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_names_client_and_scheme(trusting: Edge, chain: str, client: str) -> None:
    reply = ask(
        trusting.port,
        "/x",
        [("X-Forwarded-For", chain), ("X-Forwarded-Proto", "https"), ("X-Request-ID", f"chain-{len(chain)}-id")],
    )
    assert (reply.header("x-real-ip"), reply.header("x-forwarded-for")) == (client, client)
    assert (reply.header("x-forwarded-proto"), reply.header("x-forwarded-port")) == ("https", "8443")
    assert trusting.logged(f"chain-{len(chain)}-id")["remote"] == client


def test_a_trusted_proxy_can_say_no_other_scheme(trusting: Edge) -> None:
    assert ask(trusting.port, "/x", [("X-Forwarded-Proto", "ftp")]).header("x-forwarded-proto") == "http"


def test_nobody_else_is_trusted(edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path) -> None:
    trust = "set_real_ip_from 10.0.0.1;\ngeo $realip_remote_addr $trusted {\n    default 0;\n    10.0.0.1 1;\n}\n"
    with running(edge_image, tmp_path, wsgi, asgi, {"host/trust.conf": trust}) as edge:
        told(ask(edge.port, "/x", FORGED).header, edge, "yes")
