"""Notices: from the admin onto every open page, resumed by number, with no database connection held meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import twinpool
from asgiref.sync import iscoroutinefunction
from board import limits
from board.access import in_thread
from board.models import Notice
from board.views import stream
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import AsyncClient, Client
from django.urls import resolve

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def opened(query: str = "", **headers: str) -> AsyncIterator:
    answer = await AsyncClient().get(f"/notices/stream/{query}", headers=headers)
    assert answer["Content-Type"] == "text/event-stream"
    lines = aiter(answer.streaming_content)
    assert b"event: hello" in await anext(lines)
    try:
        yield lines
    finally:
        await lines.aclose()


async def event(lines: AsyncIterator[bytes]) -> dict:
    """The next notice, with its event id; heartbeats are passed over."""
    while True:
        async with asyncio.timeout(10):
            fields = dict(line.split(": ", 1) for line in (await anext(lines)).decode().strip().split("\n"))
        if fields.get("event") == "notice":
            return {**json.loads(fields["data"]), "event_id": int(fields["id"])}


@in_thread
def write(title: str, **fields) -> Notice:
    return Notice.objects.create(title=title, text=title, **fields)


@pytest.fixture
def admin(chief: User) -> Client:
    client = Client()
    client.force_login(chief)
    return client


async def test_it_is_a_coroutine_function_by_djangos_own_test() -> None:
    assert iscoroutinefunction(resolve("/notices/stream/").func)


async def test_a_notice_from_the_admin_arrives_at_once(admin: Client) -> None:
    async with opened() as lines:
        form = {"title": "Seed swap", "text": "On Saturday", "important": "on"}
        answer = await in_thread(admin.post)("/admin/board/notice/add/", form)
        assert answer.status_code == 302
        notice = await event(lines)
    assert (notice["title"], notice["important"], notice["author"]) == ("Seed swap", True, "chief")
    assert notice["event_id"] == notice["number"] == 2


async def test_a_correction_and_a_withdrawal_arrive_too(admin: Client) -> None:
    first = await write("Seed swop")
    async with opened() as lines:
        form = {"title": "Seed swap", "text": "On Saturday"}
        await in_thread(admin.post)(f"/admin/board/notice/{first.pk}/change/", form)
        corrected = await event(lines)
        assert (corrected["id"], corrected["title"]) == (first.pk, "Seed swap")
        withdraw = {"action": "withdraw", "_selected_action": first.pk}
        await in_thread(admin.post)("/admin/board/notice/", withdraw)
        withdrawn = await event(lines)
        assert (withdrawn["id"], withdrawn["withdrawn"]) == (first.pk, True)
        assert withdrawn["number"] == corrected["number"] + 1
    assert b"Seed swap" not in (await in_thread(Client().get)("/")).content


async def test_the_admin_offers_no_deleting(admin: Client) -> None:
    first = await write("Stays")
    assert (await in_thread(admin.post)(f"/admin/board/notice/{first.pk}/delete/", {"post": "yes"})).status_code == 403


@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_page_that_was_away_gets_what_it_missed(board: None, how: str, monkeypatch) -> None:
    monkeypatch.setattr(limits, "BATCH", 2)
    for title in "abcd":
        await write(title)
    begin = opened(**{"Last-Event-ID": "2"}) if how == "header" else opened("?since=2")
    async with begin as lines:
        assert [(await event(lines))["title"] for _ in range(3)] == list("bcd")


async def test_the_browsers_own_header_wins_over_the_address_that_it_repeats(board: None) -> None:
    for title in "ab":
        await write(title)
    async with opened("?since=0", **{"Last-Event-ID": "2"}) as lines:
        assert (await event(lines))["title"] == "b"


@pytest.mark.parametrize("since", ["", "?since=x", "?since=-1", "?since=999999999", "?since=%C2%B2"])
async def test_a_page_that_cannot_say_where_it_was_begins_now(board: None, since: str) -> None:
    await write("before")
    async with opened(since) as lines:
        await write("after")
        assert (await event(lines))["title"] == "after"


async def test_what_the_layer_lost_comes_with_the_heartbeat(board: None, monkeypatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    monkeypatch.setattr("board.live.publish", lambda group, message: None)
    async with opened() as lines:
        await write("lost")
        assert (await event(lines))["title"] == "lost"


async def test_what_the_layer_lost_comes_before_the_next_notice(board: None, monkeypatch) -> None:
    async with opened() as lines:
        with monkeypatch.context() as lost:
            lost.setattr("board.live.publish", lambda group, message: None)
            await write("lost")
        await write("arrives")
        assert [(await event(lines))["title"] for _ in range(2)] == ["lost", "arrives"]


async def test_twinpools_publish_reaches_the_open_pages(board: None, monkeypatch) -> None:
    monkeypatch.setattr("board.live.publish", twinpool.publish)
    async with opened() as lines:
        await write("by Twinpool")
        assert (await event(lines))["title"] == "by Twinpool"


async def test_a_request_that_fails_shows_nothing(board: None) -> None:
    @in_thread
    def fails() -> None:
        with transaction.atomic():
            Notice.objects.create(title="never", text="never")
            transaction.set_rollback(True)

    async with opened() as lines:
        await fails()
        await write("after")
        assert (await event(lines))["title"] == "after"


async def test_thirty_open_streams_hold_no_database_connection(board: None) -> None:
    @in_thread
    def connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'board' AND pid <> pg_backend_pid()")
            return cursor.fetchone()[0]

    before = await connections()
    streams = [opened() for _ in range(30)]
    opens = [await one.__aenter__() for one in streams]
    waiting = [asyncio.ensure_future(event(lines)) for lines in opens]
    await write("first")
    assert {notice["title"] for notice in await asyncio.gather(*waiting)} == {"first"}
    waiting = [asyncio.ensure_future(event(lines)) for lines in opens]
    async with asyncio.timeout(10):
        while await connections() > before:  # noqa: ASYNC110 - the last reads may be on their way out
            await asyncio.sleep(0.05)
    await write("second")
    assert {notice["title"] for notice in await asyncio.gather(*waiting)} == {"second"}
    for one in streams:
        await one.__aexit__(None, None, None)
