"""overlay: the project's settings change only where the deployment asks for it, and each change is listed."""

import json
from pathlib import Path
from typing import Any

from twinpool.environment import Environment
from twinpool.project.discovery import Found
from twinpool.settings import overlay

from .conftest import MakeProject

OWN: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": "own",
    "ALLOWED_HOSTS": ["own.test"],
    "CSRF_TRUSTED_ORIGINS": ["https://partner.test"],
    "MIDDLEWARE": ["a"],
}


def planned(own: dict[str, Any] | None = None, key: str = "", **variables: str) -> dict[str, Any]:
    environ = {f"TWINPOOL_{name}": value for name, value in variables.items()}
    environment = Environment.from_environ(environ)
    environ |= {"SECRET_KEY": key} if key else {}
    plan = overlay.plan(OWN | (own or {}), environment, environ, environment.pool, Found(project=Path("/nowhere")))
    return {change.setting: change.new for change in plan.changes}


def test_without_variables_only_the_runtimes_own_middleware_is_added() -> None:
    assert planned() == {"MIDDLEWARE": ["a", "twinpool.handover.middleware.confirm"]}


def test_each_variable_changes_its_settings() -> None:
    after = planned(key="new", HOSTS="shop.test", PORTS="8443", SCHEME="https")
    assert after["SECRET_KEY"] == "new"
    assert after["ALLOWED_HOSTS"] == ["shop.test"]
    assert after["CSRF_TRUSTED_ORIGINS"] == ["https://shop.test:8443", "https://partner.test"]
    assert after["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert (after["SESSION_COOKIE_SECURE"], after["CSRF_COOKIE_SECURE"]) == (True, True)


def test_cookies_stay_as_they_are_over_http() -> None:
    assert "SESSION_COOKIE_SECURE" not in planned(SCHEME="http")


def test_over_http_no_page_redirects_to_https() -> None:
    assert planned({"SECURE_SSL_REDIRECT": True}, SCHEME="http")["SECURE_SSL_REDIRECT"] is False
    assert "SECURE_SSL_REDIRECT" not in planned({"SECURE_SSL_REDIRECT": True}, SCHEME="https")
    assert "SECURE_SSL_REDIRECT" not in planned({"SECURE_SSL_REDIRECT": True})


def test_debug_is_off_and_hosts_are_named_where_the_project_names_none() -> None:
    after = planned({"DEBUG": True, "ALLOWED_HOSTS": []})
    assert (after["DEBUG"], after["ALLOWED_HOSTS"]) == (False, ["localhost", "127.0.0.1"])


def test_off_leaves_all_as_it_is() -> None:
    assert planned({"DEBUG": True}, key="new", HOSTS="shop.test", SCHEME="https", OVERLAY="off") == {}


def test_static_files_get_a_root_and_hashed_names() -> None:
    apps = {"INSTALLED_APPS": ["django.contrib.staticfiles"], "STATIC_URL": "static/"}
    after = planned(apps | {"STORAGES": {"default": {"BACKEND": "mine"}}}, STATIC="/srv/static")
    assert after["STATIC_ROOT"] == "/srv/static"
    assert after["STORAGES"]["staticfiles"]["BACKEND"] == "twinpool.static.storage.TolerantStorage"
    assert after["STORAGES"]["default"] == {"BACKEND": "mine"}
    assert "STORAGES" not in planned({"INSTALLED_APPS": []})


def test_a_hashing_storage_and_a_root_in_the_image_are_kept() -> None:
    hashing = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
    own = {"INSTALLED_APPS": ["django.contrib.staticfiles"], "STORAGES": hashing, "STATIC_URL": "/s/"}
    after = planned(own | {"STATIC_ROOT": "/app/collected"})
    assert "STATIC_ROOT" not in after
    # The same class, but that what is missing is a warning.
    assert after["STORAGES"]["staticfiles"]["OPTIONS"] == {"own": hashing["staticfiles"]["BACKEND"]}
    remote = {"staticfiles": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    assert "STORAGES" not in planned(own | {"STORAGES": remote})
    assert planned(own | {"STATIC_ROOT": "/var/www/static"})["STATIC_ROOT"] == "/srv/static"


def test_the_settings_in_use_are_changed_and_their_module_is_not(make_project: MakeProject) -> None:
    site = make_project()
    ask = (
        "import json, shop.settings as own; from django.conf import settings\n"
        "print(json.dumps([settings.DEBUG, own.DEBUG, settings.ALLOWED_HOSTS, settings.SECRET_KEY == own.SECRET_KEY]))"
    )
    assert json.loads(site.python(ask)) == [False, True, ["shop.test"], False]
    assert json.loads(site.python(ask, TWINPOOL_OVERLAY="off")) == [True, True, [], True]


def test_an_empty_key_of_the_project_is_no_obstacle(make_project: MakeProject) -> None:
    code = "from django.conf import settings; print(len(settings.SECRET_KEY) > 40)"
    assert make_project(settings="SECRET_KEY = ''\n").python(code) == "True"


def test_an_old_django_is_refused_before_anything_is_imported(make_project: MakeProject) -> None:
    site = make_project({"django/__init__.py": "VERSION = (4, 2, 0, 'final', 0)\ndef get_version(): return '4.2'\n"})
    done = site.twinpool("check")
    assert done.returncode == 1
    assert "REFUSED  Django 4.2 is installed; Twinpool needs 5.2 or later" in done.stdout
