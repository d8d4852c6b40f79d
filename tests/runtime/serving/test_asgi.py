"""The ASGI pool's real server: its bounds, and what becomes of streams, pages and their threads."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..conftest import MakeProject
from ..site import Site
from .conftest import Serve
from .running import Server

CAP = 3
RESERVE = 4
OTHERS = 14  # the loop, health, Python's own pool for files and 4xx logs, libraries


def test_synchronous_requests_beyond_the_cap_get_503_and_are_few_threads(shop: Site, serve: Serve) -> None:
    server = serve(shop, "asgi", TWINPOOL_ASGI_THREADS=str(CAP))
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(server.ask, "/block?seconds=4") for _ in range(40)]
        server.until(lambda: server.metric("twinpool_sync_requests") == CAP, "a full pool")
        assert server.threads() <= CAP + RESERVE + OTHERS
        assert server.ask("/async").status == 200  # asynchronous views go on
        assert server.ask("/-/ready").status == 200
        replies = [one.result() for one in asked]
    statuses = [reply.status for reply in replies]
    assert statuses.count(200) == CAP
    assert statuses.count(503) == 40 - CAP
    assert all(reply.headers["retry-after"] for reply in replies if reply.status == 503)
    assert "shop.views.block: refused" in server.log
    assert server.ask("/sync").status == 200


def test_a_burst_of_short_pages_waits_instead(shop: Site, serve: Serve) -> None:
    server = serve(shop, "asgi", TWINPOOL_ASGI_THREADS=str(CAP))
    with ThreadPoolExecutor(40) as pool:
        assert {reply.status for reply in pool.map(server.ask, ["/"] * 80)} == {200}


URLCONF = """
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
class Choose(MiddlewareMixin):
    def process_request(self, request):
        request.urlconf = "shop.urls"
"""


def test_the_threads_are_bounded_where_only_the_middleware_knows_the_view(
    make_project: MakeProject, serve: Serve
) -> None:
    urls = """
import asyncio, time
from django.http import HttpResponse
from django.urls import path
def sync(request):
    return HttpResponse("sync")
async def wait(request):
    await asyncio.sleep(3)
    return HttpResponse("waited")
urlpatterns = [path("sync", sync), path("wait", wait)]
"""
    settings = 'INSTALLED_APPS = []\nMIDDLEWARE += ["shop.choose.Choose"]\n'
    site = make_project({"shop/urls.py": urls, "shop/choose.py": URLCONF}, settings=settings)
    server = serve(site, "asgi", TWINPOOL_ASGI_THREADS=str(CAP))
    assert "shop.choose.Choose sets request.urlconf" in server.log
    with ThreadPoolExecutor(60) as pool:
        # Far more asynchronous views under way than there are places or threads: they hold neither while they wait.
        waiting = [pool.submit(server.ask, "/wait") for _ in range(30)]
        hops = [pool.submit(server.ask, "/sync", "GET", {"X-Twinpool-May-Hop": "yes"}) for _ in range(30)]
        most = 0
        while not all(one.done() for one in waiting + hops):
            most = max(most, server.threads())
            time.sleep(0.05)
        assert {one.result().status for one in waiting} == {200}
        assert {one.result().headers.get("x-accel-redirect") for one in hops} == {"@hop-wsgi"}
    assert most <= CAP + RESERVE + OTHERS


def test_streams_hold_no_threads(shop: Site, serve: Serve) -> None:
    server = serve(shop, "asgi", TWINPOOL_ASGI_THREADS=str(CAP))
    answers = [server.open("/ticks")[1] for _ in range(60)]
    assert {answer.read(9) for answer in answers} == {b"data: 0\n\n"}
    assert server.threads() <= CAP + RESERVE + OTHERS
    assert server.metric("twinpool_streams") == 60
    assert server.ask("/-/ready").json()["streams"] == 60
    for connection in server.opened:
        connection.close()
    server.until(lambda: server.metric("twinpool_streams") == 0, "the end of the streams")


def test_a_stream_asked_for_by_head_ends_and_spoils_no_connection(asgi: Server) -> None:
    connection, answer = asgi.open("/ticks", "HEAD")
    answer.read()
    for _ in range(3):
        connection.request("GET", "/async", headers={"Host": "shop.test"})
        reply = connection.getresponse()
        assert reply.status == 200
        reply.read()


def test_streams_are_marked_and_other_answers_are_not(asgi: Server) -> None:
    assert asgi.open("/ticks")[1].headers["X-Accel-Buffering"] == "no"
    assert "x-accel-buffering" not in asgi.ask("/async").headers
    assert "x-accel-buffering" not in asgi.ask("/file").headers


MODELS = """
import asyncio
from django.db import connection, models
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.contrib.contenttypes.models import ContentType
async def poll():
    while True:
        yield f"data: {await ContentType.objects.acount()}\\n\\n"
        await asyncio.sleep(0.3)
async def stream(request):
    await ContentType.objects.acount()
    return StreamingHttpResponse(poll(), content_type="text/event-stream")
def left_open(request):
    connection.set_autocommit(False)
    connection.cursor().execute("SELECT 1")
    return HttpResponse("left open")
urlpatterns = [path("poll", stream), path("left-open", left_open)]
"""


@pytest.mark.parametrize("streams", [30])
def test_polling_streams_share_few_database_connections(
    make_project: MakeProject, serve: Serve, database_url: str, streams: int
) -> None:
    import psycopg

    settings = 'MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]\n'
    site = make_project({"shop/urls.py": MODELS}, settings=settings, DATABASE_URL=database_url)
    assert site.twinpool("migrate").returncode == 0
    server = serve(site, "asgi", TWINPOOL_DB_POOL="4")
    with psycopg.connect(database_url, autocommit=True) as watching:

        def connections() -> int:
            row = watching.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
            return int(row[0]) if row else 0

        answers = [server.open("/poll")[1] for _ in range(streams)]
        for _ in range(4):
            assert {answer.read(9)[:6] for answer in answers} == {b"data: "}
            assert connections() <= 5  # the pool's, and health's moment
        assert server.threads() <= 16 + RESERVE + OTHERS


def test_a_connection_left_without_autocommit_is_nobody_elses(
    make_project: MakeProject, serve: Serve, database_url: str
) -> None:
    site = make_project({"shop/urls.py": MODELS}, DATABASE_URL=database_url)
    assert site.twinpool("migrate").returncode == 0
    server = serve(site, "asgi", TWINPOOL_DB_POOL="4", TWINPOOL_ASGI_THREADS="1")
    for _ in range(8):
        assert server.ask("/left-open").text == "left open"
    _, answer = server.open("/poll")
    assert answer.read(6) == b"data: "
