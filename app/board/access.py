"""Who is at the other end of a socket, asked anew each time, since a socket outlives sign-outs and lost invitations."""

from types import SimpleNamespace

from channels.db import database_sync_to_async
from django.contrib.auth import get_user

from board.models import Room


def in_thread(function):
    """`function` as a coroutine in a thread of its own, its connection given back after the call. Not Channels'
    default, which puts the database work of every socket of a process into one thread."""
    return database_sync_to_async(function, thread_sensitive=False)


@in_thread
def visitor(session, slug: str):
    """The user behind a socket's session as it is stored now, and the room if that user may be there, else None."""
    stored = session.__class__(session.session_key)  # not type(): Channels hands over a lazy stand-in
    user = get_user(SimpleNamespace(session=stored))
    return user, Room.objects.visible_to(user).filter(slug=slug).first()
