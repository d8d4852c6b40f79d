"""Fixtures of the runtime's tests: a Redis, a PostgreSQL database and throw-away projects."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from . import servers
from .site import FILES, Site

MakeProject = Callable[..., Site]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with servers.postgresql() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty Redis with a password."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def database_url(postgresql_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, which goes with the test."""
    import psycopg

    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield postgresql_server.rsplit("/", 1)[0] + f"/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Makes a project: make_project({"shop/urls.py": …}, settings="MORE = 1", REDIS_URL=…).

    `files` are added to a minimal project (None removes one), `settings` is appended to its shop/settings.py, and
    the names given become its environment.
    """

    def make(files: Mapping[str, str | bytes | None] | None = None, settings: str = "", **variables: str) -> Site:
        site = Site(tmp_path / "project", dict(variables))
        site.write(FILES | {"shop/settings.py": FILES["shop/settings.py"] + settings})
        site.write(files or {})
        return site

    return make
