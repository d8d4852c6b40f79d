"""redis_settings: what a project keeps in a Redis of its own machine goes to the deployment's."""

from typing import Any

import pytest
from twinpool.settings import redis_settings

URL = "redis://:p%40ss@redis:6380/0"
DJANGO, OTHER = "django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache"


def planned(own: dict[str, Any], url: str | None = URL) -> dict[str, Any]:
    return {change.setting: change.new for change in redis_settings.plan(own, url)}


def test_events_of_django_eventstream_get_a_bus() -> None:
    own = {"INSTALLED_APPS": ["django_eventstream.apps.EventStreamConfig"]}
    place = {"host": "redis", "port": 6380, "db": 0, "username": None, "password": "p@ss", "socket_timeout": None}
    assert planned(own)["EVENTSTREAM_REDIS"] == place
    kept = planned(own | {"EVENTSTREAM_REDIS": {"host": "localhost", "socket_timeout": 60}})["EVENTSTREAM_REDIS"]
    assert kept == place | {"socket_timeout": 60}
    assert planned(own, None) == {}
    assert planned({"INSTALLED_APPS": ["channels"]}) == {}


@pytest.mark.parametrize(
    ("backend", "location", "moved"),
    [
        (DJANGO, "redis://127.0.0.1:6379", URL),
        (OTHER, "redis://localhost:6379/3", "redis://:p%40ss@redis:6380/3"),
        (DJANGO, ["redis://localhost/1", "redis://localhost/1"], "redis://:p%40ss@redis:6380/1"),
        (DJANGO, "redis://cache.shop.example:6379/1", None),
        (DJANGO, "redis://localhost/1,redis://cache.shop.example/1", None),
        ("django.core.cache.backends.locmem.LocMemCache", "localhost", None),
    ],
)
def test_a_cache_on_the_same_machine_moves_with_it(backend: str, location: Any, moved: str | None) -> None:
    own = {"CACHES": {"default": {"BACKEND": backend, "LOCATION": location, "TIMEOUT": 9}}}
    after = planned(own).get("CACHES")
    assert after == ({"default": {"BACKEND": backend, "LOCATION": moved, "TIMEOUT": 9}} if moved else None)
