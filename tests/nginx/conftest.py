"""One edge with the default table, one with every handler pinned, before the same two stub pools."""

from collections.abc import Iterator

import pytest

from .edge import SHIPPED, Edge, image, running
from .stubs import StubPool

PINNED = """
location ^~ /pin/wsgi/ { include handlers/wsgi-http.conf; }
location ^~ /pin/asgi/ { include handlers/asgi-http.conf; }
location ^~ /pin/sse/ { include handlers/asgi-sse.conf; }
location ^~ /ws/ { include handlers/asgi-websocket.conf; }
location = /exact/ { include handlers/asgi-http.conf; client_max_body_size 1m; }
location ~ "[.]csv$" { include handlers/asgi-http.conf; }
location ~ "." { include handlers/asgi-sse.conf; }
"""


@pytest.fixture(scope="session")
def edge_image() -> str:
    return image()


@pytest.fixture(scope="session")
def pools() -> Iterator[tuple[StubPool, StubPool]]:
    made = StubPool("wsgi"), StubPool("asgi")
    yield made
    for pool in made:
        pool.close()


@pytest.fixture
def wsgi(pools: tuple[StubPool, StubPool]) -> StubPool:
    pools[0].reset()
    return pools[0]


@pytest.fixture
def asgi(pools: tuple[StubPool, StubPool]) -> StubPool:
    pools[1].reset()
    return pools[1]


@pytest.fixture(scope="session")
def default_edge(
    edge_image: str, pools: tuple[StubPool, StubPool], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    with running(edge_image, tmp_path_factory.mktemp("edge"), *pools) as edge:
        yield edge


@pytest.fixture(scope="session")
def pinned_edge(
    edge_image: str, pools: tuple[StubPool, StubPool], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    routes = (SHIPPED / "routes.conf").read_text() + PINNED
    with running(edge_image, tmp_path_factory.mktemp("edge"), *pools, {"routes.conf": routes}) as edge:
        yield edge


@pytest.fixture
def edge(default_edge: Edge, wsgi: StubPool, asgi: StubPool) -> Edge:
    """The default table; the stubs forget what other tests told them."""
    return default_edge


@pytest.fixture
def pinned(pinned_edge: Edge, wsgi: StubPool, asgi: StubPool) -> Edge:
    """Lines for every handler, and a project's regex that matches everything."""
    return pinned_edge
