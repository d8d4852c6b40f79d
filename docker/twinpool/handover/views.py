"""Finds the view of a path before Django does, and whether a project allows that. Used at the entry."""

import functools
import inspect
import re
from dataclasses import dataclass
from typing import Any

from twinpool.handover.decision import Nature
from twinpool.handover.view import name_of

# An assignment to request.urlconf, or what does the same.
CHOOSES_URLCONF = re.compile(r"\.urlconf\s*=(?!=)|\bset_urlconf\(|setattr\([^)\n]*[\"']urlconf[\"']")


@dataclass(frozen=True)
class View:
    """A resolved view. `key` is the same in both pools; `name` is what a person knows it by."""

    key: str
    name: str
    callback: Any
    nature: Nature


def nature_of(callback: Any) -> Nature:
    """Django's own test of whether a view is a coroutine."""
    from asgiref.sync import iscoroutinefunction

    return "async" if iscoroutinefunction(callback) else "sync"


def of_match(match: Any) -> View:
    """The view of a ResolverMatch."""
    try:
        return _made(match.func, match.route)
    except TypeError:  # a callable that cannot be hashed
        return _made.__wrapped__(match.func, match.route)


@functools.lru_cache(maxsize=4096)  # as many as a URLconf may have patterns
def _made(callback: Any, route: str) -> View:
    name = name_of(callback)
    # One function at two routes may stream at only one of them.
    return View(f"{name} {route}", name, callback, nature_of(callback))


def resolve(path: str) -> View | None:
    """The view of a decoded path below the project's script prefix; None where the URLconf has none."""
    from django.conf import settings
    from django.urls import get_resolver

    prefix = (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
    try:
        return of_match(get_resolver().resolve(path.removeprefix(prefix)))
    except Exception:  # a 404, or a converter's or an import's error, which Django reports better
        return None


def undecided() -> str:
    """Why the entry cannot know the views of this project; empty where it can.

    Read from the middleware's source, so it may miss a project that hides it; the middleware then notices.
    """
    from django.conf import settings
    from django.conf.urls.i18n import is_language_prefix_patterns_used
    from django.utils.module_loading import import_string

    if is_language_prefix_patterns_used(settings.ROOT_URLCONF)[0]:
        return "the URLconf uses i18n_patterns"
    for path in settings.MIDDLEWARE:
        if path.startswith(("django.", "twinpool.")):
            continue
        try:
            source = inspect.getsource(inspect.getmodule(import_string(path)))  # type: ignore[arg-type]
        except (ImportError, OSError, TypeError):
            continue
        if CHOOSES_URLCONF.search(source):
            return f"{path} sets request.urlconf"
    return ""
