"""Views that answer once."""

import asyncio
import functools
import time

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from .facts import facts


def timed(view):
    """A decorator of the project's own, as they are written for asynchronous views."""

    @functools.wraps(view)
    async def wrapper(request, *args, **kwargs):
        began = time.perf_counter()
        response = await view(request, *args, **kwargs)
        response["Server-Timing"] = f"view;dur={(time.perf_counter() - began) * 1000:.1f}"
        return response

    return wrapper


def home(request):
    return render(request, "river/home.html", facts(request, "home"))


@csrf_exempt
def whoami(request, *args, **kwargs):
    return JsonResponse(facts(request, "whoami"))


@csrf_exempt
def connections(request):
    """How many connections the database server has open for this project; 0 where there is no server."""
    count = 0
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            (count,) = cursor.fetchone()
    return JsonResponse(facts(request, "connections", connections=count))


@csrf_exempt
@never_cache
@vary_on_headers("Accept")
@timed
async def soon(request, *args, **kwargs):
    await asyncio.sleep(0.02)
    return JsonResponse(facts(request, "soon"))


@csrf_exempt
@require_http_methods(["POST", "PUT"])
async def intake(request):
    return JsonResponse(facts(request, "intake"))


@login_required
async def members(request):
    return JsonResponse(facts(request, "members"))


@csrf_exempt
def export(request, year):
    """A synchronous stream: it holds its thread until the last row is sent."""

    def rows():
        for day in range(1, 21):
            yield f"{year};{day};{day * 37 % 11}\n"
            time.sleep(0.02)

    answer = facts(request, "export")
    response = StreamingHttpResponse(rows(), content_type="text/csv")
    response["X-Body"] = f"{answer['length']} {answer['sha256']}"
    return response
