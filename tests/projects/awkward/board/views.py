import asyncio
import hashlib
import os
import threading

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import csrf_exempt

from .models import Entry

POOL = os.environ.get("TWINPOOL_POOL", "none")


def _facts(request, runs_in):
    return {
        "pool": POOL,
        "runs_in": runs_in,
        "site": settings.SITE,
        "method": request.method,
        "length": len(request.body),
        "sha256": hashlib.sha256(request.body).hexdigest(),
    }


def index(request):
    return render(request, "board/index.html", {"entries": Entry.objects.all()[:50], "site": settings.SITE, "pool": POOL})


def add(request):
    if request.method != "POST":
        return JsonResponse({"pool": POOL, "entries": Entry.objects.count()})
    entry = Entry.objects.create(text=request.POST.get("text", "")[:200], written_by=POOL)
    async_to_sync(get_channel_layer().group_send)("board", {"type": "board.entry", "text": entry.text})
    return HttpResponseRedirect("/")


def entry(request, pk):
    found = get_object_or_404(Entry, pk=pk)
    return JsonResponse({"pool": POOL, "text": found.text, "written_by": found.written_by})


@csrf_exempt
def whoami(request):
    database = {"vendor": connection.vendor, "application_name": connection.settings_dict["OPTIONS"].get("application_name")}
    return JsonResponse(_facts(request, threading.current_thread().name) | {"database": database})


@csrf_exempt
async def wait(request):
    await asyncio.sleep(0.05)
    return JsonResponse(_facts(request, asyncio.current_task().get_name()))
