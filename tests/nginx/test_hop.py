"""Hand-over: a pool answers X-Accel-Redirect and the request is replayed in the other, body and all."""

import hashlib
import os
import threading
from collections.abc import Iterator

import pytest

from .client import EVENTS, Reply, ask, line
from .edge import Edge
from .stubs import Answer, Rule, Seen, StubPool, hop, report

PATH = "/report%20s/x?next=/a//b"
RULE = "/report%20s/x"
MARKS = [
    ("@hop-asgi", "asgi", "view", "a"),
    ("@hop-asgi-stream", "asgi", "stream", "s"),
    ("@hop-wsgi", "wsgi", "view", "w"),
]


def first_arrival(name: str) -> Rule:
    """Hands a request over unless it carries the mark of a hop, as the runtime does."""
    return lambda seen: report(seen) if seen.one("x-twinpool-hop") else hop(name)


def start(name: str) -> tuple[str, list[tuple[str, str]]]:
    """The pool that gets such a request first, and the headers by which it does."""
    return ("asgi", list(EVENTS)) if name == "@hop-wsgi" else ("wsgi", [])


@pytest.mark.parametrize(("name", "pool", "mark", "letter"), MARKS)
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_537, 1_000_000, 5_000_000])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_survives(
    edge: Edge, wsgi: StubPool, asgi: StubPool, name: str, pool: str, mark: str, letter: str, size: int, method: str
) -> None:
    body = os.urandom(size)
    for stub in (wsgi, asgi):
        stub.rules[RULE] = first_arrival(name)
    first, headers = start(name)
    reply = ask(
        edge.port,
        PATH,
        [*headers, ("Cookie", "a=b"), ("X-Request-ID", f"hop-{method}-{size}-{mark}-{pool}")],
        method=method,
        body=body,
    )
    told = reply.told
    assert (told["pool"], told["method"], told["target"], told["length"]) == (pool, method, PATH, size)
    assert told["sha256"] == hashlib.sha256(body).hexdigest()
    assert (reply.header("x-twinpool-hop"), reply.header("x-twinpool-may-hop"), reply.header("cookie")) == (
        mark,
        "yes",
        "a=b",
    )
    assert [seen.pool for seen in (*wsgi.seen, *asgi.seen) if not seen.one("x-twinpool-hop")] == [first]
    assert edge.logged(f"hop-{method}-{size}-{mark}-{pool}")["hops"] == letter


@pytest.mark.parametrize(("name", "pool", "mark", "letter"), MARKS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_request_without_a_body_survives(
    edge: Edge, wsgi: StubPool, asgi: StubPool, name: str, pool: str, mark: str, letter: str, method: str
) -> None:
    for stub in (wsgi, asgi):
        stub.rules[RULE] = first_arrival(name)
    reply = ask(edge.port, PATH, start(name)[1], method=method)
    arrived = [seen for seen in (wsgi if pool == "wsgi" else asgi).seen if seen.one("x-twinpool-hop") == mark]
    assert (reply.status, [(seen.method, seen.target) for seen in arrived]) == (200, [(method, PATH)])


@pytest.mark.parametrize("sizes", [[0], [1], [70_000] * 3, [1_000_000] * 5])
def test_a_chunked_body_survives(edge: Edge, wsgi: StubPool, asgi: StubPool, sizes: list[int]) -> None:
    wsgi.rules[RULE] = first_arrival("@hop-asgi")
    chunks = [os.urandom(size) for size in sizes if size]
    with line(edge.port) as one:
        one.request(PATH, [("Transfer-Encoding", "chunked")], method="POST")
        for chunk in chunks:
            one.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        one.send(b"0\r\n\r\n")
        told = one.read().told
    assert (told["pool"], told["sha256"]) == ("asgi", hashlib.sha256(b"".join(chunks)).hexdigest())


@pytest.mark.parametrize("forged", ["view", "stream"])
def test_a_forged_mark_reaches_no_pool(edge: Edge, wsgi: StubPool, asgi: StubPool, forged: str) -> None:
    wsgi.rules["/x"] = lambda _: hop("@hop-asgi-stream")
    headers = [("X-Twinpool-Hop", forged), ("X-Twinpool-May-Hop", "no")]
    told = ask(edge.port, "/x", headers).told
    assert [seen.one("x-twinpool-hop") for seen in wsgi.seen] == [None]
    assert ["x-twinpool-hop", "stream"] in told["headers"]


@pytest.mark.parametrize(("name", "pool", "mark", "letter"), MARKS)
def test_a_client_cannot_ask_for_a_hop(
    edge: Edge, wsgi: StubPool, asgi: StubPool, name: str, pool: str, mark: str, letter: str
) -> None:
    reply = ask(edge.port, "/x", [("X-Accel-Redirect", name)])
    assert (reply.told["pool"], reply.header("x-twinpool-hop")) == ("wsgi", None)


def test_two_hops_of_different_kind(edge: Edge, wsgi: StubPool, asgi: StubPool) -> None:
    """An event stream asked of a synchronous view: ASGI gives it to WSGI, which finds an async stream in the answer."""
    asgi.rules["/x"] = lambda seen: report(seen) if seen.one("x-twinpool-hop") == "stream" else hop("@hop-wsgi")
    wsgi.rules["/x"] = lambda _: hop("@hop-asgi-stream")
    reply = ask(edge.port, "/x", [*EVENTS, ("X-Request-ID", "two-hops-of-kind")], method="POST", body=b"kept")
    assert (reply.told["pool"], reply.told["length"], reply.header("x-twinpool-hop")) == ("asgi", 4, "stream")
    line = edge.logged("two-hops-of-kind")
    assert (line["hops"], line["pool"], line["upstream_status"].count("200"), line["upstream"].count(" : ")) == (
        "ws",
        "asgi",
        3,
        2,
    )


def test_pools_that_never_stop_handing_over_are_stopped(edge: Edge, wsgi: StubPool, asgi: StubPool) -> None:
    wsgi.rules["/x"] = lambda _: hop("@hop-asgi")
    asgi.rules["/x"] = lambda _: hop("@hop-wsgi")
    reply = ask(edge.port, "/x", [("X-Request-ID", "never-ending-hop")])
    assert (reply.status, len(wsgi.seen), len(asgi.seen)) == (502, 2, 1)
    assert "did not answer" in reply.text
    assert edge.logged("never-ending-hop")["hops"] == "awa"


@pytest.mark.parametrize("path", ["/pin/wsgi/x", "/pin/asgi/x", "/pin/sse/x", "/ws/x", "/static/x"])
@pytest.mark.parametrize("target", ["@hop-asgi", "@hop-wsgi", "@asgi-websocket", "/-/metrics", "/other"])
def test_a_pinned_line_obeys_no_hand_over(pinned: Edge, wsgi: StubPool, asgi: StubPool, path: str, target: str) -> None:
    for stub in (wsgi, asgi):
        stub.rules[path] = lambda _: Answer(headers=(("X-Accel-Redirect", target),), body=b"stayed")
    reply = ask(pinned.port, path)
    assert (reply.status, reply.body, len(wsgi.seen) + len(asgi.seen)) == (200, b"stayed", 1)
    assert reply.one("x-accel-redirect") is None


@pytest.mark.parametrize("target", ["/-/metrics", "/-/live", "/-page"])
def test_a_hand_over_to_a_closed_path_opens_nothing(edge: Edge, wsgi: StubPool, asgi: StubPool, target: str) -> None:
    """The runtime drops such a header; this is the second lock."""
    wsgi.rules["/x"] = lambda _: hop(target)
    assert ask(edge.port, "/x").status == 404
    assert (len(wsgi.seen), len(asgi.seen)) == (1, 0)


@pytest.mark.parametrize("header", ["X-Accel-Expires", "X-Accel-Limit-Rate", "X-Accel-Charset", "X-Accel-Buffering"])
def test_other_accel_headers_stay_inside(edge: Edge, wsgi: StubPool, header: str) -> None:
    wsgi.rules["/x"] = lambda _: Answer(headers=((header, "1"),), body=b"x" * 2000)
    reply = ask(edge.port, "/x")
    assert (reply.one(header), len(reply.body)) == (None, 2000)


@pytest.mark.parametrize("failing", ["drop", "refuse"])
def test_the_edges_page_also_after_a_hop(edge: Edge, wsgi: StubPool, asgi: StubPool, failing: str) -> None:
    wsgi.rules["/x"] = lambda _: hop("@hop-asgi")
    asgi.rules["/x"] = lambda _: Answer(drop=True) if failing == "drop" else hop("@nowhere")
    reply = ask(edge.port, "/x", method="POST", body=b"x")
    assert (reply.status, reply.text[:15]) == (502 if failing == "drop" else 503, "<!doctype html>")


def test_connections_live_through_a_hop(edge: Edge, wsgi: StubPool, asgi: StubPool) -> None:
    wsgi.rules["/x"] = first_arrival("@hop-asgi")

    def twice() -> Iterator[Reply]:
        with line(edge.port) as one:
            for _ in range(8):
                one.request("/x", method="GET")
                yield one.read()

    assert [reply.told["pool"] for reply in twice()] == ["asgi"] * 8
    assert max(seen.nth for seen in wsgi.seen) > 1, "the first pool's connection is not reused after its hop"


def test_an_async_view_may_stream_after_a_hop(edge: Edge, wsgi: StubPool, asgi: StubPool) -> None:
    wsgi.rules["/x"] = lambda _: hop("@hop-asgi")
    assert streams(edge, asgi, [], (("X-Accel-Buffering", "no"),))


def streams(edge: Edge, pool: StubPool, request: list[tuple[str, str]], headers: tuple[tuple[str, str], ...]) -> bool:
    """Whether the first part of a stream arrives while its second waits for the test."""
    go_on = threading.Event()

    def parts(_: Seen) -> Answer:
        def body() -> Iterator[bytes]:
            yield b"data: first\n\n"
            assert go_on.wait(20)
            yield b"data: last\n\n"

        return Answer(headers=(("Content-Type", "text/event-stream"), *headers), body=body(), endless=True)

    pool.rules["/x"] = parts
    with line(edge.port) as one:
        one.request("/x", request)
        one.sock.settimeout(10)
        got = b""
        try:
            while b"first" not in got:
                got += one.sock.recv(65536)
        except TimeoutError:
            return False
        finally:
            go_on.set()
        return True


def test_a_marked_stream_hop_is_not_buffered(edge: Edge, wsgi: StubPool, asgi: StubPool) -> None:
    wsgi.rules["/x"] = lambda _: hop("@hop-asgi-stream")
    assert streams(edge, asgi, [], ())


def test_an_event_stream_is_not_buffered(edge: Edge, wsgi: StubPool, asgi: StubPool) -> None:
    assert streams(edge, asgi, list(EVENTS), ())
