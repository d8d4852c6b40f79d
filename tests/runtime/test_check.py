"""check: what cannot work is refused in one line each; what deserves a look is a warning."""

import json
from typing import Any

import pytest

from .conftest import MakeProject
from .site import KEY, Site

ASYNC = """
from django.http import HttpResponse
from django.urls import path
async def live(request): return HttpResponse()
urlpatterns = [path("", live)]
"""
MODELS = """
from django.db import models
class Item(models.Model):
    name = models.CharField(max_length=20)
"""
APP = 'INSTALLED_APPS += ["shop"]\n'
MEMORY = 'CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}\n'


def report(site: Site, **variables: str) -> dict[str, Any]:
    done = site.twinpool("check", "--json", **variables)
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 1)
    return dict(told)


def refusals(site: Site, **variables: str) -> str:
    told = report(site, **variables)
    assert told["ok"] is False
    assert all("\n" not in text for text in told["refused"])
    return "\n".join(told["refused"])


def warnings(site: Site, **variables: str) -> str:
    told = report(site, **variables)
    assert told["refused"] == []
    return "\n".join(told["warnings"])


def test_startprojects_own_is_good_with_the_overlay(make_project: MakeProject) -> None:
    told = report(make_project())
    assert told["ok"] is True
    assert told["source"] == "shop.settings, named by shop/wsgi.py"
    changes = {one["setting"]: (one["project"], one["effective"]) for one in told["settings"]}
    assert changes["DEBUG"] == ("True", "False")
    assert changes["SECRET_KEY"] == ("'***'", "'***'")


def test_it_judges_the_effective_settings(make_project: MakeProject) -> None:
    said = refusals(make_project(settings="ALLOWED_HOSTS = ['*']\n"), TWINPOOL_OVERLAY="off")
    assert "DEBUG is on" in said
    assert "SECRET_KEY is a known example" in said
    assert "ALLOWED_HOSTS holds '*'" in said
    assert "DATABASES is SQLite" in said


@pytest.mark.parametrize(
    ("settings", "key", "said"),
    [
        ("SECRET_KEY = ''\n", "", "SECRET_KEY is not set"),
        ("", "changeme", "SECRET_KEY is a known example"),
        (f"SECRET_KEY = {KEY!r}\n", KEY, "SECRET_KEY stands in settings.py, so everyone with the code knows it"),
    ],
)
def test_a_key_that_others_know_is_refused(make_project: MakeProject, settings: str, key: str, said: str) -> None:
    assert said in refusals(make_project(settings=settings), SECRET_KEY=key)


def test_no_secret_is_shown(make_project: MakeProject) -> None:
    site = make_project(settings=MEMORY, DATABASE_URL="postgresql://u:hunter2@db/x", REDIS_URL="redis://:hunter3@r/0")
    for arguments in (["check"], ["check", "--json"]):
        shown = site.twinpool(*arguments).stdout
        assert "hunter" not in shown
        assert KEY not in shown


def test_an_in_memory_layer_between_processes_is_refused(make_project: MakeProject) -> None:
    site = make_project(settings=MEMORY)
    assert "The channel layer 'default' is in memory" in refusals(site)
    assert "with POOLS=wsgi nothing receives" in warnings(site, TWINPOOL_POOLS="wsgi")
    assert report(site, REDIS_URL="redis://redis/0")["ok"] is True


def test_atomic_requests_with_coroutine_views_are_refused(make_project: MakeProject) -> None:
    atomic = "DATABASES['default']['ATOMIC_REQUESTS'] = True\n"
    assert report(make_project(settings=atomic))["ok"] is True
    said = refusals(make_project({"shop/urls.py": ASYNC}, settings=atomic))
    assert "ATOMIC_REQUESTS is on for default, and Django runs no coroutine view with it: shop.urls.live" in said


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("shop/urls.py", "The URLconf does not import: ModuleNotFoundError: No module named 'gone'"),
        ("shop/asgi.py", "asgi.py does not import: ModuleNotFoundError: No module named 'gone'"),
        ("shop/settings.py", "The settings shop.settings (named by shop/wsgi.py) do not import: ModuleNotFoundError"),
        ("shop/models.py", "The project does not start: ModuleNotFoundError: No module named 'gone'"),
    ],
)
def test_a_broken_import_is_refused_with_its_last_line(make_project: MakeProject, file: str, said: str) -> None:
    site = make_project(settings=APP)
    site.write({file: "import gone\n"})
    shown = refusals(site)
    assert said in shown
    assert f"{file}, line 1" in shown


def test_a_syntax_error_is_refused_with_its_place(make_project: MakeProject) -> None:
    assert "shop/urls.py, line 2" in refusals(make_project({"shop/urls.py": "x = 1\nif:\n"}))


def test_an_asgi_file_does_not_matter_to_wsgi_only(make_project: MakeProject) -> None:
    assert report(make_project({"shop/asgi.py": "import gone\n"}), TWINPOOL_POOLS="wsgi")["ok"] is True


def test_unmade_migrations_of_own_apps_are_a_warning(make_project: MakeProject) -> None:
    site = make_project({"shop/models.py": MODELS, "shop/migrations/__init__.py": ""}, settings=APP)
    assert "The models of shop have changes that no migration holds" in warnings(site)
    assert site.twinpool("manage", "makemigrations", "shop").returncode == 0
    assert "no migration holds" not in warnings(site)


def test_djangos_errors_refuse_and_its_warnings_are_shown(make_project: MakeProject) -> None:
    checks = """
from django.core import checks
@checks.register
def own(app_configs, **kwargs):
    look = checks.Warning("Look here. And more.", id="shop.W1")
    return [checks.Error("It breaks.", hint="Mend it.", id="shop.E1"), look]
"""
    site = make_project({"shop/checks.py": checks, "shop/urls.py": "import shop.checks\nurlpatterns = []\n"})
    told = report(site)
    assert "shop.E1: It breaks. Mend it." in told["refused"]
    assert "shop.W1: Look here." in told["warnings"]
    silent = make_project(
        {"shop/checks.py": checks, "shop/urls.py": "import shop.checks\nurlpatterns = []\n"},
        settings='SILENCED_SYSTEM_CHECKS = ["shop.E1"]\n',
    )
    assert report(silent)["ok"] is True


def test_what_ends_at_one_process_is_a_warning(make_project: MakeProject) -> None:
    cache = 'SESSION_ENGINE = "django.contrib.sessions.backends.cache"\nSECURE_SSL_REDIRECT = True\n'
    said = warnings(make_project(settings=cache))
    assert "Sessions are in LocMemCache" in said
    assert "SECURE_SSL_REDIRECT is on and TWINPOOL_SCHEME is http" in said


def test_uploads_to_the_containers_own_disk_are_a_warning(make_project: MakeProject) -> None:
    models = {
        "albums/__init__.py": "",
        "albums/models.py": "from django.db.models import *\n\n\nclass Picture(Model):\n    file = FileField()\n",
    }
    settings = "INSTALLED_APPS.append('albums')\n"
    assert "(albums.Picture.file)" in warnings(make_project(models, settings=settings))
    elsewhere = 'STORAGES = {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}\n'
    assert "Uploads" not in warnings(make_project(models, settings=settings + elsewhere))


def test_the_report_ends_with_what_is_refused(make_project: MakeProject) -> None:
    done = make_project(settings=MEMORY).twinpool("check")
    kinds = [
        line.split()[0]
        for line in done.stdout.splitlines()
        if line.startswith(("REFUSED", "warning", "changed", "check"))
    ]
    assert kinds == sorted(kinds, key=["changed", "warning", "REFUSED", "check:"].index)
    assert done.stdout.splitlines()[-1].startswith("check: refused: 1, warnings: ")
