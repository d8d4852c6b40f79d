"""The hand-over between two real servers: who answers, that nothing is lost, and that a pin is obeyed."""

import hashlib

import pytest

from .running import Edge, Server

BODIES = [b"", b"x" * 10_000, bytes(range(256)) * 20_000]


@pytest.mark.parametrize("first", ["wsgi", "asgi"])
@pytest.mark.parametrize(("path", "pool"), [("/sync", "wsgi"), ("/async", "asgi"), ("/", "wsgi"), ("/ticks", "asgi")])
def test_the_view_says_which_pool_answers(edge: Edge, first: str, path: str, pool: str) -> None:
    replies = edge.ask(path, first)
    assert replies[-1].status == 200
    assert replies[-1].headers["x-served-by"] == pool
    assert len(replies) == (1 if first == pool else 2)


@pytest.mark.parametrize("first", ["wsgi", "asgi"])
@pytest.mark.parametrize("path", ["/sync", "/async"])
@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_body_arrives_whole(edge: Edge, first: str, path: str, body: bytes) -> None:
    found = edge.ask(path, first, "POST", body)[-1].json()
    assert (found["length"], found["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
def test_a_view_that_reads_no_body_answers_all_the_same(edge: Edge, pool: str) -> None:
    server = {"wsgi": edge.wsgi, "asgi": edge.asgi}[pool]
    assert server.ask("/", "POST", body=BODIES[-1]).text == "home"


def test_a_stream_that_reads_the_body_late_gets_it(wsgi: Server) -> None:
    assert wsgi.ask("/late", "POST", body=BODIES[-1]).text == str(len(BODIES[-1]))


@pytest.mark.parametrize(("first", "path", "to"), [("wsgi", "/async", "@hop-asgi"), ("asgi", "/sync", "@hop-wsgi")])
def test_a_hop_is_clean_and_leaves_the_connection_usable(edge: Edge, first: str, path: str, to: str) -> None:
    server = {"wsgi": edge.wsgi, "asgi": edge.asgi}[first]
    connection, answer = server.open(path, "POST", {"X-Twinpool-May-Hop": "yes"}, BODIES[-1])
    assert answer.status == 200
    assert answer.headers["X-Accel-Redirect"] == to
    assert answer.read() == b""
    assert {"set-cookie", "content-type", "x-served-by"}.isdisjoint(name.lower() for name in answer.headers)
    connection.request("GET", "/-/live")  # had the body not been read, the server would have closed
    assert connection.getresponse().read() == b"live\n"


def test_a_sync_view_with_an_async_stream_goes_to_asgi_and_is_remembered_by_both(edge: Edge) -> None:
    first = edge.ask("/mixed")
    assert [reply.headers.get("x-accel-redirect") for reply in first] == ["@hop-asgi-stream", None]
    assert "set-cookie" not in first[0].headers
    assert "content-type" not in first[0].headers
    assert first[-1].headers["x-served-by"] == "asgi"
    assert first[-1].headers["x-accel-buffering"] == "no"
    # ASGI has learnt it from the mark: it keeps the next one that comes by Accept.
    assert len(edge.ask("/mixed", "asgi")) == 1
    # WSGI knows before it calls the view, so even an unsafe method goes over.
    assert [reply.headers.get("x-accel-redirect") for reply in edge.ask("/mixed", method="POST", body=b"")] == [
        "@hop-asgi-stream",
        None,
    ]


def test_the_other_route_of_the_same_view_is_not_taken_for_a_stream(edge: Edge) -> None:
    edge.ask("/mixed")
    assert [reply.headers.get("x-accel-redirect") for reply in edge.ask("/mixed-too", "asgi")] == [
        "@hop-wsgi",
        "@hop-asgi-stream",
        None,
    ]


def test_an_unsafe_method_with_an_async_stream_is_refused_once_with_the_mend(edge: Edge) -> None:
    first = edge.ask("/chat", method="POST", body=b"question")
    assert [reply.status for reply in first] == [500]
    assert "location = /chat { include handlers/asgi-http.conf; }" in edge.wsgi.log
    again = edge.ask("/chat", method="POST", body=b"question")
    assert (again[-1].status, again[-1].headers["x-served-by"]) == (200, "asgi")


@pytest.mark.parametrize(("first", "path"), [("wsgi", "/async"), ("asgi", "/sync")])
def test_a_pin_is_obeyed(edge: Edge, first: str, path: str) -> None:
    server = {"wsgi": edge.wsgi, "asgi": edge.asgi}[first]
    assert server.ask(path).json()["pool"] == first


def test_an_async_stream_that_is_pinned_to_wsgi_flows_in_its_thread(wsgi: Server) -> None:
    _, answer = wsgi.open("/ticks")
    assert answer.read(20) == b"data: 0\n\ndata: 1\n\nda"
    assert answer.headers["X-Served-By"] == "wsgi"


@pytest.mark.parametrize(("pool", "mark"), [("wsgi", "view"), ("asgi", "view"), ("asgi", "stream")])
def test_a_mark_is_obeyed(edge: Edge, pool: str, mark: str) -> None:
    server = {"wsgi": edge.wsgi, "asgi": edge.asgi}[pool]
    path = "/async" if pool == "wsgi" else "/sync" if mark == "view" else "/mixed-too"
    connection, answer = server.open(path, headers={"X-Twinpool-May-Hop": "yes", "X-Twinpool-Hop": mark})
    assert answer.headers["X-Served-By"] == pool
    connection.close()


@pytest.mark.parametrize("pool", ["wsgi", "asgi"])
def test_a_path_without_a_view_stays(edge: Edge, pool: str) -> None:
    replies = edge.ask("/no/such", pool)
    assert [(reply.status, reply.headers["x-served-by"]) for reply in replies] == [(404, pool)]


def test_hops_are_counted_by_view(edge: Edge) -> None:
    before = edge.wsgi.metric("twinpool_hops_total")
    edge.ask("/async")
    assert edge.wsgi.metric("twinpool_hops_total") == before + 1
    assert 'view="shop.views.coroutine"' in edge.wsgi.ask("/-/metrics").text
