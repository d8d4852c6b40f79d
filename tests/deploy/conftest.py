"""Sites of the deploy tests. Each is made once, used by the tests of one file, since files run side by side."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .site import KIT, Site, copy_of, run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first, since files run side by side."""
    longest = ["test_rollout.py", "test_first.py", "test_fresh.py"]
    items.sort(key=lambda item: longest.index(item.path.name) if item.path.name in longest else len(longest))


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """make_site(name, project folder, KNOB=value…): a copy of the project under a name of its own; not deployed yet."""
    made: list[Site] = []

    def make(name: str, project: Path, **knobs: str) -> Site:
        place = tmp_path_factory.mktemp(name) / "project"
        site = Site(f"test-{name}", copy_of(project, place), knobs=knobs)
        made.append(site)
        # What an earlier run left, one that was killed too.
        site.make("destroy", YES="1")
        run("sh", "-c", f"docker rmi --force $(docker images --quiet twinpool-{site.name})")
        return site

    yield make
    for site in made:
        site.make("destroy", YES="1")


PROJECTS = KIT / "tests" / "projects"


@pytest.fixture(scope="session")
def plain(make_site: Callable[..., Site]) -> Site:
    site = make_site("plain", PROJECTS / "plain", POOLS="wsgi")
    site.deploy()
    return site


@pytest.fixture(scope="session")
def awkward(make_site: Callable[..., Site]) -> Site:
    site = make_site("awkward", PROJECTS / "awkward")
    site.deploy()
    return site


@pytest.fixture(scope="session")
def rolling(make_site: Callable[..., Site]) -> Site:
    """The demo once more, for releases that follow each other under load."""
    site = make_site("rolling", KIT / "app")
    site.deploy()
    return site


@pytest.fixture(scope="session")
def noticeboard(make_site: Callable[..., Site]) -> Site:
    """The demo, deployed once; `first` holds what its first deploy printed."""
    site = make_site("noticeboard", KIT / "app")
    site.first = site.deploy()  # type: ignore[attr-defined]
    return site
