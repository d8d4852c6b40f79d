"""Notices as server-sent events. Endless and asynchronous: a page holds it open, and no database connection with it."""

import asyncio
import json
from contextlib import suppress

from channels.layers import get_channel_layer
from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from board import limits, live
from board.access import in_thread
from board.context import place
from board.models import Notice, Sequence

HEARTBEAT = 15  # seconds between signs of life; below any proxy's patience


@require_GET
async def stream(request):
    """From `Last-Event-ID` (a browser that resumes) or `?since=` (a page that begins); without either, from now on."""
    wanted = request.headers.get("Last-Event-ID") or request.GET.get("since", "")
    latest = await in_thread(Sequence.latest)(live.NOTICES)
    # A number from the future (a restored database) would wait for ever: begin at what there is.
    since = min(int(wanted), latest) if wanted.isascii() and wanted.isdigit() else latest
    response = StreamingHttpResponse(events(since), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def events(last: int):
    layer = get_channel_layer()
    channel = await layer.new_channel("notices")
    await layer.group_add(live.NOTICES, channel)
    # One task over many waits: cancelling a `receive` ends the subscription in the Redis layers.
    news = asyncio.ensure_future(layer.receive(channel))
    try:
        yield event("hello", {**place(), "last": last})
        while True:
            # Read after subscribing, and again at each heartbeat, since the layer may lose what the database keeps.
            while rows := await in_thread(changed_since)(last):
                for row in rows:
                    last = row["number"]
                    yield event("notice", row, last)
            done, _ = await asyncio.wait({news}, timeout=HEARTBEAT)
            if not done:
                yield ": still here\n\n"
                continue
            body = news.result()["body"]
            news = asyncio.ensure_future(layer.receive(channel))
            if body["number"] == last + 1:  # anything else is old, or a gap that the database fills
                last = body["number"]
                yield event("notice", body, last)
    finally:
        news.cancel()
        with suppress(asyncio.CancelledError):
            await news
        await layer.group_discard(live.NOTICES, channel)


def changed_since(number: int) -> list[dict]:
    rows = Notice.objects.select_related("author").filter(number__gt=number).order_by("number")[: limits.BATCH]
    return [live.notice(row) for row in rows]


def event(kind: str, body: dict, number: int | None = None) -> str:
    identity = "" if number is None else f"id: {number}\n"
    return f"event: {kind}\n{identity}data: {json.dumps(body)}\n\n"
