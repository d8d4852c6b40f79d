"""Finds a project's settings module and its wsgi.py and asgi.py. Called by project.load before Django is configured."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from twinpool.environment import Environment, Refusal, last_line
from twinpool.project import sources
from twinpool.project.demand import demand
from twinpool.project.sources import Named

HOW_TO_CHOOSE = "choose with TWINPOOL_SETTINGS (SETTINGS in deploy/twinpool.env)"


@dataclass(frozen=True)
class Found:
    """The settings module, why it was taken, the files that hold entry points, and sentences worth showing."""

    module: str = ""
    reason: str = ""
    project: Path = Path()
    wsgi: Path | None = None
    asgi: Path | None = None
    notes: list[str] = field(default_factory=list)


def find(environment: Environment, environ: MutableMapping[str, str]) -> Found:
    """The settings module: told, or that of wsgi.py, asgi.py or manage.py, the first that is there; it is imported.

    Raises Refusal where none is there, or where the first one is there but does not import: to go on with the next
    one then would put a site on its development settings because of a typing error in the others.
    """
    project = environment.project
    wsgi, asgi = sources.shallowest(project, "wsgi.py"), sources.shallowest(project, "asgi.py")
    if environment.settings:
        _require(Named(environment.settings, "TWINPOOL_SETTINGS"), project, environ)
        return Found(environment.settings, "told by TWINPOOL_SETTINGS", project, wsgi, asgi)
    named = _candidates(environment, environ, [wsgi, asgi, sources.shallowest(project, "manage.py")])
    for position, candidate in enumerate(named):
        if _exists(candidate, project, environ):
            _import(candidate, environ)
            notes = _notes(named, position)
            return Found(candidate.module, f"named by {candidate.where}", project, wsgi, asgi, notes)
    if not named:
        raise Refusal(
            f"No settings module is named in wsgi.py, asgi.py or manage.py below {project}; {HOW_TO_CHOOSE}, "
            "for example TWINPOOL_SETTINGS=shop.settings."
        )
    tried = ", ".join(f"{one.module} ({one.where})" for one in named)
    raise Refusal(f"No settings module can be found below {project}; named but not there: {tried}; {HOW_TO_CHOOSE}.")


def _candidates(environment: Environment, environ: MutableMapping[str, str], files: list[Path | None]) -> list[Named]:
    project = environment.project
    told = environ.get("DJANGO_SETTINGS_MODULE")
    named = [Named(told, "DJANGO_SETTINGS_MODULE")] if told else []
    named += [found for file in files if file for found in sources.settings_named(file, project)]
    if not named:
        guesses = sources.settings_modules(project)
        named = guesses if len(guesses) == 1 else []
    return named


def _notes(named: list[Named], taken: int) -> list[str]:
    notes = [f"{one.where} names {one.module}, which is not there; passed over." for one in named[:taken]]
    chosen = named[taken]
    others = {one.module: one.where for one in named[taken + 1 :] if one.module != chosen.module}
    for module, where in others.items():
        notes.append(
            f"{chosen.where} names {chosen.module}, {where} names {module}: {chosen.module} is used; {HOW_TO_CHOOSE}."
        )
    return notes


def _require(candidate: Named, project: Path, environ: MutableMapping[str, str]) -> None:
    if not _exists(candidate, project, environ):
        raise Refusal(f"{candidate.where} is {candidate.module!r}, but there is no such module below {project}.")
    _import(candidate, environ)


def _exists(candidate: Named, project: Path, environ: MutableMapping[str, str]) -> bool:
    """Whether the module is there. Puts the folder that it is imported from on sys.path (`src/`, say)."""
    parts = candidate.module.split(".")
    for root in sources.import_roots(candidate, project):
        path = root.joinpath(*parts)
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            if str(root) not in sys.path:
                sys.path.insert(0, str(root))
            return True
    with _told(candidate, environ):
        try:
            return importlib.util.find_spec(candidate.module) is not None
        except (ModuleNotFoundError, ValueError):
            return False


def _import(candidate: Named, environ: MutableMapping[str, str]) -> None:
    with _told(candidate, environ):
        try:
            importlib.import_module(candidate.module)
        except Refusal:
            raise
        except Exception as error:
            name = demand(error)
            mend = f"Give ENV_{name}=… in deploy/twinpool.env or on the command line" if name else "Mend them"
            raise Refusal(
                f"The settings {candidate.module} (named by {candidate.where}) do not import: {last_line(error)}. "
                f"{mend}, or {HOW_TO_CHOOSE}."
            ) from error


@contextmanager
def _told(candidate: Named, environ: MutableMapping[str, str]) -> Iterator[None]:
    """The candidate as DJANGO_SETTINGS_MODULE for a moment: a package's __init__ may start Celery, which reads it."""
    before = environ.get("DJANGO_SETTINGS_MODULE")
    environ["DJANGO_SETTINGS_MODULE"] = candidate.module
    try:
        yield
    finally:
        if before is None:
            environ.pop("DJANGO_SETTINGS_MODULE", None)
        else:
            environ["DJANGO_SETTINGS_MODULE"] = before
