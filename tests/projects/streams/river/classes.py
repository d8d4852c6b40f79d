"""Asynchronous views that are no functions."""

import asyncio

from asgiref.sync import markcoroutinefunction
from django.http import JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from .facts import facts
from .streams import event_stream, ticks


@method_decorator(csrf_exempt, name="dispatch")
class Feed(View):
    """GET is a stream without end, the other methods answer once; REPORT is a method of its own."""

    http_method_names = ("get", "head", "post", "put", "delete", "report")

    async def get(self, request, name):
        return event_stream(ticks(facts(request, "Feed", name=name), 1))

    async def post(self, request, name):
        await asyncio.sleep(0)
        return JsonResponse(facts(request, "Feed", name=name))

    put = delete = report = post


@method_decorator(csrf_exempt, name="dispatch")
class Card(View):
    def get(self, request, key):
        return JsonResponse(facts(request, "Card", key=str(key)))

    post = put = delete = get


class Clock:
    """An instance as a view: marked, since Python does not see a coroutine function in it."""

    csrf_exempt = True

    def __init__(self):
        markcoroutinefunction(self)

    async def __call__(self, request):
        return JsonResponse(facts(request, "Clock"))
