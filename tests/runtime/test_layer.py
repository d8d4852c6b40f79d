"""layer: the channel layer that carries a page's message to a socket."""

from pathlib import Path
from typing import Any

import pytest
from twinpool.project.discovery import Found
from twinpool.settings import layer

URL = "redis://:pw@redis:6379/0"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"


def planned(
    layers: Any, url: str | None = URL, apps: tuple[str, ...] = ("channels",), found: Found | None = None
) -> Any:
    changes = layer.plan({"CHANNEL_LAYERS": layers, "INSTALLED_APPS": apps}, url, found or Found())
    return changes[0].new if changes else layers


@pytest.mark.parametrize("layers", [None, {}, {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}])
def test_in_memory_or_none_becomes_redis(layers: Any) -> None:
    default = planned(layers)["default"]
    assert default["BACKEND"] == PUBSUB
    assert default["CONFIG"]["hosts"] == [{"address": URL, "socket_timeout": 15}]


def test_a_project_without_channels_gets_no_layer(tmp_path: Path) -> None:
    assert planned(None, apps=()) is None
    (tmp_path / "asgi.py").write_text("from channels.routing import ProtocolTypeRouter\n")
    assert planned(None, apps=(), found=Found(asgi=tmp_path / "asgi.py"))["default"]["BACKEND"] == PUBSUB


def test_without_redis_the_layer_stays() -> None:
    memory = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    assert planned(memory, url=None) == memory


def test_a_redis_layer_keeps_its_class_and_options() -> None:
    own = {"default": {"BACKEND": CORE, "CONFIG": {"hosts": [("mine", 6379)], "capacity": 500, "prefix": "shop"}}}
    default = planned(own)["default"]
    assert default["BACKEND"] == CORE
    assert default["CONFIG"] == {"hosts": [{"address": URL, "socket_timeout": 15}], "capacity": 500, "prefix": "shop"}
    alone = planned(own, url=None)["default"]
    assert alone["CONFIG"]["hosts"] == [{"host": "mine", "port": 6379, "socket_timeout": 15}]


@pytest.mark.parametrize(("own", "safe"), [(2, 15), (5, 15), (60, 60), (None, None)])
def test_a_socket_timeout_outlasts_the_layers_own_wait(own: int | None, safe: int | None) -> None:
    hosts = [{"address": "redis://mine", "socket_timeout": own, "health_check_interval": 30}]
    after = planned({"default": {"BACKEND": CORE, "CONFIG": {"hosts": hosts}}})["default"]["CONFIG"]["hosts"]
    assert after == [{"address": URL, "socket_timeout": safe, "health_check_interval": 30}]


def test_a_layer_of_another_kind_is_left_alone() -> None:
    own = {"default": {"BACKEND": "channels_rabbitmq.core.RabbitmqChannelLayer", "CONFIG": {"host": "amqp://x"}}}
    assert planned(own) == own
    assert layer.effective(own).form == "other"


def test_two_in_memory_layers_do_not_share_their_channels() -> None:
    memory = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    after = planned({"default": memory, "bulk": memory})
    assert after["default"]["CONFIG"]["prefix"] != after["bulk"]["CONFIG"]["prefix"]


def test_the_effective_layer_is_known() -> None:
    told = layer.effective(planned(None))
    assert (told.form, told.url, told.prefix) == ("pubsub", URL, "asgi")
    assert layer.effective(None, URL).form == "pubsub"
    assert layer.effective(None).form == "none"
    assert layer.effective({"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}).form == "memory"
    assert "pw" not in repr(told)
