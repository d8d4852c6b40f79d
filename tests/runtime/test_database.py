"""database: which database the project uses here, and how each pool holds its connections."""

from typing import Any

import pytest
from twinpool.environment import BadValue, Pool, Refusal
from twinpool.settings import database, database_url

from .conftest import MakeProject

URL = "postgresql://shop:p%40ss@db:5433/shop?sslmode=require"
POSTGRESQL = "django.db.backends.postgresql"


def planned(own: Any, url: str | None = URL, pool: Pool | None = None) -> dict[str, Any]:
    changes, _ = database.plan(own, url, pool, 7)
    return dict(changes[0].new) if changes else dict(own)


def test_a_url_is_taken_apart() -> None:
    told = database_url.parse(URL)
    assert (told["HOST"], told["PORT"], told["USER"], told["PASSWORD"], told["NAME"]) == (
        "db",
        "5433",
        "shop",
        "p@ss",
        "shop",
    )
    assert told["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:hunter2@db/x", "begins with 'mysql'; Twinpool deploys PostgreSQL"),
        ("postgresql://u:hunter2@db/", "names no database"),
        ("postgresql://u:hunter2@db:port/x", "cannot be read"),
        ("hunter2", "begins with 'no scheme'"),
    ],
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(BadValue) as refused:
        database_url.parse(url)
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_sqlite_becomes_postgresql_without_its_options() -> None:
    own = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "db",
            "OPTIONS": {"timeout": 5},
            "ATOMIC_REQUESTS": True,
        }
    }
    default = planned(own)["default"]
    assert (default["ENGINE"], default["HOST"], default["OPTIONS"]) == (POSTGRESQL, "db", {"sslmode": "require"})
    assert default["ATOMIC_REQUESTS"] is True


def test_a_postgresql_engine_its_options_and_other_databases_stay() -> None:
    own = {
        "default": {
            "ENGINE": "django.contrib.gis.db.backends.postgis",
            "NAME": "mine",
            "HOST": "mine",
            "OPTIONS": {"application_name": "shop", "service": "mine"},
        },
        "legacy": {"ENGINE": "django.db.backends.mysql", "NAME": "old"},
    }
    after = planned(own)
    assert after["default"]["ENGINE"] == "django.contrib.gis.db.backends.postgis"
    assert (after["default"]["HOST"], after["default"]["NAME"]) == ("db", "shop")
    assert after["default"]["OPTIONS"] == {"application_name": "shop", "sslmode": "require"}
    assert after["legacy"] == own["legacy"]


def test_without_a_url_the_place_is_the_projects() -> None:
    own = {"default": {"ENGINE": POSTGRESQL, "NAME": "mine", "HOST": "mine"}}
    assert planned(own, url=None) == own
    _, notes = database.plan({"default": {"ENGINE": "django.db.backends.sqlite3"}}, None, None, 7)
    assert "DATABASE_URL is not set: the data end with the container" in notes[0]


def test_another_database_is_refused_with_what_to_set() -> None:
    with pytest.raises(Refusal, match=r"uses django.db.backends.mysql.* Set ENGINE to django.db.backends.postgresql"):
        database.plan({"default": {"ENGINE": "django.db.backends.mysql", "NAME": "x"}}, URL, None, 7)


@pytest.mark.parametrize("own", [{}, None, {"default": {}}, {"default": {"ENGINE": "django.db.backends.dummy"}}])
def test_a_project_without_a_database_stays_without(own: Any) -> None:
    changes, notes = database.plan(own, URL, "asgi", 7)
    assert changes == []
    assert "gets no database" in notes[0]


def test_wsgi_keeps_connections_unless_the_project_decided() -> None:
    own = {
        "default": {"ENGINE": POSTGRESQL, "NAME": "x"},
        "own": {"ENGINE": POSTGRESQL, "NAME": "y", "CONN_MAX_AGE": 5},
    }
    after = planned(own, pool="wsgi")
    assert (after["default"]["CONN_MAX_AGE"], after["default"]["CONN_HEALTH_CHECKS"]) == (60, True)
    assert after["own"]["CONN_MAX_AGE"] == 5
    pooled = {"default": {"ENGINE": POSTGRESQL, "NAME": "x", "OPTIONS": {"pool": True}}}
    assert "CONN_MAX_AGE" not in planned(pooled, url=None, pool="wsgi")["default"]


def test_asgi_pools_connections_and_keeps_none() -> None:
    own = {"default": {"ENGINE": POSTGRESQL, "NAME": "x", "CONN_MAX_AGE": 600}}
    default = planned(own, pool="asgi")["default"]
    assert default["CONN_MAX_AGE"] == 0
    assert default["OPTIONS"]["pool"] == {"min_size": 1, "max_size": 7, "timeout": 10}
    own["default"]["OPTIONS"] = {"pool": {"max_size": 30, "max_lifetime": 60}}
    pool = planned(own, pool="asgi")["default"]["OPTIONS"]["pool"]
    assert pool == {"min_size": 1, "max_size": 30, "timeout": 10, "max_lifetime": 60}


def test_a_command_holds_connections_as_the_project_does() -> None:
    assert not {"CONN_MAX_AGE", "pool"} & set(planned({"default": {"ENGINE": POSTGRESQL, "NAME": "x"}})["default"])


def test_the_projects_own_value_is_not_touched() -> None:
    own = {"default": {"ENGINE": POSTGRESQL, "NAME": "x", "OPTIONS": {"a": "b"}}}
    planned(own, pool="asgi")
    assert own == {"default": {"ENGINE": POSTGRESQL, "NAME": "x", "OPTIONS": {"a": "b"}}}


GIVE_BACK = """
import time
from django.db import connection, transaction
from twinpool.settings.database import checked_out, give_back
def settled():
    # A pool that is just opening counts connections that it still makes.
    until = time.monotonic() + 10
    while checked_out() and time.monotonic() < until:
        time.sleep(0.01)
    return checked_out()
said = [checked_out()]
connection.cursor().execute("SELECT 1"); said += [checked_out(), connection.pool.max_size]
give_back(); said += [settled(), connection.connection]
with transaction.atomic():
    connection.cursor().execute("SELECT 1"); give_back(); said += [checked_out()]
give_back(); said += [settled()]
connection.close_pool()
print(said)
"""


def test_connections_go_back_to_their_pool_but_for_those_in_a_transaction(
    make_project: MakeProject, database_url: str
) -> None:
    site = make_project(DATABASE_URL=database_url, TWINPOOL_POOL="asgi", TWINPOOL_DB_POOL="3")
    assert site.python(GIVE_BACK) == "[False, True, 3, False, None, True, False]"
