"""The awkward project as its developers would use it: production settings, a page that writes, sockets on any path."""

import asyncio
import json
import re
from contextlib import AsyncExitStack
from urllib.parse import quote

import pytest
from websockets.asyncio.client import ClientConnection, connect

from .client import PATIENCE, ask
from .conftest import Site

pytestmark = [pytest.mark.project("awkward"), pytest.mark.timeout(180)]

PATHS = ("/", "/whoami", "/ws/x", "/any/path at all/ü", "/assets/x", "/entries/7/", "/no.such")


async def told(socket: ClientConnection) -> dict[str, object]:
    async with asyncio.timeout(PATIENCE):
        return dict(json.loads(await socket.recv()))


def test_the_settings_are_those_that_wsgi_py_names(site: Site) -> None:
    facts = asyncio.run(ask(site.url, "/whoami")).facts()
    assert facts is not None
    assert facts["site"] == "prod"
    assert asyncio.run(ask(site.url, "/only-in-dev")).status == 404


@pytest.mark.parametrize("path", ["/whoami", "/wait"])
def test_both_pools_have_the_same_settings(site: Site, path: str) -> None:
    facts = asyncio.run(ask(site.url, path)).facts()
    assert facts is not None
    assert facts["site"] == "prod"


def test_the_database_options_of_the_project_are_kept(site: Site) -> None:
    facts = asyncio.run(ask(site.url, "/whoami")).facts()
    assert facts is not None
    assert facts["database"] == {"vendor": "postgresql", "application_name": "awkward-board"}


@pytest.mark.parametrize("path", PATHS)
def test_a_socket_is_accepted_on_any_path(site: Site, path: str) -> None:
    async def visit() -> None:
        async with connect(site.url.replace("http", "ws", 1) + quote(path), origin=site.url) as socket:  # type: ignore[arg-type]
            assert await told(socket) == {"path": path, "pool": "asgi"}
            await socket.send(json.dumps(["ä", 1]))
            assert await told(socket) == {"echo": ["ä", 1]}

    asyncio.run(visit())


def test_a_page_writes_and_every_socket_is_told(site: Site) -> None:
    async def visit() -> None:
        async with AsyncExitStack() as stack:
            urls = [f"{site.url.replace('http', 'ws', 1)}/watch/{number}" for number in range(10)]
            sockets = [await stack.enter_async_context(connect(url)) for url in urls]
            for socket in sockets:
                await told(socket)
                await socket.send('"count"')
            before = [(await told(socket))["echo"] for socket in sockets]
            page = await ask(site.url, "/")
            token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
            assert token, page.body
            form = b"text=hello+from+a+page&csrfmiddlewaretoken=" + token[1]
            headers = [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Cookie", page.headers["set-cookie"].split(";")[0]),
                ("Origin", site.url),
            ]
            written = await ask(site.url, "/entries/", "POST", headers=headers, body=form)
            assert (written.status, written.pool) == (302, "wsgi"), written
            for socket in sockets:
                assert await told(socket) == {"entry": "hello from a page"}
                await socket.send('"count"')
            after = [(await told(socket))["echo"] for socket in sockets]
            assert after == [int(str(count)) + 1 for count in before]
            assert b"<li>hello from a page</li>" in (await ask(site.url, "/")).body

    asyncio.run(visit())
