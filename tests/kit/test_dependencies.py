"""What a project depends on, found in every file that projects say it in; and what of it the runtime decides."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import dependencies
import formats
import project
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

INSTALL = Path(__file__).resolve().parents[2] / "docker" / "build" / "install.py"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


POETRY = '[tool.poetry.dependencies]\npython = "^3.12"\ndjango = "^5.2.1"\n'
PEP621 = '[project]\nname = "shop"\ndependencies = ["django>=5.2"]\n'


@pytest.mark.parametrize(
    ("files", "source", "lines"),
    [
        ({"requirements.txt": "django\n"}, "requirements.txt", ["django"]),
        ({"pyproject.toml": PEP621}, "pyproject.toml", ["django>=5.2"]),
        ({"pyproject.toml": POETRY}, "pyproject.toml", ["django>=5.2.1,<6"]),
        ({"pyproject.toml": POETRY, "poetry.lock": ""}, "poetry.lock", ["django>=5.2.1,<6"]),
        ({"pyproject.toml": "[tool.ruff]\n", "requirements.txt": "django\n"}, "requirements.txt", ["django"]),
        ({"requirements/base.txt": "django\n", "requirements/production.txt": "-r base.txt\nredis\n"},
         "requirements/production.txt", ["django", "redis"]),
        ({"requirements/base.txt": "django\n", "requirements/dev.txt": "ruff\n"}, "requirements/base.txt", ["django"]),
        ({"Pipfile": '[packages]\ndjango = "~=5.2"\nredis = "*"\n'}, "Pipfile", ["django~=5.2", "redis"]),
        ({"Pipfile.lock": json.dumps({"default": {"django": {"version": "==5.2.8", "hashes": []}}}),
          "Pipfile": ""}, "Pipfile.lock", ["django==5.2.8"]),
        ({"uv.lock": '[[package]]\nname = "django"\nversion = "6.0.5"\n', "pyproject.toml": PEP621,
          "requirements.txt": "old\n"}, "uv.lock", ["django==6.0.5"]),
        ({"README.md": ""}, "", []),
    ],
)  # fmt: skip
def test_each_file_that_projects_say_it_in(
    tmp_path: Path, files: dict[str, str], source: str, lines: list[str]
) -> None:
    found = dependencies.find(write(tmp_path, files))
    assert (found.source, found.lines) == (source, lines)


def test_the_folder_of_manage_py_goes_before_the_top(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "mkdocs\n", "backend/requirements.txt": "django\n"})
    assert dependencies.find(tmp_path, "backend").source == "backend/requirements.txt"
    assert dependencies.find(tmp_path, ".").lines == ["mkdocs"]
    write(tmp_path / "lone", {"pyproject.toml": PEP621, "src/manage.py": ""})
    assert dependencies.find(tmp_path / "lone", "src").source == "pyproject.toml"


def test_a_requirements_file_is_read_with_what_it_includes(tmp_path: Path) -> None:
    outer = "# all\n-e .\n-r inner/base.txt\n-c limits.txt\nredis==5.2 \\\n  --hash=sha256:1\n"
    inner = "-r ../requirements.txt\npsycopg2==2.9\n"
    write(tmp_path, {"requirements.txt": outer, "inner/base.txt": inner})
    lines = dependencies.find(tmp_path).lines
    assert lines[:2] == ["psycopg2==2.9", f"-c {tmp_path}/limits.txt"]
    assert lines[2].split() == ["redis==5.2", "--hash=sha256:1"]


def test_a_poetry_lock_holds_the_versions(tmp_path: Path) -> None:
    lock = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
        for name, version in [("django", "5.2.3"), ("numpy", "1.26.4"), ("numpy", "2.1.0")]
    )
    found = dependencies.find(write(tmp_path, {"pyproject.toml": POETRY, "poetry.lock": lock}))
    # Of two versions of one package, each for another Python, neither can be held to.
    assert found.constraints == ["django==5.2.3"]


def test_what_only_a_deployment_installs_is_installed(tmp_path: Path) -> None:
    more = '[project.optional-dependencies]\nprod = ["sentry-sdk"]\ndocs = ["mkdocs"]\n'
    more += '[dependency-groups]\nproduction = ["gunicorn"]\n'
    write(tmp_path, {"pyproject.toml": PEP621 + more})
    assert dependencies.find(tmp_path).lines == ["django>=5.2", "sentry-sdk", "gunicorn"]
    assert dependencies.groups(tmp_path) == ["--extra=prod", "--group=production"]


@pytest.mark.parametrize(
    ("written", "inside", "outside"),
    [
        ("^5.2.1", ["5.2.1", "5.9"], ["5.2.0", "6.0"]),
        ("^0.3.2", ["0.3.9"], ["0.4.0", "0.3.1"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("~5.2.1", ["5.2.9"], ["5.3"]),
        ("~5", ["5.9"], ["6.0"]),
        ("5.2.3", ["5.2.3"], ["5.2.4"]),
        ("5.2.*", ["5.2.4"], ["5.3"]),
        (">=5.2,<6.1", ["6.0"], ["6.1"]),
        ("*", ["1.0"], []),
    ],
)
def test_poetry_ranges(written: str, inside: list[str], outside: list[str]) -> None:
    requirement = Requirement(*formats.poetry("django", written))
    assert all(requirement.specifier.contains(Version(version)) for version in inside)
    assert not any(requirement.specifier.contains(Version(version)) for version in outside)


def test_poetry_tables() -> None:
    assert formats.poetry("a", {"version": "^1.0", "extras": ["x", "y"]}) == ["a[x,y]>=1.0,<2"]
    assert formats.poetry("a", {"version": "*", "optional": True}) == []
    assert formats.poetry("a", {"git": "https://git.example/a", "tag": "v1"}) == ["a @ git+https://git.example/a@v1"]
    several = formats.poetry(
        "a", [{"version": "1", "python": "<3.12"}, {"version": "2", "markers": "os_name == 'posix'"}]
    )
    assert several == ["a==1; (python_version < '3.12')", "a==2; (os_name == 'posix')"]


@pytest.mark.parametrize(
    "files",
    [
        {"requirements/base.txt": "Django==4.2.16\n"},
        {"pyproject.toml": '[tool.poetry.dependencies]\nDjango = "^4.2"\n'},
        {"uv.lock": '[[package]]\nname = "django"\nversion = "5.1.3"\n', "pyproject.toml": PEP621},
        {"src/requirements.txt": "django<5\n"},
    ],
)
def test_an_old_django_is_refused_wherever_it_stands(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, {"src/manage.py": "", **files})
    with pytest.raises(project.Refused, match=r"Django 5\.2 or newer"):
        project.look(tmp_path)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "pyproject.toml": "[project\n"})
    with pytest.raises(project.Refused, match="cannot be read"):
        project.look(tmp_path)


@pytest.fixture
def install() -> Any:
    """The build's install.py, which shares its name with the host's."""
    spec = importlib.util.spec_from_file_location("build_install", INSTALL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_psycopg2_is_kept_alone(install: Any) -> None:
    assert not any(line.startswith("psycopg") for line in install.runtime_ranges("psycopg2-binary==2.9.10\n"))
    assert any(line.startswith("psycopg[") for line in install.runtime_ranges("psycopg2==2.9\npsycopg==3.2\n"))


def test_the_servers_that_a_pin_does_not_decide_have_ranges(install: Any) -> None:
    assert {install.name(line) for line in install.runtime_ranges("")} >= set(install.SERVERS)
