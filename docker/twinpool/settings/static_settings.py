"""What a deployment changes in a project's settings for static files. Called by overlay."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinpool.environment import Environment
from twinpool.settings.change import Change, change

STORAGE = "twinpool.static.storage.TolerantStorage"
OWN_STORAGE = "twinpool.static.storage.tolerant"
# The two that keep plain names. Any other is the project's decision: it hashes, or its files lie elsewhere.
PLAIN = (
    "django.contrib.staticfiles.storage.StaticFilesStorage",
    "whitenoise.storage.CompressedStaticFilesStorage",
)


def used(own: Mapping[str, Any]) -> bool:
    """Whether the project has static files at all."""
    apps = {str(app) for app in own.get("INSTALLED_APPS") or ()}
    return any(app.startswith("django.contrib.staticfiles") or _is_staticfiles(app) for app in apps)


def plan(own: Mapping[str, Any], environment: Environment) -> list[Change]:
    """STATIC_ROOT where there is none, and hashed names unless the project hashes already."""
    if not used(own):
        return []
    changes = []
    root = own.get("STATIC_ROOT")
    if not root or not _in_image(Path(root), environment):
        why = "the image keeps only its own folders" if root else "the project names none"
        changes += change("STATIC_ROOT", root, str(environment.static), why)
    if not own.get("STATIC_URL"):
        changes += change("STATIC_URL", own.get("STATIC_URL"), "/static/", "the project names none")
    storages = dict(own.get("STORAGES") or {})
    backend = storages.get("staticfiles", {}).get("BACKEND", PLAIN[0])
    entry = storages.get("staticfiles", {})
    if backend in PLAIN:
        after = {**storages, "staticfiles": {**entry, "BACKEND": STORAGE}}
        changes += change("STORAGES", storages, after, "hashed names, which browsers may keep for ever")
    elif _hashes(backend):
        options = {**entry.get("OPTIONS", {}), "own": backend}
        after = {**storages, "staticfiles": {**entry, "BACKEND": OWN_STORAGE, "OPTIONS": options}}
        changes += change("STORAGES", storages, after, "the project's own, but a missing file is a warning")
    return changes


def _in_image(root: Path, environment: Environment) -> bool:
    """Whether files collected there are in the finished image, which keeps the project's folder and STATIC."""
    return any(root.absolute().is_relative_to(kept) for kept in (environment.project, environment.static))


def _hashes(backend: str) -> bool:
    """Whether a storage of the project's keeps hashed files here by Django's manifest, which is strict by default."""
    from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

    found = _imported(backend)
    return isinstance(found, type) and issubclass(found, ManifestStaticFilesStorage)


def _imported(name: str) -> Any:
    """What a dotted name means; None where it does not import, since Django will say what is wrong with it."""
    module, _, last = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), last)
    except Exception:
        return None


def _is_staticfiles(app: str) -> bool:
    """Whether an AppConfig of another name (to set ignore_patterns, say) extends that of staticfiles."""
    if not app.rpartition(".")[2][:1].isupper():
        return False
    return any(base.__name__ == "StaticFilesConfig" for base in getattr(_imported(app), "__mro__", ()))
