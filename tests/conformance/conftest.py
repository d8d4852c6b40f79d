"""tests/conformance asks a running deployment of any project, through its edge, whether it keeps its promises.

pytest tests/conformance --url http://127.0.0.1:8080 --probe-secret-file FILE [--ca FILE] [--pools both|wsgi|asgi]
"""

import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twinpool.hold import CannotRun, Target

from .site import Site


def pytest_addoption(parser: pytest.Parser) -> None:
    add = partial(_add, parser)
    add("--url", help="the site's root, as http://host:port")
    add("--probe-secret-file", type=Path, help="the deployment's probe secret")
    add("--connect", help="connect to this HOST:PORT; the Host header stays the URL's")
    add("--ca", type=Path, help="trust this CA (PEM) instead of the system's")
    add("--pools", choices=("both", "wsgi", "asgi"), default="both", help="the POOLS that it was deployed with")


def _add(parser: pytest.Parser, name: str, **given: Any) -> None:
    # tests/split asks running deployments too, with options of the same names: where both are swept up, one is enough.
    with contextlib.suppress(ValueError):
        parser.addoption(name, **given)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pools(name, …): the values of POOLS that this test tells of")
    config.addinivalue_line("markers", "https: tells of deployments whose URL is https")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nothing here starts a deployment: where the folder is only swept up (`pytest tests`), it has no options."""
    return True if not hasattr(config.option, "url") and collection_path.name.startswith("test_") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects what tells of other deployments, so that every test that is left has to pass."""
    if not hasattr(config.option, "url"):
        return
    if not config.getoption("--url") or not config.getoption("--probe-secret-file"):
        raise pytest.UsageError("tests/conformance asks a running deployment: give --url and --probe-secret-file.")
    pools, https = config.getoption("--pools"), str(config.getoption("--url")).startswith("https://")
    other = [item for item in items if not _tells_of(item, pools, https)]
    config.hook.pytest_deselected(items=other)
    items[:] = [item for item in items if item not in other]


def _tells_of(item: pytest.Item, pools: str, https: bool) -> bool:
    mark = item.get_closest_marker("pools")
    return (mark is None or pools in mark.args) and (https or item.get_closest_marker("https") is None)


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> Site:
    url, secret_file = pytestconfig.getoption("--url"), pytestconfig.getoption("--probe-secret-file")
    ca, connect = pytestconfig.getoption("--ca"), pytestconfig.getoption("--connect")
    try:
        target = Target.parse(url, connect, ca)
    except CannotRun as refusal:
        raise pytest.UsageError(str(refusal)) from None
    return Site(target, secret_file.read_text().strip(), pytestconfig.getoption("--pools"), ca)
