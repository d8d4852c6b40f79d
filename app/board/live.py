"""From the database to the open pages: what a change looks like on the wire, and publishing it after the commit."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction


def through_layer(group: str, message: dict) -> None:
    """What the noticeboard does without Twinpool: a loop and a connection for each message."""
    async_to_sync(get_channel_layer().group_send)(group, message)


try:
    from twinpool import publish
except ImportError:
    publish = through_layer

NOTICES = "notices"  # the group of the layer, and the name of the sequence


def after_commit(group: str, kind: str, body: dict) -> None:
    """Tell `group` when the transaction has committed. A layer that is down delays the news to the next resume and
    does not undo what is stored, hence robust."""
    transaction.on_commit(lambda: publish(group, {"type": kind, "body": body}), robust=True)


def message(row) -> dict:
    """A `Message` as the page reads it."""
    return {
        "type": "message",
        "number": row.number,
        "id": str(row.client_id),
        "author": row.author.get_username() if row.author else "former member",
        "author_id": row.author_id,
        "text": row.text,
        "posted": row.posted.isoformat(),
    }


def notice(row) -> dict:
    """A `Notice` as the page reads it."""
    return {
        "id": row.pk,
        "number": row.number,
        "title": row.title,
        "text": row.text,
        "important": row.important,
        "withdrawn": row.withdrawn,
        "author": row.author.get_username() if row.author else "the house",
        "published": row.published.isoformat(),
    }
