"""Several sources asked at once. Asynchronous: it takes as long as the slowest of them, not as their sum."""

import asyncio
import time
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth import get_user_model
from django.shortcuts import render
from django.views.decorators.http import require_GET

from board.access import in_thread
from board.models import Message, Notice, Room

PATIENCE = 2  # seconds a source may take; the page then says that it did not answer


@dataclass(frozen=True)
class Answer:
    source: str
    text: str
    milliseconds: int
    failed: bool = False


@require_GET
async def glance(request):
    started = time.perf_counter()
    answers = await asyncio.gather(*(ask(name, source) for name, source in SOURCES.items()))
    page = {
        "answers": answers,
        "together": elapsed(started),
        "apart": sum(answer.milliseconds for answer in answers),
        "slowest": max(answer.milliseconds for answer in answers),
    }
    # In a thread, because the page's header asks the database who is signed in.
    return await sync_to_async(render)(request, "board/glance.html", page)


async def ask(name: str, source) -> Answer:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            return Answer(name, await source(), elapsed(started))
    except Exception as error:  # a source that fails is a line of the page, not its end
        return Answer(name, f"no answer ({type(error).__name__})", elapsed(started), failed=True)


def elapsed(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def count(queryset, word: str):
    async def source() -> str:
        return f"{await in_thread(queryset.all().count)()} {word}"

    return source


async def round_trip() -> str:
    """Through the channel layer and back, which is Redis in a deployment."""
    layer = get_channel_layer()
    channel = await layer.new_channel("glance")
    started = time.perf_counter()
    await layer.send(channel, {"type": "glance"})
    await layer.receive(channel)
    return f"there and back in {(time.perf_counter() - started) * 1000:.1f} ms"


def pretended(seconds: float, text: str):
    """Stands for a service of the house that takes its time: a web API, a device."""

    async def source() -> str:
        await asyncio.sleep(seconds)
        return text

    return source


SOURCES = {
    "Messages": count(Message.objects, "in the archive"),
    "Notices": count(Notice.objects.filter(withdrawn=False), "on the board"),
    "Rooms": count(Room.objects, "open"),
    "Members": count(get_user_model().objects.filter(is_active=True), "signed up"),
    "Channel layer": round_trip,
    "Canteen (pretended)": pretended(0.35, "lentil soup until two"),
    "Bookings (pretended)": pretended(0.6, "the big table is free"),
    "Sensors (pretended)": pretended(0.45, "21 °C by the window"),
}
