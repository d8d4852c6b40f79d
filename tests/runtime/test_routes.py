"""routes: each view and socket with the pool that it needs."""

import json

from .conftest import MakeProject

URLS = """
import functools
from channels.auth import AuthMiddlewareStack
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from django.views import View
from django.views.decorators.csrf import csrf_exempt
def page(request): return HttpResponse("page")
async def live(request): return HttpResponse("live")
class Async(View):
    async def get(self, request): return HttpResponse()
class Sync(View):
    def get(self, request): return HttpResponse()
def stream(request): return StreamingHttpResponse(iter(()))
def answer(): return StreamingHttpResponse(iter(()))
def helped(request):
    def inner(): return answer()
    return inner()
class Streams(View):
    def get(self, request): return self.answer()
    def answer(self): return helped(None)
def careless(view):
    @functools.wraps(view)
    def inner(*args, **kwargs): return view(*args, **kwargs)
    return inner
inner = [path("live/<int:n>/", csrf_exempt(live)), path("async/", Async.as_view())]
urlpatterns = [
    path("", page),
    path("api/", include((inner, "api"), namespace="v1")),
    re_path(r"^old/(?P<x>\\d+)$", Sync.as_view()),
    path("stream/", stream),
    path("helped/", helped),
    path("streams/", Streams.as_view()),
    path("mixed/", careless(live)),
    path("partial/", functools.partial(page)),
    path("hidden/", len),
    *i18n_patterns(path("about/", page)),
]
"""
ASGI = """
from channels.generic.websocket import WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application
from django.urls import path, re_path
class Chat(WebsocketConsumer): pass
inner = URLRouter([path("chat/<room>/", Chat.as_asgi())])
routes = URLRouter([path("ws/", inner), re_path(r"^any/", Chat.as_asgi())])
application = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": AllowedHostsOriginValidator(SessionMiddlewareStack(routes)),
})
"""


def test_every_view_has_its_pool_and_verdict(make_project: MakeProject) -> None:
    site = make_project({"shop/urls.py": URLS})
    done = site.twinpool("routes", "--json")
    assert done.returncode == 0, done.stderr
    found = {one["pattern"]: one for one in json.loads(done.stdout)["routes"]}
    told = {pattern: (one["pool"], one["verdict"]) for pattern, one in found.items()}
    assert told == {
        "/": ("wsgi", "fits"),
        "/api/live/<int:n>/": ("asgi", "hop"),
        "/api/async/": ("asgi", "hop"),
        "/^old/(?P<x>\\d+)$": ("wsgi", "fits"),
        "/stream/": ("wsgi", "cannot see"),
        "/helped/": ("wsgi", "cannot see"),
        "/streams/": ("wsgi", "cannot see"),
        "/mixed/": ("wsgi", "mixed"),
        "/partial/": ("wsgi", "fits"),
        "/hidden/": ("wsgi", "cannot see"),
        "/<language>/about/": ("wsgi", "fits"),
    }
    assert found["/api/async/"]["view"] == "shop.urls.Async"
    assert found["/partial/"]["view"] == "shop.urls.page"
    assert {one["handler"] for one in found.values()} == {"by-protocol"}


def test_sockets_are_seen_through_middleware_and_nested_routers(make_project: MakeProject) -> None:
    site = make_project({"shop/asgi.py": ASGI})
    routes = json.loads(site.twinpool("routes", "--json").stdout)["routes"]
    sockets = {one["pattern"]: (one["view"], one["verdict"]) for one in routes if one["protocol"] == "websocket"}
    assert sockets == {"/ws/chat/<room>/": ("shop.asgi.Chat", "fits"), "/^any/": ("shop.asgi.Chat", "fits")}


def test_an_application_that_hides_its_sockets_is_said_not_to_be_seen(make_project: MakeProject) -> None:
    site = make_project({"shop/asgi.py": "async def application(scope, receive, send):\n    pass\n"})
    done = site.twinpool("routes")
    assert "ws /…" in done.stdout
    assert "cannot see: an application that shows no URLRouter" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 routes: 1 fits, 1 cannot see"


def test_a_broken_urlconf_is_one_line(make_project: MakeProject) -> None:
    done = make_project({"shop/urls.py": "import gone\n"}).twinpool("routes")
    assert done.returncode == 1
    assert "does not import: ModuleNotFoundError: No module named 'gone'" in done.stderr
