"""migrate: one deployer at a time, named migrations, and no table waited for without end."""

import json
import subprocess
import sys

import psycopg
import pytest
from twinpool import migrate

from .conftest import MakeProject
from .site import Site

MODELS = "from django.db import models\nclass Item(models.Model):\n    name = models.CharField(max_length=20)\n"
FIRST = """
from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel("Item", [("id", models.BigAutoField(primary_key=True)),
                                                  ("name", models.CharField(max_length=20))])]
"""
SECOND = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL({sql!r})]
"""


def shop(make_project: MakeProject, database_url: str, *sql: str) -> Site:
    files = {"shop/models.py": MODELS, "shop/migrations/__init__.py": "", "shop/migrations/0001_initial.py": FIRST}
    files |= {f"shop/migrations/000{n}_step.py": SECOND.format(sql=text) for n, text in enumerate(sql, start=2)}
    only = 'INSTALLED_APPS = ["shop"]\n'
    return make_project(files, settings=only, DATABASE_URL=database_url, TWINPOOL_RELEASE="r42")


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_it_names_what_it_applies_and_then_nothing_is_left(make_project: MakeProject, database_url: str) -> None:
    site = shop(make_project, database_url)
    assert site.twinpool("migrate", "--plan").stdout == "shop.0001_initial\n"
    done = site.twinpool("migrate")
    assert (done.returncode, done.stdout) == (0, "migrate: applied shop.0001_initial\n"), done.stderr
    assert "shop_item" in tables(database_url)
    assert site.twinpool("migrate").stdout == "migrate: nothing to apply\n"
    assert site.python("from twinpool.migrate import unapplied; print(unapplied())") == "[]"


def test_unapplied_names_them_in_order(make_project: MakeProject, database_url: str) -> None:
    site = shop(make_project, database_url, "SELECT 1")
    ask = "from twinpool.migrate import unapplied; print(unapplied())"
    assert site.python(ask) == "['shop.0001_initial', 'shop.0002_step']"


def test_a_failing_migration_says_why_and_what_is_left(make_project: MakeProject, database_url: str) -> None:
    done = shop(make_project, database_url, "SELECT nonsense").twinpool("migrate")
    assert done.returncode == migrate.FAILED
    assert 'migrate: failed: ProgrammingError: column "nonsense" does not exist' in done.stderr
    assert "  applied and left: shop.0001_initial\n  not applied: shop.0002_step" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_deployer_is_told_who_holds_the_lock_and_stops(make_project: MakeProject, database_url: str) -> None:
    site = shop(make_project, database_url)
    hold = (
        "from twinpool.project.loading import load; load()\nfrom twinpool.migration_lock import Lock\n"
        "with Lock('r41'):\n    print('held', flush=True); input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold],
        cwd=site.path,
        env=site.environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = site.twinpool("migrate")
        first.communicate("\n")
    assert second.returncode == 1
    assert "Another deployment is migrating this database: twinpool migrate r41 on " in second.stderr
    assert "holds the lock since 20" in second.stderr
    assert "shop_item" not in tables(database_url)
    assert site.twinpool("migrate").returncode == 0


def test_a_table_that_stays_busy_is_not_waited_for(make_project: MakeProject, database_url: str) -> None:
    site = shop(make_project, database_url, "ALTER TABLE shop_item ADD COLUMN note text")
    assert site.twinpool("manage", "migrate", "shop", "0001").returncode == 0
    code = "from twinpool import migration_lock as lock, migrate; lock.LOCK_SECONDS = migrate.LOCK_SECONDS = 1; "
    code += "print(migrate.main([]))"
    with psycopg.connect(database_url) as busy:
        busy.execute("LOCK TABLE shop_item IN ACCESS SHARE MODE")
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=site.path,
            env=site.environ(),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    assert done.stdout == f"{migrate.FAILED}\n"
    assert "a table was not free within 1 seconds" in done.stderr
    assert "nothing was applied" in done.stderr


def test_the_direct_url_is_used_where_there_is_one(make_project: MakeProject, database_url: str) -> None:
    site = shop(make_project, "postgresql://nobody:x@127.0.0.1:1/pooler")
    done = site.twinpool("migrate", MIGRATE_DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert "shop_item" in tables(database_url)


def test_applied_migrations_that_the_code_lacks_are_named(make_project: MakeProject, database_url: str) -> None:
    site = shop(make_project, database_url, "SELECT 1")
    assert site.twinpool("migrate").returncode == 0
    assert json.loads(site.twinpool("migrate", "--unknown").stdout) == {"unknown": []}
    site.write({"shop/migrations/0002_step.py": None})
    assert json.loads(site.twinpool("migrate", "--unknown").stdout) == {"unknown": ["shop.0002_step"]}


@pytest.mark.parametrize("options", [[], ["--plan"]])
def test_a_project_without_a_database_has_nothing_to_migrate(make_project: MakeProject, options: list[str]) -> None:
    site = make_project(settings="DATABASES = {}\nINSTALLED_APPS = []\n")
    done = site.twinpool("migrate", *options)
    assert (done.returncode, done.stdout) == (0, "migrate: the project has no database; nothing to do\n"), done.stderr


def test_a_database_that_does_not_answer_is_one_line(make_project: MakeProject) -> None:
    done = shop(make_project, "postgresql://shop:hunter2@127.0.0.1:1/x").twinpool("migrate")
    assert done.returncode == 1
    assert done.stderr.startswith("twinpool migrate: The database does not answer: OperationalError")
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
