"""static, collect and storage: files are hashed and compressed in the build, and what is broken is a warning."""

import gzip
import json

import pytest

from .conftest import MakeProject
from .site import Site

FILES = {
    "static/shop/page.css": "body { background: url('logo.svg'); }\n" + "p { color: black; }\n" * 50,
    "static/shop/logo.svg": "<svg xmlns='http://www.w3.org/2000/svg'></svg>",
}
DIRS = 'STATICFILES_DIRS = [BASE_DIR / "static"]\n'
SERVE = """
import json
from twinpool.static.files import StaticFiles
files = StaticFiles.for_project(project)
def answer(path, **environ):
    found = files.find(path)
    if found is None:
        return None
    response = found.get_response("GET", {"HTTP_" + name: value for name, value in environ.items()})
    return [int(response.status), dict(response.headers)]
"""


def collected(site: Site, **variables: str) -> list[str]:
    done = site.module("twinpool.static", "collect", SECRET_KEY="", **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_files_are_hashed_and_compressed_without_a_real_secret(make_project: MakeProject) -> None:
    site = make_project(FILES, settings=DIRS)
    said = collected(site)
    root = site.path.parent / "static"
    assert said[0] == f"static: 5 files in {root}, 2 of them named by hash, 3 compressed"  # the manifest too
    paths = json.loads((root / "staticfiles.json").read_text())["paths"]
    css = root / paths["shop/page.css"]
    assert paths["shop/logo.svg"].rsplit("/")[-1] in css.read_text()
    assert gzip.decompress(css.with_name(css.name + ".gz").read_bytes()) == css.read_bytes()


def test_settings_that_demand_variables_get_placeholders_and_say_so(make_project: MakeProject) -> None:
    demands = """
import os
from django.core.exceptions import ImproperlyConfigured
KEY = os.environ["PAYMENT_KEY"]
if not os.environ.get("MAIL_PASSWORD"):
    raise ImproperlyConfigured("Set the MAIL_PASSWORD environment variable")
URL = os.environ["DATABASE_URL"] + os.environ["DJANGO_REDIS_URL"]
PORT = int(os.environ["MAIL_PORT"])
"""
    site = make_project(FILES, settings=DIRS + demands)
    said = collected(site)
    assert said[0].endswith("ENV_PAYMENT_KEY=… ENV_MAIL_PASSWORD=… ENV_MAIL_PORT=…")
    for name in ("PAYMENT_KEY", "MAIL_PASSWORD", "MAIL_PORT"):
        assert f"  warning: the settings demand {name}: given a placeholder for the build" in said


def test_settings_that_cannot_be_imported_fail_with_the_reason(make_project: MakeProject) -> None:
    done = make_project(settings="int('x')\n").module("twinpool.static", "collect")
    assert (done.returncode, done.stdout) == (1, "")
    assert "do not import: ValueError: invalid literal for int()" in done.stderr


def test_without_overlay_the_projects_own_root_is_used(make_project: MakeProject) -> None:
    site = make_project(FILES, settings=DIRS, TWINPOOL_OVERLAY="off")
    assert "names no STATIC_ROOT" in collected(site)[0]
    own = make_project(FILES, settings=DIRS + "STATIC_ROOT = BASE_DIR / 'mine'\n", TWINPOOL_OVERLAY="off")
    assert f"2 files in {own.path}/mine, 0 of them named by hash" in collected(own)[0]


def test_a_project_that_does_not_start_fails_with_the_reason(make_project: MakeProject) -> None:
    done = make_project(settings="INSTALLED_APPS.append('gone')\n").module("twinpool.static", "collect")
    assert done.returncode == 1
    assert done.stderr.startswith("static: The project does not start: ModuleNotFoundError: No module named 'gone'")


def test_a_reference_that_leads_nowhere_is_a_warning(make_project: MakeProject) -> None:
    broken = {
        "static/a.css": "a { src: url('gone.png') } b { src: url('b.svg') } c { src: url(../../../x) }",
        "static/b.svg": "<svg/>",
        "static/latin.css": "p::after { content: 'é' }".encode("latin-1"),
        "static/loop1.css": "@import 'loop2.css';",
        "static/loop2.css": "@import 'loop1.css';",
    }
    site = make_project(broken, settings=DIRS)
    said = "\n".join(collected(site))
    assert "warning: a.css refers to gone.png, which is not there" in said
    assert "warning: a.css refers to ../../../x, which is not there" in said
    assert "warning: latin.css is no UTF-8 text" in said
    assert "Max post-process passes exceeded" in said
    paths = json.loads((site.path.parent / "static/staticfiles.json").read_text())["paths"]
    assert set(paths) == {"a.css", "b.svg", "latin.css", "loop1.css", "loop2.css"}
    hashed = (site.path.parent / "static" / paths["a.css"]).read_text()
    assert "url('gone.png')" in hashed
    assert paths["b.svg"] in hashed
    latin = (site.path.parent / "static" / paths["latin.css"]).read_bytes()
    assert latin == broken["static/latin.css"]


def test_a_name_that_was_not_collected_is_no_error(make_project: MakeProject) -> None:
    site = make_project(FILES, settings=DIRS)
    collected(site)
    code = "from django.templatetags.static import static; print(static('gone.js'), static('shop/logo.svg'))"
    plain, hashed = site.python(code).split()
    assert plain == "/static/gone.js"
    assert hashed.startswith("/static/shop/logo.")
    assert hashed != "/static/shop/logo.svg"


OWN = (
    "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n\n\n"
    "class Storage(ManifestStaticFilesStorage):\n    def __init__(self, mark=None):\n"
    "        super().__init__()\n        self.mark = mark\n"
)


@pytest.mark.parametrize(
    ("own", "options"),
    [("whitenoise.storage.CompressedManifestStaticFilesStorage", {}), ("shop.own.Storage", {"mark": 7})],
)
def test_a_projects_own_hashing_storage_is_kept(make_project: MakeProject, own: str, options: dict[str, int]) -> None:
    storages = {"staticfiles": {"BACKEND": own, "OPTIONS": options}}
    broken = {**FILES, "shop/own.py": OWN, "static/broken.css": "a { background: url(nowhere.png) }"}
    site = make_project(broken, settings=f"{DIRS}STORAGES = {storages}\n")
    lines = collected(site)
    assert "3 of them named by hash" in lines[0]
    assert "nowhere.png" in lines[1]
    code = (
        "from django.core.files.storage import storages; from django.templatetags.static import static\n"
        "own = storages['staticfiles']\n"
        "print(type(own).__mro__[2].__name__, getattr(own, 'mark', None), static('gone.js'))"
    )
    assert site.python(code).split() == [own.rsplit(".", 1)[1], str(options.get("mark")), "/static/gone.js"]


def test_names_that_whitenoise_guesses_are_no_warning(make_project: MakeProject) -> None:
    settings = DIRS + "MIDDLEWARE.append('whitenoise.middleware.WhiteNoiseMiddleware')\n"
    site = make_project({"static/lib.min.js": "1"}, settings=settings)
    collected(site)
    told = site.python(
        "import logging, sys; logging.basicConfig(stream=sys.stdout)\n"
        "from django.templatetags.static import static\nproject.wsgi_application(); static('gone.js')"
    )
    assert "gone.js is not in the manifest" in told
    assert "lib.js" not in told


def test_a_project_without_static_files_has_nothing_to_collect(make_project: MakeProject) -> None:
    site = make_project(settings="INSTALLED_APPS.remove('django.contrib.staticfiles')\n")
    assert collected(site) == ["static: the project does not use django.contrib.staticfiles; nothing to collect"]
    assert site.python(SERVE + "print(files)") == "None"


def test_hashed_names_are_kept_for_ever_and_others_briefly(make_project: MakeProject) -> None:
    site = make_project(FILES | {"static/data.0123456789ab.bin": "no hash of ours"}, settings=DIRS)
    collected(site)
    code = """
from django.templatetags.static import static
hashed = static("shop/page.css")
answers = [answer(hashed, ACCEPT_ENCODING="gzip"), answer("/static/shop/page.css"), answer(hashed, RANGE="bytes=0-3")]
answers += [answer("/static/data.0123456789ab.bin"), answer("/static/gone.css")]
print(json.dumps([*answers, files.below("/static/gone.css"), files.below("/x")]))
"""
    packed, plain, part, lookalike, missing, below, outside = json.loads(site.python(SERVE + code))
    assert (packed[0], packed[1]["Content-Encoding"], packed[1]["Vary"]) == (200, "gzip", "Accept-Encoding")
    assert "immutable" in packed[1]["Cache-Control"]
    assert plain[1]["Cache-Control"] == lookalike[1]["Cache-Control"] == "max-age=60, public"
    assert (part[0], part[1]["Content-Range"][:10]) == (206, "bytes 0-3/")
    assert (missing, below, outside) == (None, True, False)


def test_a_url_of_the_whole_site_serves_no_files(make_project: MakeProject) -> None:
    site = make_project(FILES, settings=DIRS + "STATIC_URL = '/'\n")
    (site.path.parent / "static").mkdir()
    assert site.python(SERVE + "print(files)") == "None"
