"""A room over its socket: resuming, confirming, refusing, and noticing that a visitor may no longer be here."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgiref.testing import ApplicationCommunicator
from board import chat, consumers, limits
from board.access import in_thread
from board.models import Message, Room
from django.contrib.auth.models import User
from django.test import Client
from noticeboard.asgi import application

pytestmark = pytest.mark.asyncio


def visitor(user: User | None = None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


class Page(ApplicationCommunicator):
    """The browser's end of a socket. Channels has such a class too, whose module wants daphne."""

    def __init__(self, client: Client, slug: str = "lobby", origin: str = "http://testserver") -> None:
        cookie = "; ".join(f"{key}={morsel.value}" for key, morsel in client.cookies.items())
        headers = [(b"host", b"testserver"), (b"cookie", cookie.encode())]
        if origin:
            headers.append((b"origin", origin.encode()))
        path = f"/ws/rooms/{slug}/"
        super().__init__(application, {"type": "websocket", "path": path, "headers": headers, "subprotocols": []})

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output(5))["type"] == "websocket.accept"

    async def send(self, text: str | None = None, data: bytes | None = None) -> None:
        await self.send_input({"type": "websocket.receive", "text": text, "bytes": data})

    async def tell(self, **frame) -> None:
        await self.send(json.dumps(frame))

    async def frame(self) -> dict:
        event = await self.receive_output(5)
        assert event["type"] == "websocket.send", event
        return json.loads(event["text"])

    async def closed_with(self) -> int:
        while (event := await self.receive_output(5))["type"] != "websocket.close":
            pass
        return event["code"]

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.wait(5)


@asynccontextmanager
async def joined(client: Client, since: int = 0, slug: str = "lobby") -> AsyncIterator[Page]:
    page = Page(client, slug)
    assert await page.connect()
    assert (await page.frame())["type"] == "hello"
    await page.tell(type="join", since=since)
    try:
        yield page
    finally:
        await page.leave()


async def until_joined(page: Page) -> list[str]:
    texts = []
    while (frame := await page.frame())["type"] != "joined":
        texts.append(frame["text"])
    return texts


@in_thread
def said(room: Room, author: User | None, *texts: str) -> None:
    for text in texts:
        chat.say(room, author, text, uuid.uuid4())


@pytest.fixture
def client_of_mira(mira: User) -> Client:
    return visitor(mira)


@pytest.fixture
def client_of_jonas(jonas: User) -> Client:
    return visitor(jonas)


async def test_what_one_says_the_other_reads(lobby: Room, client_of_mira: Client, client_of_jonas: Client) -> None:
    async with joined(client_of_mira) as mine, joined(client_of_jonas) as theirs:
        await until_joined(mine), await until_joined(theirs)
        key = str(uuid.uuid4())
        await mine.tell(type="send", id=key, text="Anybody?")
        frame = await theirs.frame()
        assert (frame["author"], frame["text"], frame["number"], frame["id"]) == ("mira", "Anybody?", 1, key)
        kinds = {frame["type"]: frame for frame in (await mine.frame(), await mine.frame())}
        assert kinds["sent"] == {"type": "sent", "id": key, "number": 1}
        assert kinds["message"]["text"] == "Anybody?"


async def test_a_page_that_was_away_gets_what_it_missed(lobby: Room, client_of_mira: Client) -> None:
    await said(lobby, None, "one", "two", "three")
    async with joined(client_of_mira, since=1) as page:
        assert await until_joined(page) == ["two", "three"]


async def test_it_gets_more_than_a_batch(lobby: Room, client_of_mira: Client, monkeypatch) -> None:
    monkeypatch.setattr(limits, "BATCH", 2)
    await said(lobby, None, *"abcde")
    async with joined(client_of_mira) as page:
        assert await until_joined(page) == list("abcde")


async def test_what_the_layer_lost_comes_with_the_next_message(
    lobby: Room, client_of_mira: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with joined(client_of_mira) as page:
        await until_joined(page)
        with monkeypatch.context() as lost:
            lost.setattr("board.live.publish", lambda group, message: None)
            await said(lobby, None, "lost", "also lost")
        await said(lobby, None, "arrives")
        assert [(await page.frame())["text"] for _ in range(3)] == ["lost", "also lost", "arrives"]


async def test_what_the_layer_lost_comes_with_the_heartbeat(
    lobby: Room, client_of_mira: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with joined(client_of_mira) as page:
        await until_joined(page)
        monkeypatch.setattr("board.live.publish", lambda group, message: None)
        await said(lobby, None, "lost")
        await page.tell(type="sync", since=0)
        assert await until_joined(page) == ["lost"]


async def test_a_layer_that_is_down_undoes_nothing(lobby: Room, client_of_mira: Client, monkeypatch) -> None:
    def down(group: str, message: dict) -> None:
        raise ConnectionError("no Redis")

    monkeypatch.setattr("board.live.publish", down)
    async with joined(client_of_mira) as page:
        await until_joined(page)
        await page.tell(type="send", id=str(uuid.uuid4()), text="kept")
        assert (await page.frame())["type"] == "sent"
    assert await in_thread(Message.objects.filter(text="kept").count)() == 1


async def test_a_message_sent_again_is_stored_once(lobby: Room, client_of_mira: Client) -> None:
    frame = {"type": "send", "id": str(uuid.uuid4()), "text": "once"}
    async with joined(client_of_mira) as page:
        await until_joined(page)
        await page.tell(**frame)
        await page.tell(**frame)
        confirmed = [answer for _ in range(3) if (answer := await page.frame())["type"] == "sent"]
    assert [answer["number"] for answer in confirmed] == [1, 1]
    assert await in_thread(Message.objects.count)() == 1


async def test_a_number_from_the_future_begins_at_what_there_is(lobby: Room, client_of_mira: Client) -> None:
    await said(lobby, None, "one")
    async with joined(client_of_mira, since=10**12) as page:
        assert await page.frame() == {"type": "joined", "last": 1}
        await said(lobby, None, "two")
        assert (await page.frame())["text"] == "two"


async def test_a_refused_message_comes_back_with_the_reason(lobby: Room, client_of_mira: Client) -> None:
    async with joined(client_of_mira) as page:
        await until_joined(page)
        key = str(uuid.uuid4())
        await page.tell(type="send", id=key, text="x" * (limits.MESSAGE_LENGTH + 1))
        refused = await page.frame()
        assert (refused["type"], refused["id"], refused["again"]) == ("refused", key, False)
        assert str(limits.MESSAGE_LENGTH) in refused["reason"]


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", ""])
async def test_another_origin_is_refused(lobby: Room, client_of_mira: Client, origin: str) -> None:
    assert not await Page(client_of_mira, origin=origin).connect()


async def test_a_visitor_who_is_not_signed_in_is_told_so(lobby: Room) -> None:
    page = Page(Client())
    await page.connect()
    assert await page.closed_with() == consumers.NOT_SIGNED_IN


@pytest.mark.parametrize("slug", ["committee", "nowhere"])
async def test_a_room_that_is_not_yours_is_not_there(client_of_mira: Client, slug: str) -> None:
    await in_thread(Room.objects.create)(name="Committee", slug="committee", private=True)
    page = Page(client_of_mira, slug)
    await page.connect()
    assert await page.closed_with() == consumers.NO_SUCH_ROOM


async def test_signing_out_elsewhere_ends_it(lobby: Room, client_of_mira: Client) -> None:
    async with joined(client_of_mira) as page:
        await until_joined(page)
        await in_thread(client_of_mira.logout)()
        await page.tell(type="send", id=str(uuid.uuid4()), text="still me?")
        assert await page.closed_with() == consumers.NOT_SIGNED_IN
    assert await in_thread(Message.objects.count)() == 0


async def test_losing_the_invitation_ends_it(mira: User, client_of_mira: Client) -> None:
    room = await in_thread(Room.objects.create)(name="Committee", slug="committee", private=True)
    await in_thread(room.members.add)(mira)
    async with joined(client_of_mira, slug="committee") as page:
        await until_joined(page)
        await in_thread(room.members.clear)()
        await page.tell(type="sync", since=0)
        assert await page.closed_with() == consumers.NO_SUCH_ROOM


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[]",
        "null",
        '{"type": "fly"}',
        '{"type": "join"}',
        '{"type": "join", "since": "x"}',
        '{"type": "join", "since": 1e999}',
        '{"type": "send", "id": 5, "text": "a"}',
        '"' + "x" * 20_000 + '"',
        "[" * 15_000,
    ],
    ids=lambda frame: frame[:24],
)
async def test_nonsense_is_refused(lobby: Room, client_of_mira: Client, frame: str) -> None:
    async with joined(client_of_mira) as page:
        await until_joined(page)
        await page.send(frame)
        assert await page.closed_with() == consumers.NOT_UNDERSTOOD


async def test_binary_is_refused(lobby: Room, client_of_mira: Client) -> None:
    async with joined(client_of_mira) as page:
        await page.send(data=b"\x00")
        assert await page.closed_with() == consumers.NOT_UNDERSTOOD


async def test_a_flood_is_ended(lobby: Room, client_of_mira: Client) -> None:
    async with joined(client_of_mira) as page:
        for _ in range(limits.FRAMES):
            await page.tell(type="sync", since=0)
        assert await page.closed_with() == consumers.TOO_MUCH
