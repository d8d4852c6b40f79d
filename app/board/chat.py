"""Saying something in a room, and reading what was said since: used by the form (WSGI) and by the socket (ASGI)."""

import uuid
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from board import limits, live
from board.models import Message, Room, Sequence


class RefusedError(Exception):
    """A message that is not stored. The text is for its author; `again` says that it may pass in a while."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


def say(room: Room, author, text: str, client_id: uuid.UUID) -> Message:
    """Store a message and tell the room after the commit. The same `client_id` again returns what is stored."""
    text = text.replace("\x00", "").strip()  # PostgreSQL stores no NUL
    if not text:
        raise RefusedError("Write something first.")
    if len(text) > limits.MESSAGE_LENGTH:
        raise RefusedError(f"That is {len(text)} characters; a message takes {limits.MESSAGE_LENGTH}.")
    sent = Message.objects.filter(room=room, author=author, client_id=client_id)
    if stored := sent.first():
        return stored
    window = timezone.now() - timedelta(seconds=limits.MESSAGES_WINDOW)
    if Message.objects.filter(author=author, posted__gt=window).count() >= limits.MESSAGES:
        raise RefusedError("That is a lot at once. It is sent in a few seconds.", again=True)
    try:
        with transaction.atomic():
            number = Sequence.take(room.group)
            row = Message.objects.create(room=room, number=number, author=author, text=text, client_id=client_id)
            live.after_commit(room.group, "room.message", live.message(row))
    except IntegrityError:  # the same message arrived twice at once; the number went back
        return sent.get()
    return row


def recent(room: Room) -> list[Message]:
    """The last messages, oldest first."""
    rows = room.messages.select_related("author").order_by("-number")[: limits.PAGE]
    return list(rows)[::-1]


def since(room: Room, number: int) -> list[dict]:
    """Up to a batch of messages after `number`, oldest first, as the page reads them."""
    rows = room.messages.select_related("author").filter(number__gt=number).order_by("number")[: limits.BATCH]
    return [live.message(row) for row in rows]
