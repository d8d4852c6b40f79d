"""The rules of `twinpool check` about code: what does not import, what the two pools cannot run. Called by check."""

from collections.abc import Iterator
from pathlib import Path

from twinpool.checks import routes
from twinpool.checks.findings import Finding, refused, warning
from twinpool.environment import last_line
from twinpool.handover.view import see
from twinpool.project.loading import Project


def entry_points(project: Project) -> Iterator[Finding]:
    """wsgi.py and asgi.py import."""
    shape = project.environment.pools
    tried = {"wsgi.py": project.wsgi_application, "asgi.py": project.asgi_http}
    for name, load in tried.items():
        if name == "asgi.py" and shape == "wsgi":
            continue
        try:
            load()
        except Exception as error:
            yield refused(f"{name} does not import: {last_line(error)}.")


def urlconf(project: Project) -> Iterator[Finding]:
    """The URLconf imports."""
    try:
        routes.views()
    except Exception as error:
        yield refused(f"The URLconf does not import: {last_line(error)}.")


def atomic_requests(project: Project) -> Iterator[Finding]:
    """ATOMIC_REQUESTS and coroutine views are not used together."""
    from django.db import connections

    atomic = [alias for alias in connections if connections.settings[alias].get("ATOMIC_REQUESTS")]
    if not atomic:
        return
    asynchronous = [one.view for one in routes.views() if one.kind == "async"]
    if asynchronous:
        yield refused(
            f"ATOMIC_REQUESTS is on for {', '.join(atomic)}, and Django runs no coroutine view with it: "
            f"{', '.join(asynchronous[:5])}{' …' if len(asynchronous) > 5 else ''}. Use transaction.atomic instead."
        )


def unmade_migrations(project: Project) -> Iterator[Finding]:
    """Changes of the project's own models have migrations."""
    from django.apps import apps
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.questioner import NonInteractiveMigrationQuestioner
    from django.db.migrations.state import ProjectState

    root = project.environment.project.resolve()
    paths = {app.label: Path(app.path).resolve() for app in apps.get_app_configs()}
    own = {label for label, path in paths.items() if path.is_relative_to(root) and "site-packages" not in path.parts}
    loader = MigrationLoader(None, ignore_no_migrations=True)
    own &= loader.migrated_apps  # an app without a migrations folder has none to make
    asking = NonInteractiveMigrationQuestioner(specified_apps=own, dry_run=True)
    found = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps), asking)
    for label in sorted(own & set(found.changes(graph=loader.graph, trim_to_apps=own))):
        yield warning(f"The models of {label} have changes that no migration holds; run makemigrations {label}.")


def mixed_views(project: Project) -> Iterator[Finding]:
    """No synchronous decorator hides a coroutine view."""
    for pattern, callback in routes.callbacks():
        kind, why = see(callback)
        if kind == "mixed":
            yield warning(f"The view at {pattern} is {why}.")


def django_checks(project: Project) -> Iterator[Finding]:
    """Django's own check --deploy."""
    from django.core import checks

    for one in checks.run_checks(include_deployment_checks=True):
        if one.is_silenced():
            continue
        first = " ".join(str(one.msg).split()).split(". ")[0].rstrip(".")
        about = f" ({getattr(one.obj, '__name__', one.obj)})" if one.obj is not None else ""
        if one.level >= checks.ERROR:
            yield refused(f"{one.id}{about}: {first}.{f' {one.hint}' if one.hint else ''}")
        else:
            yield warning(f"{one.id}{about}: {first}.")


RULES = (entry_points, urlconf, atomic_requests, mixed_views, unmade_migrations, django_checks)
