"""tests/split measures a running deployment of one project: which pool answers which view. Nothing is started here.

    pytest tests/split --url http://127.0.0.1:8080 --project streams --probe-secret-file FILE \
        --metrics-command 'docker exec NAME twinpool ask /-/metrics'
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from .expected import PROJECTS, Project


@dataclass(frozen=True)
class View:
    path: str
    name: str
    coroutine: bool


@dataclass(frozen=True)
class Site:
    url: str
    project: Project
    pools: str
    probe_secret: str

    def pool_of(self, view: View, method: str) -> set[str]:
        """The pools that may answer: one, but for an unsafe method of a synchronous view with an async stream."""
        if self.pools != "both":
            return {self.pools}
        if view.name in self.project.async_streams:
            return {"asgi"} if method in ("GET", "HEAD") else {"wsgi", "asgi"}  # it may be known already, or not yet
        return {"asgi" if view.coroutine else "wsgi"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--url", help="where the deployment answers, as http://host:port")
    parser.addoption("--project", choices=sorted(PROJECTS), help="the project that is deployed there")
    parser.addoption(
        "--pools", choices=("both", "wsgi", "asgi"), default="both", help="the POOLS that it was deployed with"
    )
    parser.addoption("--probe-secret-file", type=Path, help="the deployment's probe secret; for the tests under load")
    parser.addoption("--metrics-command", help="a shell command that prints /-/metrics of the ASGI pool")


def _given(config: pytest.Config, option: str) -> str:
    if not (value := config.getoption(option)):
        raise pytest.UsageError(
            f"tests/split measures a running deployment: give {option} (see tests/split/conftest.py)."
        )
    return str(value)


def views_of(project: Project) -> list[View]:
    """Walks the URLconf in a process of the project's own."""
    here = Path(__file__).with_name("walk.py")
    given = {
        "SECRET_KEY": "for the walk only",
        "DJANGO_SECRET_KEY": "for the walk only",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    walk = subprocess.run(
        [sys.executable, here, project.settings, *project.urlconfs],
        cwd=project.path, env=os.environ | given, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if walk.returncode:
        raise pytest.UsageError(f"{project.folder}: its URLconf could not be walked:\n{walk.stderr}")
    return [View(found["path"], found["view"], found["coroutine"]) for found in json.loads(walk.stdout)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "view" in metafunc.fixturenames:
        project = PROJECTS[_given(metafunc.config, "--project")]
        metafunc.parametrize("view", views_of(project), ids=lambda view: view.path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the tests that tell of other projects; `@pytest.mark.project("streams")` says of which a test tells."""
    project = _given(config, "--project")
    other = [item for item in items if (mark := item.get_closest_marker("project")) and project not in mark.args]
    config.hook.pytest_deselected(items=other)
    items[:] = [item for item in items if item not in other]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "project(name, …): the projects that this test tells of")


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> Site:
    file = pytestconfig.getoption("--probe-secret-file")
    return Site(
        url=_given(pytestconfig, "--url").rstrip("/"),
        project=PROJECTS[_given(pytestconfig, "--project")],
        pools=pytestconfig.getoption("--pools"),
        probe_secret=file.read_text().strip() if file else "",
    )


@pytest.fixture(scope="session")
def metrics(pytestconfig: pytest.Config) -> "Metrics":
    return Metrics(_given(pytestconfig, "--metrics-command"))


@dataclass(frozen=True)
class Metrics:
    command: str

    def read(self) -> dict[str, float]:
        """The ASGI pool's figures by name and labels, as Prometheus writes them."""
        text = subprocess.run(self.command, shell=True, capture_output=True, text=True, check=True, timeout=30).stdout
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}
