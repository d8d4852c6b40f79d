"""`twinpool migrate`: brings the database up to this release, one deployer at a time. health asks `unapplied`."""

import argparse
import json
import os
import sys
from typing import Any

from twinpool.environment import Environment, Refusal, last_line
from twinpool.migration_lock import LOCK_SECONDS, Lock, limit_lock_waits
from twinpool.project import secrets
from twinpool.project.loading import Project, load

# A migration's own failure; any other code may be over at the next try (k8s/base/migrate/job.yaml).
FAILED = 3


def main(argv: list[str]) -> int:
    """Migrates; or with an option only says what there is. Returns 0, or FAILED with the reason on stderr.

    Raises Refusal where another deployer holds the lock.
    """
    parser = argparse.ArgumentParser(prog="twinpool migrate", description=__doc__)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--plan", action="store_true", help="list what would be applied, and change nothing")
    only.add_argument(
        "--unknown", action="store_true", help="print applied migrations that this release lacks, as JSON"
    )
    options = parser.parse_args(argv)
    _use_direct_url()
    project = load()
    from django.db.utils import OperationalError

    try:
        return _run(project, options)
    except OperationalError as error:
        raise Refusal(f"The database does not answer: {last_line(error)}.") from error


def _run(project: Project, options: argparse.Namespace) -> int:
    if options.unknown:
        print(json.dumps({"unknown": unknown()}))
    elif not _has_database():
        print("migrate: the project has no database; nothing to do")
    elif options.plan:
        print("\n".join(unapplied()) or "migrate: nothing to apply")
    else:
        return _migrate(project)
    return 0


def unapplied() -> list[str]:
    """Migrations of this release that the default database lacks, as `app.name`, in the order of their application.

    Leaves the calling thread's connection open; raises django.db.Error where the database does not answer.
    """
    if not _has_database():
        return []
    executor = _executor()
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def unknown() -> list[str]:
    """Applied migrations of this release's apps that its code does not hold: a rollback to it would pass them."""
    if not _has_database():
        return []
    loader = _executor().loader
    known = set(loader.disk_migrations)
    replaced = {old for migration in loader.disk_migrations.values() for old in migration.replaces}
    apps = {app for app, _ in known}
    past = [key for key in loader.applied_migrations if key[0] in apps and key not in known | replaced]
    return sorted(f"{app}.{name}" for app, name in past)


def _migrate(project: Project) -> int:
    from django.core.management import call_command
    from django.db import connections

    with Lock(project.environment.release):
        limit_lock_waits()
        connections["default"].close()  # so that the next one has the limit
        todo = unapplied()
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except Exception as error:
            print(f"migrate: failed: {_reason(error)}", file=sys.stderr)
            print("\n".join(_left(todo)), file=sys.stderr)
            return FAILED
    print("\n".join([f"migrate: applied {name}" for name in todo]) or "migrate: nothing to apply", flush=True)
    return 0


def _left(todo: list[str]) -> list[str]:
    """What a failed run did to the database, a line each."""
    from django.db import connections

    connections["default"].close()
    try:
        missing = unapplied()
    except Exception as error:  # the database went away meanwhile, say
        return [f"  what was applied cannot be told: {last_line(error)}"]
    done = [f"  applied and left: {name}" for name in todo if name not in missing]
    return [*(done or ["  nothing was applied"]), *(f"  not applied: {name}" for name in missing)]


def _reason(error: Exception) -> str:
    if "lock timeout" in str(error):
        return (
            f"a table was not free within {LOCK_SECONDS} seconds ({last_line(error)}). Something long is running on "
            "it: see pg_stat_activity, and deploy again when it has ended."
        )
    return last_line(error)


def _use_direct_url() -> None:
    """Migrations go past a connection pooler: an advisory lock through one in transaction mode locks nothing."""
    secrets.export(Environment.from_environ(os.environ), os.environ)
    if direct := os.environ.get("MIGRATE_DATABASE_URL"):
        os.environ["DATABASE_URL"] = os.environ["DJANGO_DATABASE_URL"] = direct


def _has_database() -> bool:
    from django.db import connections

    return str(connections["default"].vendor) != "unknown"


def _executor() -> Any:
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    return MigrationExecutor(connections["default"])
