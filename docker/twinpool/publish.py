"""Publishing to a channel-layer group from synchronous code, in one round trip. Projects use it; light to import."""

import functools
import os
from collections.abc import Mapping
from typing import Any, Protocol


class Sender(Protocol):
    """Sends one message to one group, in the layer's own wire form."""

    def __call__(self, group: str, message: Mapping[str, Any]) -> None: ...


def publish(group: str, message: Mapping[str, Any]) -> None:
    """Send a message to every member of a group, as the channel layer's own group_send would.

    The message has a "type", the consumer's handler ("notice.posted" calls notice_posted). Within a transaction publish
    on commit: `transaction.on_commit(lambda: publish("board", {"type": …}))`. Takes one round trip to Redis on a kept
    connection (0.2 ms on one machine; async_to_sync(group_send) opens a loop and a connection each time).

    Raises redis.RedisError where Redis does not take it, and RuntimeError where there is no channel layer at all.
    """
    sender()(group, message)


def sender() -> Sender:
    """How this process publishes, made at its first use; a forked child makes its own."""
    return _sender(os.getpid())


@functools.lru_cache(maxsize=1)
def _sender(pid: int) -> Sender:
    from django.conf import settings

    from twinpool import wire
    from twinpool.settings import layer

    found = layer.effective(getattr(settings, "CHANNEL_LAYERS", None), os.environ.get("REDIS_URL"))
    if found.form == "pubsub" and wire.reachable(found):
        return wire.PubSub(found)
    if wire.Core.fits(found):
        return wire.Core(found)
    if found.form == "none":
        raise RuntimeError(
            "twinpool.publish found no channel layer: REDIS_URL is not set and the project has no CHANNEL_LAYERS. "
            "Deploy with POOLS=both, or configure a layer."
        )
    return _through_the_layer


def _through_the_layer(group: str, message: Mapping[str, Any]) -> None:
    """By the project's own layer: in memory, or of a kind that only its own code can speak."""
    from asgiref.sync import async_to_sync
    from channels.layers import get_channel_layer

    async_to_sync(get_channel_layer().group_send)(group, dict(message))
