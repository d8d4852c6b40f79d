"""Views that answer with an event stream; where nothing else is said, one without end."""

import asyncio
import json
import time

from django.http import HttpResponseNotAllowed, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from .facts import facts
from .models import Job


def event(data, **fields):
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return "\n".join([*lines, f"data: {json.dumps(data)}", "", ""])


def event_stream(content):
    return StreamingHttpResponse(content, content_type="text/event-stream", headers={"Cache-Control": "no-cache"})


async def ticks(first, every, last=None):
    yield event(first, event="hello", id=0)
    number = 0
    while last is None or number < last:
        await asyncio.sleep(every)
        number += 1
        yield event({"tick": number}, id=number)


@csrf_exempt
async def ticker(request, every=1, **kwargs):
    return event_stream(ticks(facts(request, "ticker"), every))


@csrf_exempt
async def depth(request):
    """Asks the database at each tick how many jobs wait."""

    async def poll():
        yield event(facts(request, "depth"), event="hello")
        while True:
            yield event({"waiting": await Job.objects.filter(done=False).acount()})
            await asyncio.sleep(2)

    return event_stream(poll())


@csrf_exempt
def tail(request):
    """A synchronous event stream that ends, after `?seconds=` (0.2 where not said)."""
    pause = min(float(request.GET.get("seconds", 0.2)), 30) / 5

    def lines():
        yield event(facts(request, "tail"), event="hello")
        for number in range(5):
            time.sleep(pause)
            yield event({"line": number})

    return event_stream(lines())


@csrf_exempt
def events(request, channel):
    """Synchronous, but what it answers with is an asynchronous stream; reads its channel from the database first."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    waiting = Job.objects.filter(channel=channel, done=False).count()
    return event_stream(ticks(facts(request, "events", channel=channel, waiting=waiting), 1))


@csrf_exempt
def ask(request):
    """The same for any method, as a chat with a language model does it: the question comes in the body."""
    return event_stream(ticks(facts(request, "ask"), 0.1, last=5))
