"""The wire forms of channels_redis (4.2 and 4.3), spoken synchronously on a kept connection. Used by publish."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from twinpool.settings.layer import Layer

WAIT_SECONDS = 5  # for Redis to take a message: a page that publishes must not hang where Redis has gone
CORE = "channels_redis.core.RedisChannelLayer"
PREFIX_BYTES = 12  # the core layer's own default: makes equal messages different members of a sorted set
COUNTER_BYTES = 4  # of them, written by the script

# What group_send does in three or more round trips. KEYS: the group's sorted set of channel names, the prefix of
# channel keys. ARGV: random bytes, the message as msgpack but for its last entry, now, expiry, group expiry, capacity.
GROUP_SEND = """
local now = tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, math.floor(now) - tonumber(ARGV[5]))
local by_key, order = {}, {}
for _, channel in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local mark = string.find(channel, '!', 1, true)
  local key = KEYS[2] .. (mark and string.sub(channel, 1, mark) or channel)
  if not by_key[key] then by_key[key] = {}; table.insert(order, key) end
  table.insert(by_key[key], channel)
end
local full = 0
for i, key in ipairs(order) do
  redis.call('ZREMRANGEBYSCORE', key, 0, math.floor(now) - tonumber(ARGV[4]))
  if redis.call('ZCARD', key) < tonumber(ARGV[6]) then
    local entry = cmsgpack.pack('__asgi_channel__') .. cmsgpack.pack(by_key[key])
    redis.call('ZADD', key, ARGV[3], ARGV[1] .. struct.pack('>I4', i) .. ARGV[2] .. entry)
    redis.call('EXPIRE', key, ARGV[4])
  else
    full = full + 1
  end
end
return full
"""


def connect(host: Mapping[str, Any]) -> Any:
    """A client with a pool of its own for one of the layer's hosts, by the options that both kinds of client know."""
    import redis
    from redis.backoff import ExponentialBackoff
    from redis.retry import Retry

    plain = {key: value for key, value in host.items() if isinstance(value, (str, bytes, int, float)) or value is None}
    address = plain.pop("address", None)
    # A kept connection may have died with an old Redis: once more, at once. A time-out is not tried again, since the
    # message may have been taken.
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.05), 2, supported_errors=(redis.ConnectionError,))
    options: dict[str, Any] = {
        **plain,
        "socket_timeout": WAIT_SECONDS,
        "socket_connect_timeout": WAIT_SECONDS,
        "retry": retry,
    }
    pool = redis.ConnectionPool.from_url(str(address), **options) if address else redis.ConnectionPool(**options)
    return redis.Redis(connection_pool=pool)


def reachable(found: Layer) -> bool:
    """Whether every host is given plainly; Sentinel's are known to the layer only."""
    return bool(found.hosts) and not any("master_name" in host for host in found.hosts)


def _serializer(config: Mapping[str, Any]) -> Callable[[dict[str, Any]], bytes]:
    """The one that the layer's configuration asks for; before 4.3 its pub/sub layer knew only msgpack."""
    try:
        from channels_redis.serializers import registry
    except ModuleNotFoundError:
        import msgpack  # type: ignore[import-untyped]

        return msgpack.packb  # type: ignore[no-any-return]
    made = registry.get_serializer(
        config.get("serializer_format", "msgpack"), symmetric_encryption_keys=config.get("symmetric_encryption_keys")
    )
    return made.serialize  # type: ignore[no-any-return]


class PubSub:
    """Redis publish to `{prefix}__group__{group}`, the body made by the layer's own serializer."""

    def __init__(self, found: Layer) -> None:
        self._clients = [connect(host) for host in found.hosts]
        self._prefix = found.prefix
        self._serialize = _serializer(found.config)

    def __call__(self, group: str, message: Mapping[str, Any]) -> None:
        """Publish on the shard that the layer uses for this group."""
        from channels_redis.utils import _consistent_hash

        channel = f"{self._prefix}__group__{group}"
        client = self._clients[_consistent_hash(channel, len(self._clients))]
        client.publish(channel, self._serialize(dict(message)))


class Core:
    """A message into the sorted set of each member of `{prefix}:group:{group}`, by one script."""

    @staticmethod
    def fits(found: Layer) -> bool:
        """Whether the script does what this layer would: Django Channels' own class on one host, its usual form."""
        config = found.config
        usual = config.get("serializer_format", "msgpack") == "msgpack"
        prefixed = config.get("random_prefix_length", PREFIX_BYTES) > COUNTER_BYTES
        special = config.get("symmetric_encryption_keys") or config.get("channel_capacity")
        return (
            found.backend == CORE and reachable(found) and len(found.hosts) == 1 and usual and prefixed and not special
        )

    def __init__(self, found: Layer) -> None:
        config = found.config
        self._script = connect(found.hosts[0]).register_script(GROUP_SEND)
        self._prefix = found.prefix
        self._random = config.get("random_prefix_length", PREFIX_BYTES) - COUNTER_BYTES
        self._limits = [config.get("expiry", 60), config.get("group_expiry", 86400), config.get("capacity", 100)]

    def __call__(self, group: str, message: Mapping[str, Any]) -> None:
        """Add the message to each member's queue that has room; a full one loses it, as with group_send."""
        import msgpack

        # The script adds the entry __asgi_channel__, so the header counts one more.
        head = msgpack.Packer().pack_map_header(len(message) + 1)
        body = head + b"".join(msgpack.packb(key) + msgpack.packb(value) for key, value in message.items())
        arguments = [secrets.token_bytes(self._random), body, time.time(), *self._limits]
        self._script(keys=[f"{self._prefix}:group:{group}", self._prefix], args=arguments)
