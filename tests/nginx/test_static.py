"""Static files: kept at the edge as long as the runtime says, the same for everybody, and a 404 never."""

import threading
from pathlib import Path

import pytest

from .client import ask
from .edge import Edge, running
from .stubs import Answer, Seen, StubPool

IMMUTABLE = ("Cache-Control", "max-age=315360000, public, immutable")


def css(seen: Seen) -> Answer:
    """A file as the runtime serves it, plain or gzipped."""
    zipped = "gzip" in (seen.one("accept-encoding") or "")
    headers = (IMMUTABLE, ("Content-Type", "text/css"), ("Vary", "Accept-Encoding"), ("ETag", '"1"'))
    return Answer(
        headers=headers + ((("Content-Encoding", "gzip"),) if zipped else ()), body=b"zipped" if zipped else b"plain"
    )


def test_a_file_is_asked_for_once_and_its_headers_are_untouched(edge: Edge, wsgi: StubPool) -> None:
    wsgi.rules["/static/once.css"] = css
    replies = [ask(edge.port, "/static/once.css", [("Cookie", f"session={n}")]) for n in range(3)]
    assert [reply.body for reply in replies] == [b"plain"] * 3
    assert {
        (reply.one("cache-control"), reply.one("etag"), reply.one("content-type"), reply.one("vary"))
        for reply in replies
    } == {(IMMUTABLE[1], '"1"', "text/css", "Accept-Encoding")}
    assert len(wsgi.seen) == 1
    assert (wsgi.seen[0].one("cookie"), wsgi.seen[0].one("authorization")) == (None, None)


@pytest.mark.parametrize(
    ("accepts", "body"),
    [
        ("gzip", b"zipped"),
        ("br, gzip, zstd", b"zipped"),
        ("deflate,gzip;q=0.5", b"zipped"),
        ("gzip;q=0", b"plain"),
        ("gzip;q=0.0, br", b"plain"),
        ("identity", b"plain"),
        ("xgzip", b"plain"),
    ],
)
def test_encodings_are_kept_apart(edge: Edge, wsgi: StubPool, accepts: str, body: bytes) -> None:
    wsgi.rules["/static/encodings.css"] = css
    reply = ask(edge.port, "/static/encodings.css", [("Accept-Encoding", accepts)])
    assert (reply.body, reply.one("content-encoding")) == (body, "gzip" if body == b"zipped" else None)


def test_a_query_is_no_other_file(edge: Edge, wsgi: StubPool) -> None:
    wsgi.rules["/static/query.css"] = css
    for n in range(3):
        assert ask(edge.port, f"/static/query.css?{n}").body == b"plain"
    assert len(wsgi.seen) == 1


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (404, (IMMUTABLE,), b"none"),
        (404, (("Cache-Control", "no-store"),), b"none"),
        (200, (), b"no age"),
        (200, (("Cache-Control", "private, max-age=60"),), b"private"),
        (200, (IMMUTABLE, ("Set-Cookie", "a=b")), b"a cookie"),
        (200, (IMMUTABLE,), bytes(10_000_000)),
        (302, (IMMUTABLE, ("Location", "/elsewhere")), b""),
        (500, (IMMUTABLE,), b"broken"),
    ],
)
def test_what_is_not_kept(
    edge: Edge, wsgi: StubPool, status: int, headers: tuple[tuple[str, str], ...], body: bytes
) -> None:
    path = f"/static/not-kept-{status}-{len(body)}-{len(headers)}"
    wsgi.rules[path] = lambda _: Answer(status, headers, body)
    for _ in range(2):
        reply = ask(edge.port, path)
        assert (reply.status, reply.body) == (status, body)
        assert [value for key, value in headers if key == "Cache-Control"] == reply.all("cache-control")
    assert len(wsgi.seen) == 2


def test_many_at_once_ask_once(edge: Edge, wsgi: StubPool) -> None:
    go_on = threading.Event()

    def slow(seen: Seen) -> Answer:
        assert go_on.wait(20)
        return css(seen)

    wsgi.rules["/static/many.css"] = slow
    replies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: replies.append(ask(edge.port, "/static/many.css").body)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    while not wsgi.seen:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert (replies, len(wsgi.seen)) == ([b"plain"] * 8, 1)


def test_a_part_of_a_kept_file_is_cut_from_it(edge: Edge, wsgi: StubPool) -> None:
    wsgi.rules["/static/range.css"] = css
    assert ask(edge.port, "/static/range.css").body == b"plain"
    reply = ask(edge.port, "/static/range.css", [("Range", "bytes=1-2")])
    assert (reply.status, reply.body, reply.one("content-range"), len(wsgi.seen)) == (206, b"la", "bytes 1-2/5", 1)


def test_a_part_of_another_file_is_asked_for_and_not_kept(edge: Edge, wsgi: StubPool) -> None:
    def part(seen: Seen) -> Answer:
        if not seen.one("range"):
            return css(seen)
        return Answer(206, (IMMUTABLE, ("Content-Range", "bytes 1-2/5")), b"la")

    wsgi.rules["/static/part.css"] = part
    for _ in range(2):
        reply = ask(edge.port, "/static/part.css", [("Range", "bytes=1-2")])
        assert (reply.status, reply.body, reply.one("content-range")) == (206, b"la", "bytes 1-2/5")
    assert ask(edge.port, "/static/part.css").body == b"plain"
    assert len(wsgi.seen) == 3


def test_a_stale_file_is_asked_again_with_its_etag(edge: Edge, wsgi: StubPool) -> None:
    def short(seen: Seen) -> Answer:
        headers = (("Cache-Control", "max-age=1"), ("ETag", '"7"'))
        return Answer(304, headers) if seen.one("if-none-match") == '"7"' else Answer(headers=headers, body=b"kept")

    wsgi.rules["/static/stale.css"] = short
    while len(wsgi.seen) < 2:
        assert ask(edge.port, "/static/stale.css").body == b"kept"
        threading.Event().wait(0.2)
    assert wsgi.seen[1].one("if-none-match") == '"7"'


def test_a_file_outlives_its_pool(edge_image: str, asgi: StubPool, tmp_path: Path) -> None:
    pool = StubPool("wsgi")
    pool.rules["/static/x.css"] = lambda _: Answer(headers=(("Cache-Control", "max-age=1"),), body=b"kept")
    with running(edge_image, tmp_path, pool, asgi) as edge:
        assert ask(edge.port, "/static/x.css").body == b"kept"
        pool.close()
        threading.Event().wait(2.5)
        assert ask(edge.port, "/static/x.css").body == b"kept"
        assert ask(edge.port, "/x").status == 502
