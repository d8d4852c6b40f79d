"""Finds a project's WSGI and ASGI callables, or makes them. Called by Project once Django is set up."""

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinpool.project import sources
from twinpool.project.discovery import Found

WSGI_NAMES = ("application", "wsgi_application", "wsgi_app", "wsgi", "app")
ASGI_NAMES = ("application", "asgi_application", "asgi_app", "asgi", "app")
# Attributes in which ASGI middleware keeps what it wraps.
INNER = ("inner", "app", "application", "asgi_app", "_app")


@dataclass(frozen=True)
class Asgi:
    """What answers HTTP and, if anything does, WebSockets; `module` is where it was found, empty if made here."""

    http: Any
    websocket: Any | None
    module: str = ""


@functools.cache
def _wsgi(setting: str, file: Path | None, project: Path) -> Any:
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.wsgi import get_wsgi_application

    found = _look(setting, file, project, WSGI_NAMES, (WSGIHandler,))
    return found[0] if found else get_wsgi_application()


def wsgi(found: Found) -> Any:
    """The WSGI callable that WSGI_APPLICATION or wsgi.py gives, else Django's own for these settings."""
    from django.conf import settings

    return _wsgi(settings.WSGI_APPLICATION or "", found.wsgi, found.project)


@functools.cache
def _asgi(setting: str, file: Path | None, project: Path) -> Asgi:
    from django.core.asgi import get_asgi_application
    from django.core.handlers.asgi import ASGIHandler

    found = _look(setting, file, project, ASGI_NAMES, (*router_types(), ASGIHandler))
    if not found:
        return Asgi(get_asgi_application(), None)
    application, module = found
    chain = unwrap(application)
    served = protocols(chain[-1])
    if served is not None:
        http = application if "http" in served else get_asgi_application()
        return Asgi(http, application if "websocket" in served else None, module)
    # An application that nobody knows may well serve sockets; Django's own cannot.
    return Asgi(application, None if isinstance(chain[-1], ASGIHandler) else application, module)


def asgi(found: Found) -> Asgi:
    """The ASGI applications that ASGI_APPLICATION or asgi.py gives, else Django's own for HTTP and none for sockets."""
    from django.conf import settings

    return _asgi(getattr(settings, "ASGI_APPLICATION", None) or "", found.asgi, found.project)


def unwrap(application: Any) -> list[Any]:
    """The application and what it wraps, outermost first, ending at a protocol router or where nothing is seen."""
    chain = [application]
    while protocols(chain[-1]) is None:
        inner = next((getattr(chain[-1], name) for name in INNER if callable(getattr(chain[-1], name, None))), None)
        if inner is None or any(inner is seen for seen in chain):
            break
        chain.append(inner)
    return chain


def protocols(application: Any) -> Mapping[str, Any] | None:
    """What a Channels ProtocolTypeRouter serves, by protocol; None for any other application."""
    found: Mapping[str, Any] | None = getattr(application, "application_mapping", None)
    return found if isinstance(application, router_types()) else None


@functools.cache
def router_types() -> tuple[type, ...]:
    """Channels' ProtocolTypeRouter, where Channels is installed."""
    try:
        from channels.routing import ProtocolTypeRouter
    except ModuleNotFoundError:
        return ()
    return (ProtocolTypeRouter,)


def _look(
    setting: str, file: Path | None, project: Path, names: tuple[str, ...], kinds: tuple[type, ...]
) -> tuple[Any, str] | None:
    """The callable at a dotted path, else in the file, with the module it was found in; None where neither is there.

    A module that is there and raises, raises: a half-working site would hide it.
    """
    module, _, attribute = setting.rpartition(".")
    loaded = _imported(module) if module else None
    if loaded is not None:
        named = getattr(loaded, attribute, None)
        found = named if callable(named) else _in_module(loaded, names, kinds)
        if found is not None:
            return found, module
    if file is None:
        return None
    loaded = importlib.import_module(sources.module_name(file, sources.root_on_path(file, project)))
    found = _in_module(loaded, names, kinds)
    return (found, loaded.__name__) if found is not None else None


def _imported(module: str) -> Any | None:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(error.name + ".")):
            return None
        raise


def _in_module(module: Any, names: tuple[str, ...], kinds: tuple[type, ...]) -> Any | None:
    """A callable `application`, else the first instance of the kinds, else a callable of another usual name."""
    values = vars(module)
    usual = [values[name] for name in names if callable(values.get(name)) and not isinstance(values[name], type)]
    made = [value for value in values.values() if isinstance(value, kinds)]
    first = [value for value in usual if value is values.get(names[0])]
    return next(iter([*first, *made, *usual]), None)
