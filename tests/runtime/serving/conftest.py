"""Fixtures of the tests with real servers: one project, served by both pools."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ..conftest import MakeProject
from ..site import Site
from .project import SETTINGS, URLS, VIEWS
from .running import Edge, Server, serving

Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that end with the test: serve(site, "asgi", TWINPOOL_SOCKETS="2")."""
    with ExitStack() as stack:
        yield lambda site, pool, **variables: stack.enter_context(serving(site, pool, **variables))


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory) -> MakeProject:
    """As make_project, for servers that a module's tests share."""
    from ..site import FILES

    def make(files: dict[str, str] | None = None, settings: str = "", **variables: str) -> Site:
        site = Site(tmp_path_factory.mktemp("site") / "project", dict(variables))
        site.write(FILES | {"shop/settings.py": FILES["shop/settings.py"] + settings} | (files or {}))
        return site

    return make


@pytest.fixture(scope="module")
def shop(module_project: MakeProject) -> Site:
    """The project of project.py, with collected static files."""
    site = module_project({"shop/urls.py": URLS, "shop/views.py": VIEWS}, settings=SETTINGS)
    site.write({"../static/shop.css": "body { color: black }"})
    return site


@pytest.fixture(scope="module")
def edge(shop: Site) -> Iterator[Edge]:
    """Both pools of the project, with two workers of four threads."""
    with serving(shop, "wsgi", TWINPOOL_THREADS="4") as wsgi, serving(shop, "asgi", TWINPOOL_ASGI_THREADS="4") as asgi:
        yield Edge(wsgi, asgi)


@pytest.fixture
def wsgi(edge: Edge) -> Server:
    return edge.wsgi


@pytest.fixture
def asgi(edge: Edge) -> Server:
    return edge.asgi
