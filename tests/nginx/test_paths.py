"""Odd spellings of a path can neither change the pool nor open what is closed."""

import pytest

from .client import SOCKET, ask
from .edge import Edge
from .stubs import StubPool


@pytest.mark.parametrize(
    "target",
    [
        "//ws/x", "/ws//x", "///", "/x//", "/%2fws/x", "/%2Fws/x", "/ws/%2f/x", "//evil.example/x", "/x//?a=1",
        "/a/../ws/x", "/a/./ws/x", "/./ws/x", "/../ws/x", "/ws/..", "/ws/.", "/ws/../", "/..", "/.",
        "/a/%2e%2e/ws/x", "/a/%2E%2E/ws/x", "/a/.%2e/ws/x", "/a/%2e./ws/x", "/a/..%2fws/x", "/a%2f..%2fws/x",
        "/a/%2e/ws",
        "/a/..%5cws/x", "/a%5c..%5cws", "/a\\..\\ws", "/a/..;/ws/x", "/a/..?x=1", "/a/%2e%2e?x=1",
        "/-/probe/../metrics", "/-/probe/%2e%2e/metrics", "/-/probe/..%2fmetrics", "/-/probe//../metrics",
        "/x/..%2f-/metrics",
        "/ws/x#/../y", "/-#/metrics", "/ws%00/x", "/%zz",
    ],
)  # fmt: skip
def test_what_edge_and_pool_would_read_differently_is_refused(
    pinned: Edge, wsgi: StubPool, asgi: StubPool, target: str
) -> None:
    assert ask(pinned.port, target).status == 400
    assert ask(pinned.port, target, SOCKET).status == 400
    assert (wsgi.seen, asgi.seen) == ([], [])


@pytest.mark.parametrize(
    "target",
    [
        "/x?next=https://example.org//a/../b", "/x?next=%2F..%2f", "/x?a=/./", "/.well-known/x", "/a..b/..c/d../...",
        "/a%20b/%C3%A9",
        "/group%2Fname/x", "/a;b=c/x", "/a%25%32%65/x", "/x?", "/a%3fb", "/~x/a:b@c",
    ],
)  # fmt: skip
def test_an_ordinary_path_reaches_the_pool_as_it_was_sent(edge: Edge, target: str) -> None:
    assert ask(edge.port, target).told["target"] == target


@pytest.mark.parametrize(
    ("target", "pool"), [("/%77s/x", "asgi"), ("/w%73/x", "asgi"), ("/ws%2fx", "asgi"), ("/pin%2fwsgi/x", "wsgi")]
)
def test_another_spelling_of_a_line_is_that_line(pinned: Edge, target: str, pool: str) -> None:
    assert ask(pinned.port, target).told["pool"] == pool
    assert ask(pinned.port, target, SOCKET).status == (101 if pool == "asgi" else 400)


@pytest.mark.parametrize("target", ["/wsx", "/WS/x", "/ws%20/x", "/ws;/x", "/exact/x", "/pin"])
def test_a_neighbour_of_a_line_is_not_that_line(pinned: Edge, target: str) -> None:
    """The project's own catch-all regex has them; its handler holds no sockets and would refuse none of ws/."""
    reply = ask(pinned.port, target)
    assert (reply.status, reply.told["pool"]) == (200, "asgi")
    assert ask(pinned.port, target, SOCKET).status == 400


@pytest.mark.parametrize("target", ["/ws", "/pin/wsgi", "/exact", "/static"])
def test_a_line_that_ends_in_a_slash_sends_its_bare_name_there(pinned: Edge, target: str) -> None:
    """nginx's own rule for handlers that name a pool; by-protocol lines are free of it."""
    reply = ask(pinned.port, target)
    assert (reply.status, reply.one("location")) == (301, f"{target}/")


CLOSED = [
    "/-/", "/-/live", "/-/ready", "/-/metrics", "/-/METRICS", "/-/metrics/", "/-/metrics?x=1", "/-/metrics.",
    "/-/probe", "/-/Probe/who",
    "/%2d/metrics", "/%2D/metrics", "/-%2fmetrics", "/-%2Fmetrics", "/%2d%2fmetrics", "/-/%6detrics", "/-/metrics%20",
    "/-/edge-leaving", "/-/x/probe/who", "/-/probex/who", "/-/a%2fb", "/-/;x", "/-/.x",
]  # fmt: skip


@pytest.mark.parametrize("target", CLOSED)
def test_the_kits_own_paths_are_closed(pinned: Edge, wsgi: StubPool, asgi: StubPool, target: str) -> None:
    """Also beside a project's regex that matches everything."""
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        assert ask(pinned.port, target, method=method).status == 404
    assert ask(pinned.port, target, SOCKET).status == 404
    assert (wsgi.seen, asgi.seen) == ([], [])


@pytest.mark.parametrize("target", ["/-./metrics", "/-", "/.-/metrics", "/-x/metrics"])
def test_what_is_not_the_kits_is_the_projects(edge: Edge, target: str) -> None:
    """The pool reads them as the edge does: none decodes to a path below /-/."""
    assert ask(edge.port, target).told["target"] == target


@pytest.mark.parametrize("target", ["/-/probe/who", "/%2d/probe/who", "/-/pro%62e/who?x=1"])
def test_probes_go_by_protocol_with_leave_to_hop(pinned: Edge, target: str) -> None:
    reply = ask(pinned.port, target, [("X-Twinpool-Probe", "s3cret")])
    assert (reply.told["pool"], reply.header("x-twinpool-may-hop"), reply.header("x-twinpool-probe")) == (
        "wsgi",
        "yes",
        "s3cret",
    )


def test_no_path_leads_to_the_edges_own_pages(edge: Edge) -> None:
    assert ask(edge.port, "/-page").status == 404
    assert ask(edge.port, "/502.html").told["pool"] == "wsgi"


def test_the_status_server_answers_inside_only(edge: Edge) -> None:
    assert b"Active connections" in ask(edge.status_port, "/status").body
    assert ask(edge.status_port, "/x").status == 404
    assert ask(edge.port, "/status").told["pool"] == "wsgi"
