"""Slow, oversized and too many: each is refused in bounds, and the rest is served on."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from .client import PATIENCE, SOCKET, ask, line
from .edge import Edge, running, shipped
from .stubs import Answer, StubPool


def test_half_a_header_half_a_body_and_silence_are_cut(edge: Edge, wsgi: StubPool) -> None:
    with line(edge.port) as header, line(edge.port) as trickle, line(edge.port) as body, line(edge.port) as silence:
        header.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
        trickle.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\n")
        body.request("/x", [("Content-Length", "100")], method="POST")
        body.send(b"x" * 10)
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(1):
                try:
                    trickle.send(b"X-Drip: 1\r\n")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            for one in (header, trickle, body, silence):
                one.bytes_until_closed()
        finally:
            stop.set()
            dripping.join()
    assert wsgi.seen == []
    assert ask(edge.port, "/x").status == 200


def test_the_time_for_a_header_is_at_most_20_seconds() -> None:
    values = dict(
        text.rstrip(";").split()
        for text in shipped("http/visitors.conf").splitlines()
        if "timeout " in text and text[0] != "#"
    )
    assert int(values["client_header_timeout"].rstrip("s")) <= 20
    assert PATIENCE > 20, "the test above must outlast it"


@pytest.mark.parametrize("path", ["/x", "/-/probe/body"])
def test_a_body_of_10_mib_passes_and_a_byte_more_does_not(edge: Edge, wsgi: StubPool, path: str) -> None:
    whole = 10 * 1024 * 1024
    assert ask(edge.port, path, method="POST", body=bytes(whole)).told["length"] == whole
    with line(edge.port) as one:
        one.request(path, [("Content-Length", str(whole + 1))], method="POST")
        reply = one.read()
    assert (reply.status, "Too large" in reply.text) == (413, True)
    assert len(wsgi.seen) == 1


def test_a_chunked_body_is_counted_too(edge: Edge, wsgi: StubPool) -> None:
    with line(edge.port) as one:
        one.request("/x", [("Transfer-Encoding", "chunked")], method="POST")
        with suppress(OSError):  # cut while sending is good as well
            for _ in range(11):
                one.send(b"100000\r\n" + bytes(1024 * 1024) + b"\r\n")
            one.send(b"0\r\n\r\n")
            assert one.read().status == 413
    assert wsgi.seen == []


def test_a_line_may_have_its_own_limit(pinned: Edge) -> None:
    assert ask(pinned.port, "/exact/", method="POST", body=bytes(1024 * 1024)).status == 200
    with line(pinned.port) as one:
        one.request("/exact/", [("Content-Length", str(1024 * 1024 + 1))], method="POST")
        assert one.read().status == 413


@pytest.mark.parametrize(
    ("headers", "target", "status"),
    [
        ([("X-Big", "x" * 17_000)], "/x", 400),
        ([(f"X-{n}", "x" * 8_000) for n in range(9)], "/x", 400),
        ([], "/" + "x" * 17_000, 414),
        ([("Bad Name", "x")], "/x", 400),
        ([("Content-Length", "1"), ("Content-Length", "2")], "/x", 400),
        ([("Content-Length", "3"), ("Transfer-Encoding", "chunked")], "/x", 400),
        ([("Transfer-Encoding", "gzip, chunked")], "/x", 501),
    ],
)
def test_oversized_and_malformed_headers(
    edge: Edge, wsgi: StubPool, headers: list[tuple[str, str]], target: str, status: int
) -> None:
    assert ask(edge.port, target, headers).status == status
    assert wsgi.seen == []


def test_large_cookies_of_a_pool_and_of_a_visitor_pass(edge: Edge, wsgi: StubPool) -> None:
    wsgi.rules["/x"] = lambda _: Answer(
        headers=tuple(("Set-Cookie", f"c{n}=" + "x" * 3500) for n in range(3)), body=b"ok"
    )
    reply = ask(edge.port, "/x", [("Cookie", "c=" + "x" * 12_000)])
    assert (reply.status, len(reply.all("set-cookie"))) == (200, 3)


def test_too_many_from_one_address(edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path) -> None:
    limits = shipped("host/limits.conf", ("per_address 4096", "per_address 3"))
    with running(edge_image, tmp_path, wsgi, asgi, {"host/limits.conf": limits}) as edge:
        with line(edge.port) as one, line(edge.port) as two, line(edge.port) as three:
            for held in (one, two, three):
                held.request("/x", SOCKET)
                assert held.read().status == 101
            reply = ask(edge.port, "/x")
            assert (reply.status, "Too many" in reply.text) == (429, True)
            assert ask(edge.port, "/x", SOCKET).status == 429
        for _ in range(100):
            if (status := ask(edge.port, "/x").status) == 200:
                break
        assert status == 200


def test_a_full_disk_refuses_the_body_and_serves_the_rest(
    edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path
) -> None:
    small = "--tmpfs=/var/cache/nginx:uid=10001,gid=10001,mode=0700,size=3m"
    limits = shipped("host/limits.conf", ("max_size=64m min_free=16m", "max_size=1m min_free=1m"))
    with running(edge_image, tmp_path, wsgi, asgi, {"host/limits.conf": limits}, small) as edge:
        with line(edge.port) as one:
            one.request("/x", [("Content-Length", str(5_000_000))], method="POST")
            with suppress(OSError):
                one.send(bytes(5_000_000))
                assert one.read().status == 503
        assert wsgi.seen == []
        for _ in range(200):  # until the worker has noticed that the visitor is gone, and the file with it
            if (reply := ask(edge.port, "/x", method="POST", body=bytes(1_000_000))).status == 200:
                break
            time.sleep(0.05)
        assert reply.told["length"] == 1_000_000
