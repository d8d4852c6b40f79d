"""Prints, as JSON, every view of the project in the working directory, and whether Django calls it a coroutine one.

Run by conftest.py in a process of its own: `python walk.py SETTINGS [URLCONF …]`. Nothing of Twinpool is imported here,
since this is what Twinpool is measured by: the project's own middleware runs, and the callback is taken where Django
hands it to `process_view`. Further URLconfs are those that a middleware of the project chooses by itself.
"""

import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

# What may stand for a group or a converter; the first combination that a pattern matches is taken.
CANDIDATES = ("7", "x", "a-b", "2026", "a/b", "json", "auth", "6f0e8a3c-2b4d-4f6a-8c1e-9d7b5a3f1e20", "static/x.css")
CONVERTER = re.compile(r"<(?:[^<>:]+:)?[^<>:]+>")


def capture(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A middleware that answers with what `process_view` is given, before any view runs."""
    from asgiref.sync import iscoroutinefunction
    from django.http import JsonResponse

    def middleware(request: Any) -> Any:
        return get_response(request)

    def process_view(request: Any, callback: Any, args: Any, kwargs: Any) -> JsonResponse:
        named = getattr(callback, "view_class", callback)
        name = f"{named.__module__}.{getattr(named, '__qualname__', type(named).__qualname__)}"
        return JsonResponse({"view": name, "coroutine": iscoroutinefunction(callback)})

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def spelled(pattern: Any) -> str:
    """A path that one pattern of a URLconf matches. Raises LookupError where no candidate fits."""
    from django.urls.resolvers import RegexPattern
    from django.utils.regex_helper import normalize

    if isinstance(pattern, RegexPattern):
        first = re.sub(r"\(\?:([^()|]*)\|[^()]*\)", r"\1", str(pattern))  # normalize() knows no alternatives
        forms = [re.sub(r"%\(\w+\)s", "{}", form) for form, _ in normalize(first)]
    else:
        forms = [CONVERTER.sub("{}", str(pattern).replace("{", "{{").replace("}", "}}"))]
    for form in forms:
        for values in itertools.product(CANDIDATES, repeat=form.count("{}")):
            path = form.format(*values)
            if pattern.match(path) is not None:
                return path
    raise LookupError(
        f"no sample fits the pattern {pattern!s}; add a value that does to CANDIDATES in tests/split/walk.py"
    )


def paths(patterns: Any, before: str = "/") -> Iterator[str]:
    for entry in patterns:
        path = before + spelled(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from paths(entry.url_patterns, path)
        else:
            yield path


def main(settings_module: str, *urlconfs: str) -> None:
    sys.path.insert(0, os.getcwd())
    os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    import django
    from django.conf import settings
    from django.test import Client
    from django.urls import get_resolver
    from django.utils import translation
    from django.utils.encoding import iri_to_uri

    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    settings.ALLOWED_HOSTS = ["*"]
    settings.MIDDLEWARE = [f"{__name__}.capture", *settings.MIDDLEWARE]
    django.setup()
    found: dict[str, dict[str, Any]] = {}
    client = Client()
    for language, _ in settings.LANGUAGES if len(settings.LANGUAGES) < 5 else [(settings.LANGUAGE_CODE, "")]:
        with translation.override(language):
            listed = [
                path for name in (settings.ROOT_URLCONF, *urlconfs) for path in paths(get_resolver(name).url_patterns)
            ]
        for path in listed:
            response = client.get(iri_to_uri(path).replace(";", "%3B"))  # the client drops what follows a `;`
            seen = json.loads(response.content)
            found[iri_to_uri(path)] = {"path": iri_to_uri(path), **seen}
    print(json.dumps(list(found.values())))


if __name__ == "__main__":
    main(*sys.argv[1:])
