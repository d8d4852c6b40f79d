import os

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer


class BoardConsumer(AsyncJsonWebsocketConsumer):
    """Takes any path; echoes, counts entries when asked, and passes on each new entry."""

    groups = ["board"]
    model = None  # given by asgi.py

    async def connect(self):
        await self.accept()
        await self.send_json({"path": self.scope["path"], "pool": os.environ.get("TWINPOOL_POOL", "none")})

    async def receive_json(self, content, **kwargs):
        if content == "count":
            content = await database_sync_to_async(self.model.objects.count)()
        await self.send_json({"echo": content})

    async def board_entry(self, event):
        await self.send_json({"entry": event["text"]})
