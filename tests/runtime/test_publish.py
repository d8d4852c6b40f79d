"""publish: what synchronous code sends arrives where channels_redis' own layers listen."""

import json

import pytest

from .conftest import MakeProject
from .site import Site

PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"
# Two members of a group on one client of the layer, as two sockets of one process are; then a message of each size.
RECEIVE = """
import asyncio, json
from channels.layers import get_channel_layer
from twinpool import publish
from twinpool.publish import sender
MESSAGES = [{"type": "notice.posted", "n": 1, "nested": {"list": [1, None, "ä"]}}, {"type": "big", "body": "x" * 70000}]
async def main():
    layer = get_channel_layer()
    channels = [await layer.new_channel() for _ in range(2)]
    for channel in channels:
        await layer.group_add("board", channel)
    got = []
    for message in MESSAGES:
        await asyncio.to_thread(publish, "board", message)
        for channel in channels:
            got.append(await asyncio.wait_for(layer.receive(channel), 10) == message)
    await layer.flush()
    print(json.dumps([type(layer).__name__, type(sender()).__name__, got]))
asyncio.run(main())
"""


def project(make_project: MakeProject, url: str, backend: str, config: str = "") -> Site:
    configured = f'{{"hosts": ["{url}"], {config}}}'
    layers = f'CHANNEL_LAYERS = {{"default": {{"BACKEND": "{backend}", "CONFIG": {configured}}}}}\n'
    return make_project(settings=layers)


@pytest.mark.parametrize(
    ("backend", "config", "sender"),
    [
        (PUBSUB, "", "PubSub"),
        (PUBSUB, '"prefix": "shop", "serializer_format": "json"', "PubSub"),
        (CORE, "", "Core"),
        (CORE, '"prefix": "shop", "random_prefix_length": 20', "Core"),
        # What the script does not speak goes through the layer itself.
        (CORE, '"serializer_format": "json"', "function"),
        (CORE, '"channel_capacity": {"x*": 5}', "function"),
    ],
)
def test_a_message_reaches_every_member(
    make_project: MakeProject, redis_url: str, backend: str, config: str, sender: str
) -> None:
    site = project(make_project, redis_url, backend, config)
    assert json.loads(site.python(RECEIVE)) == [backend.rsplit(".", 1)[1], sender, [True] * 4]


def test_the_overlays_own_layer_carries_messages(make_project: MakeProject, redis_url: str) -> None:
    site = make_project(settings='INSTALLED_APPS += ["channels"]\n', REDIS_URL=redis_url)
    assert json.loads(site.python(RECEIVE)) == ["RedisPubSubChannelLayer", "PubSub", [True] * 4]


def test_a_full_queue_of_the_core_layer_loses_the_message_as_group_send_does(
    make_project: MakeProject, redis_url: str
) -> None:
    site = project(make_project, redis_url, CORE, '"capacity": 3')
    code = """
import asyncio, redis
from channels.layers import get_channel_layer
from twinpool import publish
async def join():
    layer = get_channel_layer()
    await layer.group_add("board", "one!a")
    await layer.flush()
    await layer.group_add("board", "one!a")
asyncio.run(join())
for n in range(5):
    publish("board", {"type": "x", "n": n})
from django.conf import settings
client = redis.Redis.from_url(settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"][0]["address"])
print(client.zcard("asgione!"), 0 < client.ttl("asgione!") <= 60)
"""
    assert site.python(code) == "3 True"


def test_one_round_trip_on_one_kept_connection(make_project: MakeProject, redis_url: str) -> None:
    """Counted by Redis itself: the commands and connections of a hundred messages."""
    site = make_project(settings='INSTALLED_APPS += ["channels"]\n', REDIS_URL=redis_url)
    code = """
import os, redis
from twinpool import publish
publish("board", {"type": "x"})
client = redis.Redis.from_url(os.environ["REDIS_URL"])
def counted():
    return client.info("stats")["total_connections_received"], client.info("commandstats")["cmdstat_publish"]["calls"]
before = counted()
for n in range(100):
    publish("board", {"type": "x"})
print([after - first for after, first in zip(counted(), before)])
"""
    assert site.python(code) == "[0, 100]"


def test_a_forked_child_has_a_connection_of_its_own(make_project: MakeProject, redis_url: str) -> None:
    site = make_project(settings='INSTALLED_APPS += ["channels"]\n', REDIS_URL=redis_url)
    code = """
import os
from twinpool import publish as send
from twinpool.publish import sender
send("board", {"type": "x"})
mine = sender()
child = os.fork()
if child == 0:
    send("board", {"type": "x"})
    os._exit(0 if sender() is not mine else 1)
send("board", {"type": "x"})
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sender() is mine)
"""
    assert site.python(code) == "0 True"


def test_a_connection_that_redis_closed_is_made_again(make_project: MakeProject, redis_url: str) -> None:
    site = make_project(settings='INSTALLED_APPS += ["channels"]\n', REDIS_URL=redis_url)
    code = """
import os, redis
from twinpool import publish
publish("board", {"type": "x"})
client = redis.Redis.from_url(os.environ["REDIS_URL"])
client.client_kill_filter(_type="normal", skipme=True)
publish("board", {"type": "x"})
print(client.info("commandstats")["cmdstat_publish"]["calls"] >= 2)
"""
    assert site.python(code) == "True"


def test_without_redis_the_projects_layer_is_used(make_project: MakeProject) -> None:
    memory = 'CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}\n'
    assert json.loads(make_project(settings=memory).python(RECEIVE)) == ["InMemoryChannelLayer", "function", [True] * 4]


def test_no_layer_at_all_says_what_to_do(make_project: MakeProject) -> None:
    code = """
from twinpool import publish
try:
    publish("board", {})
except RuntimeError as error:
    print(error)
"""
    assert "found no channel layer: REDIS_URL is not set" in make_project().python(code)


def test_an_idle_layer_still_receives(make_project: MakeProject, redis_url: str) -> None:
    """redis-py's own socket_timeout, 5 seconds, ends the core layer's wait of 5 seconds with an error."""
    site = project(make_project, redis_url, CORE)
    loop = "    for message in MESSAGES:"
    waiting = """    waiting = asyncio.create_task(layer.receive(channels[0]))
    await asyncio.sleep(5.5)
    assert not waiting.done(), waiting
    waiting.cancel()
"""
    assert json.loads(site.python(RECEIVE.replace(loop, waiting + loop)))[-1] == [True] * 4
