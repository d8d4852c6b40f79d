"""The project that the servers of these tests serve: a view of every kind. Its files, as texts."""

SETTINGS = """
INSTALLED_APPS = []
DATA_UPLOAD_MAX_MEMORY_SIZE = None
STATIC_ROOT = BASE_DIR.parent / "static"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "shop.views.cookies",
]
"""

URLS = """
from django.urls import path
from shop import views
urlpatterns = [
    path("", views.home),
    path("sync", views.sync),
    path("async", views.coroutine),
    path("ticks", views.ticks),
    path("mixed", views.mixed),
    path("mixed-too", views.mixed),
    path("chat", views.chat),
    path("lines", views.lines),
    path("events", views.events),
    path("late", views.late),
    path("export", views.export),
    path("accel", views.accel),
    path("accel-async", views.accel_async),
    path("static/made/<name>", views.missing),
    path("block", views.block),
    path("file", views.file),
]
"""

VIEWS = """
import asyncio, hashlib, os, threading, time
from asgiref.sync import iscoroutinefunction
from django.http import FileResponse, HttpResponse, HttpResponseNotFound, JsonResponse, StreamingHttpResponse
from django.utils.decorators import sync_and_async_middleware

POOL = os.environ["TWINPOOL_POOL"]

@sync_and_async_middleware
def cookies(get_response):
    def mark(response):
        response.set_cookie("seen", "1")
        response["X-Served-By"] = POOL
        return response
    if iscoroutinefunction(get_response):
        async def middleware(request):
            return mark(await get_response(request))
    else:
        def middleware(request):
            return mark(get_response(request))
    return middleware

def facts(request):
    body = request.body
    return {"pool": POOL, "length": len(body), "sha256": hashlib.sha256(body).hexdigest(), "scheme": request.scheme,
            "remote": request.META["REMOTE_ADDR"], "thread": threading.current_thread().name}

def home(request):
    return HttpResponse("home")

def sync(request):
    return JsonResponse(facts(request))

async def coroutine(request):
    return JsonResponse(facts(request))

async def tick():
    n = 0
    while True:
        yield f"data: {n}\\n\\n"
        n += 1
        await asyncio.sleep(0.05)

def stream(content):
    return StreamingHttpResponse(content, content_type="text/event-stream")

async def ticks(request):
    return stream(tick())

def mixed(request):
    return stream(tick())

def chat(request):
    return stream(tick())

def slow_lines(seconds):
    for n in range(int(seconds * 20)):
        yield f"data: {n}\\n\\n"
        time.sleep(0.05)

def lines(request):
    return StreamingHttpResponse(slow_lines(float(request.GET.get("seconds", 30))), content_type="text/plain")

def events(request):
    return stream(slow_lines(30))

def late(request):
    def content():
        yield f"{len(request.body)}"
    return StreamingHttpResponse(content(), content_type="text/plain")

def export(request):
    return StreamingHttpResponse((f"{n}\\n" for n in range(1000)), content_type="text/csv")

ACCEL = {"X-Accel-Redirect": "/-/metrics", "x-accel-BUFFERING": "yes", "X-ACCEL-Limit-Rate": "1", "X-Kept": "1"}

def accel(request):
    return HttpResponse("mine", headers=ACCEL)

async def accel_async(request):
    return HttpResponse("mine", headers=ACCEL)

def missing(request, name):
    return HttpResponseNotFound("no", headers={"Cache-Control": "max-age=600"})

def block(request):
    time.sleep(float(request.GET.get("seconds", 1)))
    return JsonResponse(facts(request))

def file(request):
    return FileResponse(open(__file__, "rb"))
"""
