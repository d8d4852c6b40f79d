"""The project in this image, configured and set up. The one way in which anything here gets a configured Django."""

import functools
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twinpool.environment import Environment, Refusal
from twinpool.project import applications, discovery, secrets
from twinpool.settings import overlay
from twinpool.settings.change import Change

OLDEST_DJANGO = (5, 2)


@dataclass(frozen=True)
class Project:
    """A project after django.setup().

    `reason` says where the settings module was found; `changes` are the settings that this deployment changed, secrets
    masked in their texts; `original` holds the project's own values of all settings; `notes` are sentences for `check`.
    """

    environment: Environment
    settings_module: str
    reason: str
    changes: list[Change]
    original: Mapping[str, Any] = field(repr=False)
    notes: list[str] = field(default_factory=list)
    found: discovery.Found = field(default_factory=discovery.Found, repr=False)

    def wsgi_application(self) -> Any:
        """The project's WSGI callable, or one made for it. Raises what its wsgi.py raises."""
        return applications.wsgi(self.found)

    def asgi_http(self) -> Any:
        """The ASGI application for HTTP: the project's own or Django's. Raises what its asgi.py raises."""
        return applications.asgi(self.found).http

    def asgi_websocket(self) -> Any | None:
        """The ASGI application for WebSockets; None if the project has no sockets."""
        return applications.asgi(self.found).websocket


@functools.cache
def load() -> Project:
    """Secrets, settings, overlay, django.setup(), in this order; once a process.

    Raises Refusal with one sentence for what a person has to mend, and else what the project's own import raises.
    """
    environment = Environment.from_environ(os.environ)
    secrets.export(environment, os.environ)
    _refuse_old_django()
    if str(environment.project) not in sys.path:
        sys.path.insert(0, str(environment.project))
    found = discovery.find(environment, os.environ)
    # An asgi.py default is not trusted, and what a project starts (Celery, a subprocess) reads this name.
    os.environ["DJANGO_SETTINGS_MODULE"] = found.module

    import django
    from django.conf import settings

    original = overlay.snapshot(settings)
    plan = overlay.plan(original, environment, os.environ, environment.pool, found)
    overlay.apply(settings, plan.changes)
    django.setup()
    return Project(environment, found.module, found.reason, plan.changes, original, found.notes + plan.notes, found)


def _refuse_old_django() -> None:
    try:
        import django
    except ModuleNotFoundError:
        raise Refusal("Django is not installed; add Django 5.2 or later to the project's dependencies.") from None
    if django.VERSION[:2] < OLDEST_DJANGO:
        raise Refusal(
            f"Django {django.get_version()} is installed; Twinpool needs 5.2 or later: raise the project's pin."
        )
