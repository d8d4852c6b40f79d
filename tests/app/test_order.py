"""Numbers become visible in their own order, whatever order the transactions want to commit in."""

import threading
import uuid
from collections.abc import Callable

import pytest
from board import chat
from board.models import Message, Notice, Room
from django.db import connection, transaction

from .services import wait_until


def say(text: str) -> None:
    chat.say(Room.objects.get(slug="lobby"), None, text, uuid.uuid4())


def notice(text: str) -> None:
    Notice.objects.create(title=text, text=text)


def in_thread(work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return cursor.fetchone()[0] == 1


def texts(model: type) -> list[tuple[int, str]]:
    rows = model.objects.exclude(text__startswith="Notices written").order_by("number")
    return list(rows.values_list("number", "text"))


@pytest.mark.parametrize(("write", "model"), [(say, Message), (notice, Notice)])
def test_a_later_writer_waits_for_an_earlier_one(board: None, write: Callable, model: type) -> None:
    wrote, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            write("first")
            wrote.set()
            assert may_commit.wait(30)

    first = in_thread(slow)
    assert wrote.wait(30)
    second = in_thread(lambda: write("second"))
    wait_until(waiting_for_a_lock, "the second writer waits for the first")
    # A reader who comes now sees neither: it could not ask for the first one after having seen the second.
    assert texts(model) == []
    may_commit.set()
    first.join(30)
    second.join(30)
    numbers, said = zip(*texts(model), strict=True)
    assert said == ("first", "second")
    assert numbers[1] == numbers[0] + 1


@pytest.mark.parametrize(("write", "model"), [(say, Message), (notice, Notice)])
def test_a_transaction_that_fails_gives_its_number_back(board: None, write: Callable, model: type) -> None:
    write("before")
    with transaction.atomic():
        write("never")
        transaction.set_rollback(True)
    write("after")
    numbers, said = zip(*texts(model), strict=True)
    assert said == ("before", "after")
    assert numbers[1] == numbers[0] + 1


def test_many_writers_at_once_leave_no_gap(board: None) -> None:
    threads = [in_thread(lambda i=i: say(f"{i}")) for i in range(8)]
    for thread in threads:
        thread.join(30)
    assert list(Message.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 9))
