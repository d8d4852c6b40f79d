"""Connections to the pools: kept, let go of in time, and replayed only where that can do no harm."""

import re
import socket
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from .client import ask, line
from .edge import SHIPPED, Edge, free_port, running, shipped
from .stubs import Answer, Seen, StubPool, hop, report

SECONDS = {
    name: int(value)
    for name, value in re.findall(
        r"^(keepalive_time(?:out)?) (\d+)s;", (SHIPPED / "proxy/keepalive.conf").read_text(), re.MULTILINE
    )
}


def give(answer: Answer, _: Seen) -> Answer:
    return answer


def drop_second(seen: Seen) -> Answer:
    """A server that closes a reused connection under the request, as one does whose keep-alive just ran out."""
    return Answer(drop=True) if seen.nth > 1 else report(seen)


def stale(edge: Edge, pool: StubPool, path: str) -> None:
    """Leaves the edge with a kept connection in each of its two workers that will fail at its next request."""
    pool.rules["/warm"] = report
    for _ in range(6):
        ask(edge.port, "/warm")
    pool.rules[path] = drop_second


def test_a_get_on_a_stale_connection_is_sent_again(edge: Edge, wsgi: StubPool) -> None:
    stale(edge, wsgi, "/x")
    assert ask(edge.port, "/x").status == 200


def test_a_post_on_a_stale_connection_is_never_sent_twice(edge: Edge, wsgi: StubPool) -> None:
    for n in range(6):
        stale(edge, wsgi, f"/x{n}")
        ask(edge.port, f"/x{n}", method="POST", body=b"pay")
        assert len([seen for seen in wsgi.seen if seen.target == f"/x{n}"]) == 1


def test_a_post_reaches_the_next_server_when_the_first_refuses_the_connection(
    edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path
) -> None:
    dead = free_port()
    upstreams = f"""
upstream app-wsgi {{ server 127.0.0.1:{dead} max_fails=0; server 127.0.0.1:{wsgi.port} max_fails=0; }}
upstream app-asgi {{ server 127.0.0.1:{asgi.port} max_fails=0; }}
"""
    with running(edge_image, tmp_path, wsgi, asgi, {"host/upstreams.conf": upstreams}) as edge:
        for n in range(8):
            assert ask(edge.port, "/x", method="POST", body=b"pay").told["length"] == 3
            assert len(wsgi.seen) == n + 1


def test_a_refusal_is_not_remembered(edge_image: str, asgi: StubPool, tmp_path: Path) -> None:
    port = free_port()
    pool = StubPool("wsgi")
    text = shipped(
        "host/upstreams.conf", ("app-wsgi:8000", f"127.0.0.1:{port}"), ("app-asgi:8000", f"127.0.0.1:{asgi.port}")
    )
    with running(edge_image, tmp_path, pool, asgi, {"host/upstreams.conf": text}) as edge:
        assert [ask(edge.port, "/x").status for _ in range(3)] == [502] * 3
        with socket.create_server(("127.0.0.1", port)) as late:
            pool.close()
            with line(edge.port) as one:
                one.request("/x")
                accepted, _ = late.accept()
                with closing(accepted):
                    accepted.recv(65536)
                    accepted.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                    assert one.read().status == 204


def test_an_idle_connection_is_let_go_by_the_edge(edge: Edge, wsgi: StubPool) -> None:
    assert ask(edge.port, "/x").told["nth"] >= 1
    used = {seen.connection for seen in wsgi.seen}
    deadline = time.monotonic() + 20
    while not used <= set(wsgi.closed):
        assert time.monotonic() < deadline, "the edge keeps an idle connection"
        time.sleep(0.1)


def test_a_busy_connection_is_let_go_too(edge: Edge, wsgi: StubPool) -> None:
    """Else a pool that is about to stop would keep the connections that were never idle."""
    ask(edge.port, "/x")
    used = {seen.connection for seen in wsgi.seen}
    deadline = time.monotonic() + 30
    while not used <= set(wsgi.closed):
        assert time.monotonic() < deadline, "the edge keeps a busy connection"
        ask(edge.port, "/x")
        time.sleep(0.05)


def test_the_relation_of_the_waits() -> None:
    assert SECONDS["keepalive_time"] + SECONDS["keepalive_timeout"] < 9


def test_both_upstreams_and_no_other_place_hold_the_numbers() -> None:
    text = (SHIPPED / "host/upstreams.conf").read_text()
    assert text.count("include proxy/keepalive.conf;") == text.count("upstream ") == 2
    assert text.count(" max_fails=0;") == text.count(" server ") == 2


def test_a_lost_pool_gets_the_edges_page_and_a_projects_own_error_passes(edge: Edge, wsgi: StubPool) -> None:
    wsgi.rules["/lost"] = lambda _: Answer(drop=True)
    reply = ask(edge.port, "/lost", [("X-Request-ID", "lost-and-found")], method="POST", body=b"x")
    assert (reply.status, reply.one("content-type"), reply.one("cache-control")) == (
        502,
        "text/html; charset=utf-8",
        "no-store",
    )
    assert (reply.one("x-request-id"), "No answer" in reply.text) == ("lost-and-found", True)
    for status in (404, 413, 429, 500, 502, 503, 504):
        own = Answer(status, (("Content-Type", "text/plain"), ("Retry-After", "7")), b"the project's own")
        wsgi.rules["/own"] = partial(give, own)
        reply = ask(edge.port, "/own")
        assert (reply.status, reply.body, reply.one("retry-after"), reply.one("cache-control")) == (
            status,
            b"the project's own",
            "7",
            None,
        )


def test_a_project_that_says_nothing_in_time_gets_the_page_for_it(
    edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path
) -> None:
    def hang(_: Seen) -> Answer:
        time.sleep(4)
        return Answer()

    wsgi.rules["/x"] = hang
    asgi.rules["/x"] = hang
    impatient = shipped("http/pools.conf", ("proxy_read_timeout 60s", "proxy_read_timeout 1s"))
    with running(edge_image, tmp_path, wsgi, asgi, {"http/pools.conf": impatient}) as edge:
        reply = ask(edge.port, "/x", method="POST", body=b"x")
        assert (reply.status, "took too long" in reply.text, len(wsgi.seen)) == (504, True, 1)


def test_a_slow_view_is_not_run_again_on_the_next_server(
    edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path
) -> None:
    def hang(_: Seen) -> Answer:
        time.sleep(6)
        return Answer()

    wsgi.rules["/x"] = hang
    asgi.rules["/x"] = hang
    files = {
        "http/pools.conf": shipped(
            "http/pools.conf", ("read_timeout 60s", "read_timeout 2s"), ("upstream_timeout 7s", "upstream_timeout 1s")
        ),
        "host/upstreams.conf": f"""
upstream app-wsgi {{ server 127.0.0.1:{wsgi.port} max_fails=0; server 127.0.0.1:{asgi.port} max_fails=0; }}
upstream app-asgi {{ server 127.0.0.1:{asgi.port} max_fails=0; }}
""",
    }
    with running(edge_image, tmp_path, wsgi, asgi, files) as edge:
        assert (ask(edge.port, "/x").status, len(wsgi.seen) + len(asgi.seen)) == (504, 1)


def test_the_bound_of_retries_is_below_the_patience_with_a_view() -> None:
    """Else the test above would not be about the shipped numbers."""
    text = (SHIPPED / "http/pools.conf").read_text()
    found = dict(
        re.findall(
            r"^(proxy_next_upstream_timeout|proxy_read_timeout|proxy_connect_timeout) (\d+)s;", text, re.MULTILINE
        )
    )
    connect, retry, read = (int(found[f"proxy_{name}_timeout"]) for name in ("connect", "next_upstream", "read"))
    assert connect * 2 < retry < read


@pytest.mark.parametrize("code", [413, 429, 502, 503, 504])
def test_the_pages_need_nothing_else(code: int) -> None:
    text = (SHIPPED / "pages" / f"{code}.html").read_text()
    assert str(code) in text
    assert not re.search(r"(?:src|href|url|@import)\s*[=(]", text)


def test_a_hand_over_costs_no_connection_of_the_visitor(edge: Edge, wsgi: StubPool, asgi: StubPool) -> None:
    wsgi.rules["/x"] = lambda _: hop("@hop-asgi")
    with line(edge.port) as one:
        for _ in range(3):
            one.request("/x")
            reply = one.read()
            assert (reply.told["pool"], reply.one("connection")) == ("asgi", "keep-alive")
