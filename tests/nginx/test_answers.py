"""What the edge adds to an answer, and its log."""

import gzip

import pytest

from .client import EVENTS, SOCKET, ask, line
from .edge import Edge
from .stubs import Answer, StubPool, hop

TEXT = b"the same words again and again. " * 200


def test_headers_of_every_answer(edge: Edge) -> None:
    for target in ("/x", "/-/metrics", "/a/../b", "/static/none"):
        reply = ask(edge.port, target)
        assert (reply.one("x-content-type-options"), reply.one("referrer-policy")) == (
            "nosniff",
            "strict-origin-when-cross-origin",
        )
        assert (reply.one("server"), reply.one("strict-transport-security")) == ("nginx", None)
        assert reply.one("x-request-id")


def test_a_projects_own_headers_stay_as_they_are(edge: Edge, wsgi: StubPool) -> None:
    own = (
        ("X-Content-Type-Options", "own"), ("Referrer-Policy", "no-referrer"),
        ("Strict-Transport-Security", "max-age=1"),
        ("Cache-Control", "max-age=2"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"), ("Location", "http://localhost/x"),
    )  # fmt: skip
    wsgi.rules["/x"] = lambda _: Answer(headers=(*own, ("X-Request-ID", "the-projects-own")), body=b"x")
    reply = ask(edge.port, "/x", [("X-Request-ID", "the-visitors-own")])
    for name, _ in own:
        assert reply.all(name) == [value for key, value in own if key == name]
    assert reply.one("x-request-id") == "the-visitors-own"


@pytest.mark.parametrize(
    ("kind", "zipped"),
    [
        ("text/html; charset=utf-8", True),
        ("application/json", True),
        ("image/svg+xml", True),
        ("image/png", False),
        ("text/event-stream", False),
    ],
)
def test_text_is_compressed_and_streams_are_not(edge: Edge, wsgi: StubPool, kind: str, zipped: bool) -> None:
    wsgi.rules["/x"] = lambda _: Answer(headers=(("Content-Type", kind),), body=TEXT)
    reply = ask(edge.port, "/x", [("Accept-Encoding", "gzip")])
    assert reply.one("content-encoding") == ("gzip" if zipped else None)
    assert (gzip.decompress(reply.body) if zipped else reply.body) == TEXT
    assert reply.one("vary") == ("Accept-Encoding" if zipped else None)


@pytest.mark.parametrize("target", ["/x", "/hopped"])
def test_a_stream_ends_its_connection_and_is_not_compressed(
    edge: Edge, wsgi: StubPool, asgi: StubPool, target: str
) -> None:
    wsgi.rules["/hopped"] = lambda _: hop("@hop-asgi-stream")
    asgi.rules[target] = lambda _: Answer(headers=(("Content-Type", "text/html"),), body=TEXT)
    reply = ask(edge.port, target, [("Accept-Encoding", "gzip"), *(EVENTS if target == "/x" else ())])
    assert (reply.one("connection"), reply.one("content-encoding"), reply.body) == ("close", None, TEXT)


def test_a_page_keeps_its_connection(edge: Edge) -> None:
    with line(edge.port) as one:
        for _ in range(3):
            one.request("/x")
            assert one.read().one("connection") == "keep-alive"


def test_a_line_of_the_log(edge: Edge, wsgi: StubPool) -> None:
    hostile = 'a"b\\c'
    ask(
        edge.port,
        "/x?q=%22",
        [("X-Request-ID", "a-line-of-the-log"), ("User-Agent", hostile)],
        method="POST",
        body=b"x",
    )
    entry = edge.logged("a-line-of-the-log")
    expected = {
        "method": "POST",
        "uri": "/x?q=%22",
        "status": 200,
        "http": "HTTP/1.1",
        "protocol": "http",
        "pool": "wsgi",
        "hops": "",
        "upstream": f"127.0.0.1:{wsgi.port}",
        "upstream_status": "200",
    }
    assert {name: entry[name] for name in expected} == expected
    assert (entry["agent"], entry["remote"], entry["scheme"], entry["host"]) == (
        hostile,
        "127.0.0.1",
        "http",
        "localhost",
    )
    assert entry["seconds"] >= float(entry["upstream_seconds"]) >= 0
    assert entry["bytes"] > 0
    assert entry["time"].endswith("+00:00")


@pytest.mark.parametrize(
    ("name", "target", "headers", "expected"),
    [
        ("refused-path", "/a/../b", [], (400, "http", "", "")),
        ("closed-path-1", "/-/metrics", [], (404, "http", "", "")),
        ("event-stream", "/x", [*EVENTS], (200, "sse", "asgi", "200")),
        ("static-file", "/static/x", [], (200, "http", "wsgi", "200")),
        ("hand-over-1", "/hopped", [], (200, "http", "asgi", "200 : 200")),
        ("lost-pool-1", "/lost", [], (502, "http", "wsgi", "502")),
    ],
)
def test_the_log_tells_what_became_of_a_request(
    edge: Edge,
    wsgi: StubPool,
    asgi: StubPool,
    name: str,
    target: str,
    headers: list[tuple[str, str]],
    expected: tuple[int, str, str, str],
) -> None:
    wsgi.rules["/hopped"] = lambda _: hop("@hop-asgi")
    wsgi.rules["/lost"] = lambda _: Answer(drop=True)
    ask(edge.port, target, [("X-Request-ID", name), *headers], method="POST" if name.startswith("lost") else "GET")
    entry = edge.logged(name)
    assert (entry["status"], entry["protocol"], entry["pool"], entry["upstream_status"]) == expected


def test_a_socket_is_logged_when_it_ends(edge: Edge, asgi: StubPool) -> None:
    with line(edge.port) as one:
        one.request("/x", [*SOCKET, ("X-Request-ID", "socket-in-the-log")])
        assert one.read().status == 101
    entry = edge.logged("socket-in-the-log")
    assert (entry["status"], entry["protocol"], entry["pool"]) == (101, "websocket", "asgi")


def test_bytes_that_are_no_text_do_not_break_the_log(edge: Edge) -> None:
    with line(edge.port) as one:
        one.send(b"GET /\xff?\xfe HTTP/1.1\r\nHost: \xfd\r\nUser-Agent: \xfc\r\nX-Request-ID: no-text-at-all\r\n\r\n")
        one.read()
    entry = edge.logged("no-text-at-all")
    assert (entry["uri"], entry["host"], entry["agent"]) == ("not ASCII",) * 3


def test_the_log_of_a_foreign_host(edge: Edge) -> None:
    ask(edge.port, "/x", [("X-Request-ID", "foreign-host")], host="evil.example")
    assert edge.logged("foreign-host")["status"] == 421
