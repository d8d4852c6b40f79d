"""applications: the WSGI and ASGI callables of projects that do not look like startproject's."""

import pytest

from .conftest import MakeProject
from .site import FILES

CONSUMER = """
from channels.generic.websocket import WebsocketConsumer
class Chat(WebsocketConsumer):
    pass
"""
ASGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware
from django.core.asgi import get_asgi_application
from django.contrib.auth.models import User
from django.urls import path
from shop.chat import Chat
"""
WHO = """
def name(one):
    return type(one).__name__ if one is not None else None
print(name(project.wsgi_application()), name(project.asgi_http()), name(project.asgi_websocket()))
"""


def test_startprojects_own(make_project: MakeProject) -> None:
    assert make_project().python(WHO) == "WSGIHandler ASGIHandler None"


def test_none_at_all_are_made(make_project: MakeProject) -> None:
    site = make_project({"shop/wsgi.py": None, "shop/asgi.py": None})
    assert site.python(WHO) == "WSGIHandler ASGIHandler None"


def test_a_router_with_models_imported_at_its_top(make_project: MakeProject) -> None:
    router = 'application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": Chat.as_asgi()})\n'
    site = make_project({"shop/chat.py": CONSUMER, "shop/asgi.py": ASGI + router})
    assert site.python(WHO) == "WSGIHandler ProtocolTypeRouter ProtocolTypeRouter"


def test_a_router_without_http_gets_djangos(make_project: MakeProject) -> None:
    router = 'application = CookieMiddleware(ProtocolTypeRouter({"websocket": Chat.as_asgi()}))\n'
    site = make_project({"shop/chat.py": CONSUMER, "shop/asgi.py": ASGI + router})
    assert site.python(WHO) == "WSGIHandler ASGIHandler CookieMiddleware"


def test_a_router_without_websocket_has_no_sockets(make_project: MakeProject) -> None:
    router = 'application = ProtocolTypeRouter({"http": get_asgi_application()})\n'
    site = make_project({"shop/chat.py": CONSUMER, "shop/asgi.py": ASGI + router})
    assert site.python(WHO) == "WSGIHandler ProtocolTypeRouter None"


def test_an_application_that_nobody_knows_may_serve_sockets(make_project: MakeProject) -> None:
    site = make_project({"shop/asgi.py": "async def application(scope, receive, send):\n    pass\n"})
    assert site.python(WHO) == "WSGIHandler function function"


def test_the_asgi_application_setting_names_it(make_project: MakeProject) -> None:
    router = 'sockets = ProtocolTypeRouter({"websocket": Chat.as_asgi()})\n'
    site = make_project(
        {"shop/chat.py": CONSUMER, "shop/routing.py": ASGI + router},
        settings='ASGI_APPLICATION = "shop.routing.sockets"\n',
    )
    assert site.python(WHO) == "WSGIHandler ASGIHandler ProtocolTypeRouter"


@pytest.mark.parametrize(
    ("setting", "wsgi"),
    [
        ("", FILES["shop/wsgi.py"].replace("application =", "served =")),
        ("", FILES["shop/wsgi.py"].replace("application =", "app =")),
        ('WSGI_APPLICATION = "shop.wsgi.served"\n', FILES["shop/wsgi.py"].replace("application =", "served =")),
        ('WSGI_APPLICATION = "shop.wsgi.application"\n', FILES["shop/wsgi.py"].replace("application =", "served =")),
        ('WSGI_APPLICATION = "gone.wsgi.application"\n', FILES["shop/wsgi.py"]),
        ("", "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"),
    ],
)
def test_a_wsgi_callable_of_any_name_or_none(make_project: MakeProject, setting: str, wsgi: str) -> None:
    assert make_project({"shop/wsgi.py": wsgi}, settings=setting).python(WHO).split()[0] == "WSGIHandler"


def test_the_projects_wrapper_is_kept(make_project: MakeProject) -> None:
    wrapped = FILES["shop/wsgi.py"] + "class Wrapped:\n    def __call__(self, *a): pass\napplication = Wrapped()\n"
    assert make_project({"shop/wsgi.py": wrapped}).python(WHO).split()[0] == "Wrapped"


def test_an_entry_point_that_raises_raises(make_project: MakeProject) -> None:
    site = make_project({"shop/wsgi.py": FILES["shop/wsgi.py"] + "1 / 0\n"})
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        site.python(WHO)


def test_an_asgi_file_cannot_change_the_settings(make_project: MakeProject) -> None:
    wrong = "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'wrong.settings'\n"
    site = make_project({"shop/asgi.py": wrong + FILES["shop/asgi.py"]})
    code = "project.asgi_http(); import os; from django.conf import settings; print(settings.ROOT_URLCONF)"
    assert site.python(code) == "shop.urls"
