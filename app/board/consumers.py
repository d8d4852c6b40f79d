"""A room over a WebSocket. The page says what it has seen last and gets the rest in order, live or from the database.

From the page: join {since}, sync {since} (its heartbeat), send {id, text}.
To the page: hello {pool, release}, message {number, …}, joined {last}, sent {id, number}, refused {id, reason, again}.
"""

import json
import time
import uuid
from collections import deque

from channels.generic.websocket import AsyncWebsocketConsumer

from board import access, chat, context, limits
from board.models import Sequence

NOT_SIGNED_IN, NO_SUCH_ROOM, TOO_MUCH, NOT_UNDERSTOOD = 4401, 4404, 4429, 4400


class RoomConsumer(AsyncWebsocketConsumer):
    room = user = None

    async def connect(self) -> None:
        self.last = None  # the number that this page has; None before it has joined
        self.frames: deque[float] = deque(maxlen=limits.FRAMES)
        # Accepted before it may be closed: only then does the page learn why.
        await self.accept()
        if await self.admitted():
            await self.channel_layer.group_add(self.room.group, self.channel_name)
            await self.tell("hello", **context.place())

    async def disconnect(self, code) -> None:
        if self.room:
            await self.channel_layer.group_discard(self.room.group, self.channel_name)

    async def receive(self, text_data=None, bytes_data=None) -> None:
        now = time.monotonic()
        self.frames.append(now)
        if len(self.frames) == limits.FRAMES and now - self.frames[0] < limits.MESSAGES_WINDOW:
            return await self.close(TOO_MUCH)
        if text_data is None or len(text_data) > limits.FRAME_LENGTH:
            return await self.close(NOT_UNDERSTOOD)
        try:
            frame = json.loads(text_data)
            kind = frame["type"]
            if kind in ("join", "sync"):
                return await self.catch_up(int(frame["since"]))
            if kind == "send":
                return await self.say(uuid.UUID(frame["id"]), str(frame["text"]))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            pass
        return await self.close(NOT_UNDERSTOOD)

    async def admitted(self) -> bool:
        """Whether this visitor may (still) be in this room. Closes the socket if not."""
        slug = self.scope["url_route"]["kwargs"]["slug"]
        self.user, room = await access.visitor(self.scope["session"], slug)
        if room:
            self.room = room
            return True
        await self.close(NO_SUCH_ROOM if self.user.is_authenticated else NOT_SIGNED_IN)
        return False

    async def catch_up(self, number: int) -> None:
        if await self.admitted():
            # A number from the future (a restored database) would wait for ever: begin at what there is.
            latest = await access.in_thread(Sequence.latest)(self.room.group)
            self.last = max(0, min(number, latest))
            await self.send_missing()
            await self.tell("joined", last=self.last)

    async def send_missing(self) -> None:
        while rows := await access.in_thread(chat.since)(self.room, self.last):
            for row in rows:
                await self.pass_on(row)

    async def say(self, client_id: uuid.UUID, text: str) -> None:
        if not await self.admitted():
            return
        try:
            row = await access.in_thread(chat.say)(self.room, self.user, text, client_id)
        except chat.RefusedError as refused:
            await self.tell("refused", id=str(client_id), reason=str(refused), again=refused.again)
        else:
            await self.tell("sent", id=str(client_id), number=row.number)

    async def room_message(self, event: dict) -> None:
        """From the channel layer. The next number goes straight on; a gap, whatever made it, is read from storage."""
        body = event["body"]
        if self.last is None or body["number"] <= self.last:
            return
        if body["number"] == self.last + 1:
            await self.pass_on(body)
        else:
            await self.send_missing()

    async def pass_on(self, body: dict) -> None:
        self.last = body["number"]
        await self.send(json.dumps(body))

    async def tell(self, kind: str, **fields) -> None:
        await self.send(json.dumps({"type": kind, **fields}))
