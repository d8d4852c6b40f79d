"""Settings that name a Redis of their own, for this deployment's. Called by overlay; channel layers are in layer.py."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from twinpool.settings.change import Change, change

REDIS_CACHES = ("django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache")
HERE = ("localhost", "127.0.0.1", "::1")  # in a container nothing listens there


def plan(own: Mapping[str, Any], url: str | None) -> list[Change]:
    """Changes where REDIS_URL is set: the bus of django-eventstream, and caches on a Redis of the same machine."""
    if not url:
        return []
    return _eventstream(own, url) + _caches(own, url)


def _eventstream(own: Mapping[str, Any], url: str) -> list[Change]:
    """Without a bus what a page sends ends at its own process, and no open stream, on the other pool, gets it."""
    apps = {str(app).split(".")[0] for app in own.get("INSTALLED_APPS") or ()}
    if "django_eventstream" not in apps:
        return []
    parts = urlsplit(url)
    place: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or 6379,
        "db": int(parts.path.lstrip("/") or 0),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
    }
    before = own.get("EVENTSTREAM_REDIS")
    # redis-py's own time-out would end the library's listener, without a word, at the first quiet moment.
    after = {"socket_timeout": None, **(before or {}), **place, **({"ssl": True} if parts.scheme == "rediss" else {})}
    return change("EVENTSTREAM_REDIS", before, after, "REDIS_URL is set; events have to reach the other pool")


def _caches(own: Mapping[str, Any], url: str) -> list[Change]:
    caches = own.get("CACHES") or {}
    after = {alias: _moved(one, url) for alias, one in caches.items()}
    return change("CACHES", caches, after, "REDIS_URL is set, and no Redis listens in the container")


def _moved(cache: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    """The cache with its place on this deployment's Redis, the database's number kept; another machine's is left."""
    location = cache.get("LOCATION")
    if cache.get("BACKEND") not in REDIS_CACHES or not location:
        return cache
    places = location if isinstance(location, (list, tuple)) else str(location).split(",")
    if any(urlsplit(str(place)).hostname not in HERE for place in places):
        return cache
    number = urlsplit(str(places[0])).path
    return {**cache, "LOCATION": urlsplit(url)._replace(path=number).geturl() if number.strip("/") else url}
