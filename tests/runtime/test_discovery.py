"""discovery and sources: which settings module a project has, wherever it is named."""

import json
from pathlib import Path

import pytest
from twinpool.project import sources

from .conftest import MakeProject
from .site import ENTRY, FILES, SETTINGS, Site

ASK = "import json; print(json.dumps([project.settings_module, project.reason, project.notes]))"


def found(site: Site, **variables: str) -> tuple[str, str, list[str]]:
    module, reason, notes = json.loads(site.python(ASK, **variables))
    return module, reason, notes


def refused(site: Site, **variables: str) -> str:
    done = site.twinpool("manage", "check", **variables)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def entry(kind: str, module: str) -> str:
    return ENTRY.format(kind=kind).replace("shop.settings", module)


def test_wsgi_decides_and_differences_are_told(make_project: MakeProject) -> None:
    site = make_project(
        {
            "shop/settings.py": None,
            "shop/settings/__init__.py": "",
            "shop/settings/dev.py": SETTINGS,
            "shop/settings/prod.py": "from shop.settings.dev import *\nDEBUG = False\n",
            "shop/wsgi.py": entry("wsgi", "shop.settings.prod"),
            "shop/asgi.py": entry("asgi", "shop.settings.production"),
            "manage.py": FILES["manage.py"].replace("shop.settings", "shop.settings.dev"),
        }
    )
    module, reason, notes = found(site)
    assert (module, reason) == ("shop.settings.prod", "named by shop/wsgi.py")
    assert any("manage.py names shop.settings.dev: shop.settings.prod is used" in note for note in notes)
    assert all("choose with TWINPOOL_SETTINGS" in note for note in notes if "is used" in note)
    assert found(site, TWINPOOL_SETTINGS="shop.settings.dev")[:2] == ("shop.settings.dev", "told by TWINPOOL_SETTINGS")


def test_a_settings_module_that_is_not_there_is_passed_over(make_project: MakeProject) -> None:
    site = make_project(
        {"shop/wsgi.py": entry("wsgi", "shop.production"), "shop/asgi.py": entry("asgi", "gone.settings")}
    )
    module, reason, notes = found(site)
    assert (module, reason) == ("shop.settings", "named by manage.py")
    assert notes[0] == "shop/wsgi.py names shop.production, which is not there; passed over."


def test_settings_that_are_there_but_do_not_import_are_refused(make_project: MakeProject) -> None:
    """Going on with manage.py's would put a site on its development settings because of a typing error."""
    site = make_project(
        {"shop/prod.py": "import os\nX = os.environ['PAYMENT_KEY']\n", "shop/wsgi.py": entry("wsgi", "shop.prod")}
    )
    said = refused(site)
    assert "The settings shop.prod (named by shop/wsgi.py) do not import: KeyError: 'PAYMENT_KEY'" in said
    assert "shop/prod.py, line 2" in said
    assert "Give ENV_PAYMENT_KEY=… in deploy/twinpool.env" in said


def test_a_missing_dependency_of_the_settings_is_no_missing_settings_module(make_project: MakeProject) -> None:
    said = refused(make_project(settings="import not_installed_anywhere\n"))
    assert "do not import: ModuleNotFoundError: No module named 'not_installed_anywhere'" in said


def test_no_entry_points_but_manage(make_project: MakeProject) -> None:
    module, reason, _ = found(make_project({"shop/wsgi.py": None, "shop/asgi.py": None}))
    assert (module, reason) == ("shop.settings", "named by manage.py")


def test_a_source_folder_is_put_on_the_path(make_project: MakeProject) -> None:
    files = {f"src/{name}": text for name, text in FILES.items() if name != "manage.py"}
    site = make_project({**dict.fromkeys(FILES), **files, "manage.py": "print('nothing is named here')\n"})
    assert found(site)[:2] == ("shop.settings", "named by src/shop/wsgi.py")
    assert site.python("print(project.wsgi_application().__module__)") == "django.core.handlers.wsgi"


def test_nothing_named_takes_the_only_settings_there_is(make_project: MakeProject) -> None:
    site = make_project({"shop/wsgi.py": None, "shop/asgi.py": None, "manage.py": ""})
    assert found(site)[0] == "shop.settings"


def test_nothing_found_says_how_to_choose(make_project: MakeProject) -> None:
    site = make_project(dict.fromkeys(FILES))
    assert "choose with TWINPOOL_SETTINGS" in refused(site)
    assert "TWINPOOL_SETTINGS is 'no.such', but there is no such module" in refused(site, TWINPOOL_SETTINGS="no.such")


@pytest.mark.parametrize(
    "text",
    [
        'os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"',
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", os.getenv("STAGE", "shop.settings"))',
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", config("STAGE", default="shop.settings"))',
        'NAME = "shop.settings"\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", NAME)',
        'def main():\n    if True:\n        environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")',
    ],
)
def test_the_spellings_of_a_default(tmp_path: Path, text: str) -> None:
    (tmp_path / "wsgi.py").write_text(text)
    assert [one.module for one in sources.settings_named(tmp_path / "wsgi.py", tmp_path)] == ["shop.settings"]


def test_other_peoples_files_are_not_the_projects(tmp_path: Path) -> None:
    for folder in ("env/lib", "tests", "node_modules/x", ".git", "shop/inner"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "wsgi.py").touch()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    assert sources.files(tmp_path, "wsgi.py") == [tmp_path / "shop/inner/wsgi.py"]


def test_a_file_that_is_no_python_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "wsgi.py").write_text("print 'Python 2'")
    assert sources.settings_named(tmp_path / "wsgi.py", tmp_path) == []
