"""A fresh board for each test, on a PostgreSQL and a Redis that live as long as the run."""

import os
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest

from . import services

# The settings read the ports when they are imported, which is before the fixtures run.
os.environ["BOARD_POSTGRES_PORT"] = str(services.free_port())
os.environ["BOARD_REDIS_PORT"] = str(services.free_port())
os.environ["DJANGO_SETTINGS_MODULE"] = "app.settings"
sys.path[:0] = [str(services.ROOT / "app"), str(services.ROOT / "tests")]

import django  # noqa: E402

django.setup()

from board import live  # noqa: E402
from board.models import Room  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402
from django.test.utils import setup_test_environment, teardown_test_environment  # noqa: E402


@pytest.fixture(scope="session")
def storage() -> Iterator[None]:
    postgres, redis = int(os.environ["BOARD_POSTGRES_PORT"]), int(os.environ["BOARD_REDIS_PORT"])
    with services.postgres(postgres), services.redis(redis):
        call_command("migrate", verbosity=0)
        setup_test_environment()
        yield
        teardown_test_environment()
        connections.close_all()


def fresh() -> None:
    """The tables as a first deploy leaves them."""
    call_command("flush", verbosity=0, interactive=False)
    models_of_the_migration = MigrationLoader(connection).project_state().apps
    import_module("board.migrations.0002_welcome").welcome(models_of_the_migration, None)


@pytest.fixture
def board(storage: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fresh board. Publishing takes the project's own layer, as without Twinpool."""
    fresh()
    monkeypatch.setattr(live, "publish", live.through_layer)
    yield
    connections.close_all()


@pytest.fixture
def lobby(board: None) -> Room:
    return Room.objects.get(slug="lobby")


@pytest.fixture
def mira(board: None) -> User:
    return User.objects.create_user("mira", password="a long one")


@pytest.fixture
def jonas(board: None) -> User:
    return User.objects.create_user("jonas", password="a long one")


@pytest.fixture
def chief(board: None) -> User:
    """The superuser that a deploy makes."""
    return User.objects.create_superuser("chief", password="a long one")
