r"""Headless browsers in front of the noticeboard: of a deployment that --url names, else of a server of its own.

pytest tests/app/browser --url http://127.0.0.1:8080 --admin-user admin --admin-password-file FILE \
    --kill-asgi "docker kill …" --screenshots FOLDER
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections
from playwright.sync_api import Browser, sync_playwright

from .. import services
from ..conftest import fresh
from .people import Person

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
NEEDED = ("--admin-user", "--admin-password-file", "--kill-asgi")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("noticeboard in a browser")
    group.addoption("--url", help="a running deployment; without it the tests start a server of their own")
    group.addoption("--admin-user", help="a superuser of the deployment")
    group.addoption("--admin-password-file", help="file that holds that superuser's password")
    group.addoption("--kill-asgi", help="shell command that kills the ASGI pool and has one come back")
    group.addoption("--screenshots", help="folder for the screenshots, instead of the run's own")


@dataclass(frozen=True)
class Site:
    url: str
    admin: str
    password: str
    kill_asgi: Callable[[], None]
    pools: tuple[str, str]  # what the badge says of a page, and of a stream, a socket or an asynchronous view


def option(request: pytest.FixtureRequest, name: str) -> str | None:
    # Unknown where pytest was started above this folder, and then not given.
    return request.config.getoption(name, default=None)


@pytest.fixture(scope="package")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    url = option(request, "--url")
    if url is None:
        request.getfixturevalue("storage")
        with one_of_our_own() as own:
            yield own
        return
    if missing := [name for name in NEEDED if not option(request, name)]:
        raise pytest.UsageError(f"--url is given without {', '.join(missing)}")
    user, file, command = (option(request, name) for name in NEEDED)

    def kill() -> None:
        subprocess.run(command, shell=True, check=True)

    yield Site(url.rstrip("/"), user, Path(file).read_text().strip(), kill, ("wsgi", "asgi"))


@contextmanager
def one_of_our_own() -> Iterator[Site]:
    """One ASGI server for all, which is killed without a word and started again on the same port."""
    fresh()
    User.objects.create_superuser("chief", password="a long one")
    connections.close_all()
    port = services.free_port()
    with ExitStack() as running:
        server = running.enter_context(services.noticeboard(port))

        def kill() -> None:
            nonlocal server
            server.kill()
            server.wait()
            server = running.enter_context(services.noticeboard(port))

        yield Site(f"http://127.0.0.1:{port}", "chief", "a long one", kill, ("dev", "dev"))


@pytest.fixture(scope="package")  # its loop runs in this thread, where Django and asynchronous tests then find it
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError("no chromium on PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def person(site: Site, chromium: Browser) -> Iterator[Callable[..., Person]]:
    """Makes people, each with a browser of their own: `person()`, or with options of the browser's context. None of
    them may have met an error in the browser's console, a broken content policy for one."""
    people: list[Person] = []

    def make(**options) -> Person:
        people.append(Person(chromium.new_context(base_url=site.url, ignore_https_errors=True, **options)))
        return people[-1]

    yield make
    errors = [error for one in people for error in one.errors]
    for one in people:
        one.context.close()
    assert errors == []


@pytest.fixture
def mira(person: Callable[..., Person]) -> Person:
    return person().signed_up("mira")


@pytest.fixture
def jonas(person: Callable[..., Person]) -> Person:
    return person().signed_up("jonas")


@pytest.fixture(scope="session")
def screenshots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(option(request, "--screenshots") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
