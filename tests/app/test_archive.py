"""The archive: finds by words, room and member, counts, pages, and asks no more for many rows than for few."""

import uuid

import pytest
from board import limits
from board.models import Message, Room, Sequence
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


@pytest.fixture
def told(lobby: Room, mira: User, jonas: User) -> Client:
    garden = Room.objects.create(name="Garden", slug="garden")
    for number in range(limits.PAGE + 10):
        room, author = (lobby, mira) if number % 2 else (garden, jonas)
        Message.objects.create(
            room=room, author=author, number=Sequence.take(room.group), text=f"word{number}.", client_id=uuid.uuid4()
        )
    client = Client()
    client.force_login(mira)
    return client


def found(client: Client, query: str) -> int:
    return client.get(f"/archive/{query}").context["page"].paginator.count


def test_it_finds_by_words_room_and_member(told: Client) -> None:
    assert found(told, "") == limits.PAGE + 10
    assert found(told, "?q=WORD7.") == 1
    assert found(told, "?room=garden") == (limits.PAGE + 10) // 2
    assert found(told, "?by=mira&room=garden") == 0
    assert found(told, "?q=%25") == 0


def test_it_shows_notices_that_match(told: Client) -> None:
    assert b"On the board" in told.get("/archive/?q=noticeboard").content


def test_it_has_pages_and_keeps_the_search(told: Client) -> None:
    first = told.get("/archive/?q=word").content.decode()
    assert "?q=word&amp;page=2" in first
    assert "Page 2 of 2" in told.get("/archive/?q=word&page=2").content.decode()
    assert told.get("/archive/?page=nonsense").status_code == 200


def test_it_counts(told: Client) -> None:
    context = told.get("/archive/").context
    assert sum(month["count"] for month in context["months"]) == limits.PAGE + 10
    assert {row["author__username"] for row in context["authors"]} == {"mira", "jonas"}


def test_more_rows_take_no_more_queries(told: Client, lobby: Room, mira: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            told.get("/archive/")
        return len(captured)

    before = queries()
    Message.objects.create(room=lobby, author=mira, number=Sequence.take(lobby.group), text="one more")
    assert queries() == before
