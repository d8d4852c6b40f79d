"""Projects whose middleware chooses URLconf or language: the hop is decided beside the view, from the first request."""

from contextlib import ExitStack

import pytest

from ..conftest import MakeProject
from ..site import Site
from .running import Edge, serving

VIEWS = """
import asyncio, os
from django.http import HttpResponse, StreamingHttpResponse
def sync(request):
    return HttpResponse("sync " + os.environ["TWINPOOL_POOL"])
async def coroutine(request):
    return HttpResponse("async " + os.environ["TWINPOOL_POOL"])
async def tick():
    while True:
        yield "data: 1\\n\\n"
        await asyncio.sleep(0.1)
def stream(request):
    return StreamingHttpResponse(tick(), content_type="text/event-stream",
                                 headers={"X-Served-By": os.environ["TWINPOOL_POOL"]})
"""
PARTNER = """
from django.urls import path
from shop import views
urlpatterns = [path("partner/flip", views.coroutine), path("partner/flop", views.sync),
               path("partner/flow", views.stream)]
"""
URLS = """
from django.urls import path
from shop import views
urlpatterns = [path("partner/flip", views.sync), path("partner/flop", views.coroutine),
               path("partner/flow", views.coroutine), path("plain", views.sync), path("soon", views.coroutine)]
"""
CHOOSES = """
def partner(get_response):
    def middleware(request):
        if request.path_info.startswith("/partner/"):
            {how}
        return get_response(request)
    return middleware
"""
# The second is one that reading the source does not find: it must be noticed while serving.
HOW = {"plainly": "request.urlconf = 'shop.partner'", "hidden": "request.__dict__['url' + 'conf'] = 'shop.partner'"}
LANGUAGES = """
from django.conf.urls.i18n import i18n_patterns
from django.urls import path
from shop import views
urlpatterns = [path("plain", views.sync)] + i18n_patterns(path("now", views.sync), path("soon", views.coroutine))
"""
LOCALE = """
INSTALLED_APPS = []
USE_I18N = True
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware", "django.middleware.common.CommonMiddleware"]
"""


def both(stack: ExitStack, site: Site) -> Edge:
    return Edge(*(stack.enter_context(serving(site, pool)) for pool in ("wsgi", "asgi")))


@pytest.mark.parametrize("how", HOW)
def test_a_urlconf_that_the_middleware_chooses(make_project: MakeProject, how: str) -> None:
    files = {
        "shop/urls.py": URLS,
        "shop/views.py": VIEWS,
        "shop/partner.py": PARTNER,
        "shop/middleware.py": CHOOSES.format(how=HOW[how]),
    }
    settings = 'INSTALLED_APPS = []\nMIDDLEWARE += ["shop.middleware.partner"]\n'
    with ExitStack() as stack:
        edge = both(stack, make_project(files, settings=settings))
        for round_ in range(2):
            for first in ("wsgi", "asgi"):
                for path, text in (("/partner/flip", "async asgi"), ("/partner/flop", "sync wsgi")):
                    replies = edge.ask(path, first)
                    assert replies[-1].text == text, (round_, first, path, replies)
                    assert len(replies) <= 3
                assert edge.ask("/plain", first)[-1].text == "sync wsgi"
                assert edge.ask("/soon", first)[-1].text == "async asgi"
                flow = edge.ask("/partner/flow", first)
                assert len(flow) <= 3
                assert flow[-1].status == 200
        for server in (edge.wsgi, edge.asgi):
            said = "sets request.urlconf" if how == "plainly" else "a middleware made it"
            assert said in server.log


def test_languages_in_the_path(make_project: MakeProject) -> None:
    site = make_project({"shop/urls.py": LANGUAGES, "shop/views.py": VIEWS}, settings=LOCALE)
    with ExitStack() as stack:
        edge = both(stack, site)
        assert "the URLconf uses i18n_patterns" in edge.wsgi.log
        for first in ("wsgi", "asgi"):
            for path, text in (("/de/now", "sync wsgi"), ("/en/soon", "async asgi"), ("/plain", "sync wsgi")):
                replies = edge.ask(path, first)
                assert replies[-1].text == text
                assert len(replies) == (1 if text.endswith(first) else 2)
            assert edge.ask("/fr/now", first)[-1].status == 404
