"""The WSGI pool's real server: what it lets through, and that streams leave threads for the pages."""

import json
import signal
from pathlib import Path

import pytest

from ..site import Site
from .conftest import Serve
from .running import SECRET, Server

THREADS, WORKERS = 4, 2
ROOM = THREADS // 2 * WORKERS  # half of each worker's threads, the default share


def test_64_synchronous_streams_are_capped_and_pages_answer(shop: Site, serve: Serve) -> None:
    server = serve(shop, "wsgi", TWINPOOL_THREADS=str(THREADS), TWINPOOL_WORKERS=str(WORKERS))
    answers = [server.open("/lines")[1] for _ in range(64)]
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {200, 503}
    assert 0 < statuses.count(200) <= ROOM
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
    assert [server.ask("/").text for _ in range(20)] == ["home"] * 20
    assert server.metric("twinpool_streams") == statuses.count(200)
    assert server.metric("twinpool_connections") == statuses.count(200)
    assert server.metric("twinpool_refused_total") == statuses.count(503)
    assert "shop.views.lines: refused" in server.log
    for connection in server.opened:
        connection.close()
    server.until(lambda: server.metric("twinpool_streams") == 0, "the end of the streams")
    assert server.ask("/lines?seconds=0.1").status == 200


@pytest.mark.parametrize("path", ["/export", "/file"])
def test_a_stream_that_ends_gives_its_place_back(wsgi: Server, path: str) -> None:
    assert [wsgi.ask(path).status for _ in range(3 * ROOM)] == [200] * 3 * ROOM


def test_a_stream_asked_for_by_head_ends_at_once(wsgi: Server) -> None:
    assert [wsgi.ask("/events", "HEAD").status for _ in range(3 * ROOM)] == [200] * 3 * ROOM


def test_an_event_stream_ends_when_it_is_old_and_a_download_does_not(shop: Site, serve: Serve) -> None:
    server = serve(shop, "wsgi", TWINPOOL_SOCKET_AGE="1")
    events = server.ask("/events").body.split(b"\n\n")
    assert events[0] == b"data: 0"
    assert events[-2].startswith(b"retry: ")
    assert len(events) < 600  # the whole of it
    assert server.ask("/lines?seconds=2").body.count(b"data: ") == 40
    server.until(lambda: server.metric("twinpool_streams") == 0, "the end of the streams")


def test_event_streams_are_not_buffered_and_downloads_may_be(wsgi: Server) -> None:
    assert wsgi.open("/events")[1].headers["X-Accel-Buffering"] == "no"
    assert "x-accel-buffering" not in wsgi.ask("/export").headers


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
def test_the_projects_accel_headers_are_dropped(edge: object, pool: str) -> None:
    server: Server = getattr(edge, pool)
    for path in ("/accel", "/accel-async"):
        before = server.metric("twinpool_dropped_headers_total")
        reply = server.ask(path)
        assert (reply.text, reply.headers["x-kept"]) == ("mine", "1")
        assert not [name for name in reply.headers if name.startswith("x-accel")]
        assert server.metric("twinpool_dropped_headers_total") == before + 3


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
def test_static_files_are_served_and_a_missing_one_is_not_cached(edge: object, pool: str) -> None:
    server: Server = getattr(edge, pool)
    found = server.ask("/static/shop.css")
    assert (found.status, found.headers["content-type"]) == (200, 'text/css; charset="utf-8"')
    assert found.body == b"body { color: black }"
    part = server.ask("/static/shop.css", headers={"Range": "bytes=0-3"})
    assert (part.status, part.body) == (206, b"body")
    same = server.ask("/static/shop.css", headers={"If-None-Match": found.headers["etag"]})
    assert same.status == 304
    assert server.ask("/static/shop.css", "HEAD").headers["content-length"] == "21"
    for path in ("/static/made/x.css", "/static/nothing.css"):
        missing = server.ask(path)
        assert (missing.status, missing.headers["cache-control"]) == (404, "no-store")


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
def test_address_and_scheme_are_what_the_edge_says(edge: object, pool: str) -> None:
    server: Server = getattr(edge, pool)
    told = {"X-Real-IP": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    found = server.ask("/sync", headers=told).json()
    assert (found["remote"], found["scheme"]) == ("203.0.113.9", "https")
    who = server.ask("/-/probe/who", headers={**told, "X-Twinpool-Probe": SECRET, "X-Request-ID": "r-1"}).json()
    assert (who["remote"], who["scheme"], who["request_id"]) == ("203.0.113.9", "https", "r-1")
    assert (who["pool"], who["hop"]) == (pool, "")


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
def test_probes_answer_only_to_the_secret(edge: object, pool: str) -> None:
    server: Server = getattr(edge, pool)
    unknown = server.ask("/-/such/path")
    assert unknown.status == 404
    for path in ("/-/probe/who", "/-/probe/slow", "/-/probe/stream", "/-/probe/nothing"):
        for secret in ({}, {"X-Twinpool-Probe": "wrong"}, {"X-Twinpool-Probe": ""}):
            reply = server.ask(path, headers=secret)
            assert (reply.status, reply.body) == (404, unknown.body)
            assert reply.headers.keys() == unknown.headers.keys()
    assert server.ask("/-/probe/slow?seconds=0.1", headers={"X-Twinpool-Probe": SECRET}).json()["pool"] == pool


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
def test_a_published_message_gets_the_next_number(edge: object, pool: str) -> None:
    server: Server = getattr(edge, pool)
    headers = {"X-Twinpool-Probe": SECRET}
    first = server.ask("/-/probe/publish", "POST", headers, json.dumps({"text": "x"}).encode())
    assert first.status == 200
    assert server.ask("/-/probe/publish", "POST", headers, b"no json").status == 400


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
def test_the_body_probe_hands_itself_over_and_arrives_whole(edge: object, pool: str) -> None:
    server: Server = getattr(edge, pool)
    headers = {"X-Twinpool-Probe": SECRET}
    here = server.ask("/-/probe/body?hop=1", "PUT", headers, b"x" * 300_000).json()
    assert (here["pool"], here["length"]) == (pool, 300_000)
    hop = server.ask("/-/probe/body?hop=1", "POST", headers | {"X-Twinpool-May-Hop": "yes"}, b"x" * 300_000)
    assert hop.headers["x-accel-redirect"] == ("@hop-asgi" if pool == "wsgi" else "@hop-wsgi")
    assert "content-type" not in hop.headers
    marked = headers | {"X-Twinpool-May-Hop": "yes", "X-Twinpool-Hop": "view"}
    there = server.ask("/-/probe/body?hop=1", "POST", marked, b"x" * 300_000).json()
    assert (there["pool"], there["hop"], there["length"]) == (pool, "view", 300_000)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_signal_lets_what_is_under_way_finish_and_ends_with_0(
    shop: Site, serve: Serve, number: signal.Signals
) -> None:
    server = serve(shop, "wsgi", TWINPOOL_GRACEFUL="20")
    _, events = server.open("/events")
    assert events.read(9) == b"data: 0\n\n"
    connection, _ = server.open("/-/live")
    connection.close()
    page, answer = server.open("/lines?seconds=2")
    assert answer.read(9) == b"data: 0\n\n"
    server.signal(number)
    assert answer.read().endswith(b"data: 39\n\n")
    page.close()
    # An event stream ends between two events and says when to come back.
    assert events.read().split(b"\n\n")[-2].startswith(b"retry: ")
    assert server.ended() == 0


def test_two_pools_are_needed_for_a_hop(shop: Site, serve: Serve) -> None:
    server = serve(shop, "wsgi", TWINPOOL_POOLS="wsgi")
    assert server.ask("/async", headers={"X-Twinpool-May-Hop": "yes"}).json()["pool"] == "wsgi"
    _, answer = server.open("/mixed", headers={"X-Twinpool-May-Hop": "yes"})
    assert answer.read(9) == b"data: 0\n\n"


def test_a_broken_import_ends_the_server_with_the_reason(shop: Site, serve: Serve) -> None:
    urls = shop.path / "shop/urls.py"
    text = urls.read_text()
    try:
        urls.write_text("import no_such_module\n")
        for pool in ("wsgi", "asgi"):
            server = serve(shop, pool, wait=False)
            assert server.ended() == 3
            last = server.log.splitlines()[-1]
            assert last.startswith("twinpool serve: the project does not start: ")
            assert "No module named 'no_such_module'" in last
    finally:
        urls.write_text(text)


def test_settings_that_are_missing_are_one_sentence(shop: Site, serve: Serve) -> None:
    for pool in ("wsgi", "asgi"):
        server = serve(shop, pool, wait=False, TWINPOOL_SETTINGS="shop.nothing")
        assert server.ended() == 3
        assert server.log.splitlines()[-1].startswith("twinpool serve: TWINPOOL_SETTINGS is 'shop.nothing'")


def test_the_parent_holds_no_secret(shop: Site, serve: Serve) -> None:
    secret = shop.path.parent / "secret-key"
    secret.write_text("the secret key itself, only in a file" * 2)
    server = serve(shop, "asgi", SECRET_KEY="", SECRET_KEY_FILE=str(secret))
    for name in ("environ", "cmdline"):
        assert "only in a file" not in Path(f"/proc/{server.process.pid}/{name}").read_text()
