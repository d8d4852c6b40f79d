"""What the pools share: a message published on WSGI reaches sockets on ASGI, and readiness asks what they depend on."""

import asyncio
import json

from websockets.asyncio.client import ClientConnection

from ..conftest import MakeProject
from .conftest import Serve
from .running import SECRET, Server
from .test_sockets import patiently, probe

NO_APPS = "INSTALLED_APPS = []\n"
MEMORY = 'CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}\n'
PROBE = {"X-Twinpool-Probe": SECRET}


def publish(server: Server, text: str) -> int:
    reply = server.ask("/-/probe/publish", "POST", PROBE, json.dumps({"text": text}).encode())
    assert reply.status == 200, reply
    return int(reply.json()["n"])


async def join(socket: ClientConnection, since: int) -> list[int]:
    """The numbers that a join brings."""
    assert json.loads(await socket.recv())["type"] == "hello"
    await socket.send(json.dumps({"type": "join", "since": since}))
    numbers = []
    while (said := json.loads(await socket.recv()))["type"] == "message":
        numbers.append(said["n"])
    assert said["type"] == "joined"
    return numbers


def test_a_message_goes_from_wsgi_over_redis_to_every_socket(
    make_project: MakeProject, serve: Serve, redis_url: str
) -> None:
    site = make_project(settings=NO_APPS, REDIS_URL=redis_url)
    wsgi, asgi = serve(site, "wsgi"), serve(site, "asgi")
    first = publish(wsgi, "before anybody listens")

    async def visit() -> None:
        async with probe(asgi) as one, probe(asgi) as other:
            assert await join(one, first - 1) == [first]
            assert await join(other, first) == []
            sent = [await asyncio.to_thread(publish, pool, "x") for pool in (wsgi, asgi) * 10]
            assert sent == list(range(first + 1, first + 21))
            for socket in (one, other):
                got = [json.loads(await socket.recv()) for _ in sent]
                assert sorted(message["n"] for message in got) == sent
        async with probe(asgi) as back:
            assert await join(back, sent[4]) == sent[5:]
        headers = {**PROBE, "Last-Event-ID": str(sent[-2])}
        _, stream = asgi.open("/-/probe/stream", headers=headers)
        said = b"".join(stream.readline() for _ in range(7)).decode()
        assert f"id: {sent[-1]}\n" in said
        assert f"id: {sent[-2]}\n" not in said

    asyncio.run(visit())


def test_a_redis_that_goes_away_is_degraded_and_not_unready(make_project: MakeProject, serve: Serve) -> None:
    from .. import servers

    with servers.redis() as url:
        server = serve(make_project(settings=NO_APPS + MEMORY, REDIS_URL=url), "asgi")

    async def visit() -> None:
        await patiently(lambda: bool(server.ask("/-/ready").json()["degraded"]))
        ready = server.ask("/-/ready")
        assert ready.status == 200
        assert ready.json()["degraded"][0].startswith("channel layer: ")

    asyncio.run(visit())


def waits(server: Server) -> bool:
    """Whether the process that answers says which migrations it waits for; another may not have asked yet."""
    try:
        ready = server.ask("/-/ready").json()
    except OSError:
        return False
    return ready["state"] == "starting" and "not applied yet" in ready["degraded"][0]


def test_a_pool_waits_for_migrations_and_says_so(make_project: MakeProject, serve: Serve, database_url: str) -> None:
    site = make_project(DATABASE_URL=database_url)
    for pool in ("wsgi", "asgi"):
        server = serve(site, pool, wait=False)
        server.until(lambda server=server: waits(server), "the reason")
        assert server.ask("/-/ready").status == 503
        assert "contenttypes.0001_initial and" in server.log
        assert server.ask("/-/live").status == 200
        if pool == "asgi":
            assert site.twinpool("migrate").returncode == 0
            server.until(server.is_ready, "readiness")
            ask = site.twinpool("ask", "/-/ready", TWINPOOL_LISTEN=str(server.port))
            assert (ask.returncode, json.loads(ask.stdout)["ready"]) == (0, True)
            assert site.twinpool("ask", "/-/nothing", TWINPOOL_LISTEN=str(server.port)).returncode == 1
