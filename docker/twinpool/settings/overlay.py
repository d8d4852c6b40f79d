"""What a deployment changes in a project's settings, worked out first and then set. Called by project.load."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twinpool.environment import Environment, Pool
from twinpool.project.discovery import Found
from twinpool.settings import database, layer, redis_settings, static_settings
from twinpool.settings.change import Change, change

CONFIRM = "twinpool.handover.middleware.confirm"
FORWARDED_PROTO = ("HTTP_X_FORWARDED_PROTO", "https")


@dataclass(frozen=True)
class Plan:
    """The changes, in the order in which they are set, and sentences for `check` about what was left as it is."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(self.changes + other.changes, self.notes + other.notes)


def snapshot(settings: Any) -> dict[str, Any]:
    """The project's own value of every setting that it or Django's defaults set."""
    names = [name for name in dir(settings) if name.isupper() and name != "SECRET_KEY"]
    own = {name: getattr(settings, name) for name in names}
    # Django raises on reading an empty SECRET_KEY, which this deployment may be about to set.
    return own | {"SECRET_KEY": vars(settings._wrapped).get("SECRET_KEY", "")}


def plan(
    own: Mapping[str, Any], environment: Environment, environ: Mapping[str, str], pool: Pool | None, found: Found
) -> Plan:
    """What this deployment changes for one pool (None: a command such as migrate). Nothing with OVERLAY=off.

    Raises Refusal where the project's database cannot be the deployment's.
    """
    if not environment.overlay:
        return Plan(notes=["TWINPOOL_OVERLAY is off: the project's settings are used as they are."])
    data, data_notes = database.plan(own.get("DATABASES"), environ.get("DATABASE_URL"), pool, environment.db_pool)
    url = environ.get("REDIS_URL")
    changes = data + layer.plan(own, url, found) + redis_settings.plan(own, url)
    changes += static_settings.plan(own, environment)
    return Plan(_security(own, environment, environ) + changes + _middleware(own), data_notes)


def apply(settings: Any, changes: list[Change]) -> None:
    """Set them on django.conf.settings, loaded but not yet used: the settings module stays untouched."""
    for one in changes:
        setattr(settings, one.setting, copy.deepcopy(one.new))


def _security(own: Mapping[str, Any], environment: Environment, environ: Mapping[str, str]) -> list[Change]:
    changes = change("DEBUG", own.get("DEBUG"), False, "a deployed site shows no tracebacks to visitors")
    if key := environ.get("SECRET_KEY"):
        changes += change("SECRET_KEY", own.get("SECRET_KEY"), key, "SECRET_KEY is set")
    if environment.is_set("HOSTS") or not own.get("ALLOWED_HOSTS"):
        why = "TWINPOOL_HOSTS is set" if environment.is_set("HOSTS") else "the project names none"
        changes += change("ALLOWED_HOSTS", list(own.get("ALLOWED_HOSTS") or []), list(environment.hosts), why)
    changes += _origins(own, environment)
    if environment.is_set("SCHEME"):
        why = "the edge overwrites X-Forwarded-Proto"
        changes += change("SECURE_PROXY_SSL_HEADER", own.get("SECURE_PROXY_SSL_HEADER"), FORWARDED_PROTO, why)
        if environment.scheme == "http":
            why = "TWINPOOL_SCHEME is http: there is no https to redirect to"
            changes += change("SECURE_SSL_REDIRECT", bool(own.get("SECURE_SSL_REDIRECT")), False, why)
    if environment.scheme == "https":
        for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
            changes += change(name, own.get(name), True, "TWINPOOL_SCHEME is https")
    return changes


def _origins(own: Mapping[str, Any], environment: Environment) -> list[Change]:
    """The deployment's origins before the project's own, which may name partners that no variable knows."""
    if not (environment.is_set("HOSTS") or environment.is_set("ORIGINS")):
        return []
    before = list(own.get("CSRF_TRUSTED_ORIGINS") or [])
    after = list(dict.fromkeys([*environment.trusted_origins, *before]))
    return change("CSRF_TRUSTED_ORIGINS", before, after, "each of TWINPOOL_HOSTS at each public port, and ORIGINS")


def _middleware(own: Mapping[str, Any]) -> list[Change]:
    before = list(own.get("MIDDLEWARE") or [])
    if CONFIRM in before:
        return []
    return change("MIDDLEWARE", before, [*before, CONFIRM], "the hand-over confirms its decision beside the view")
