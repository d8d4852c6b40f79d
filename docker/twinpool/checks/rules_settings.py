"""The rules of `twinpool check` about settings: what is unsafe, or ends at one process. Called by check."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from twinpool.checks.findings import Finding, refused, warning
from twinpool.project.loading import Project
from twinpool.settings import layer

LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
# What stands in tutorials, templates and .env.example files.
KNOWN_KEYS = {
    "changeme",
    "change-me",
    "secret",
    "secretkey",
    "secret-key",
    "secret_key",
    "insecure",
    "placeholder",
    "test",
}
KNOWN_BEGINNINGS = ("django-insecure-", "insecure-", "your-secret", "your_secret", "change-me", "changeme")


def debug(project: Project) -> Iterator[Finding]:
    """DEBUG is off."""
    from django.conf import settings

    if settings.DEBUG:
        yield refused("DEBUG is on: visitors would see tracebacks with settings; set DEBUG = False.")


def secret_key(project: Project) -> Iterator[Finding]:
    """SECRET_KEY is set and nobody's but this deployment's."""
    from django.conf import settings

    try:
        key = str(settings.SECRET_KEY)
    except Exception:
        key = ""
    if not key:
        yield refused("SECRET_KEY is not set; give the deployment a file by SECRET_KEY_FILE.")
    elif key.lower() in KNOWN_KEYS or key.lower().startswith(KNOWN_BEGINNINGS):
        yield refused("SECRET_KEY is a known example; give the deployment one of its own by SECRET_KEY_FILE.")
    elif held := _held_in(project, key):
        yield refused(f"SECRET_KEY stands in {held}, so everyone with the code knows it; give one by SECRET_KEY_FILE.")


def _held_in(project: Project, key: str) -> str | None:
    """The settings file (or .env beside it or manage.py) that holds the key's text."""
    beside = Path(importlib.import_module(project.settings_module).__file__ or "").parent
    for folder in dict.fromkeys((beside, project.environment.project)):
        for file in (*sorted(folder.glob("*.py")), *sorted(folder.glob(".env*"))):
            if file.is_file() and key in file.read_text(encoding="utf-8", errors="replace"):
                return file.name
    return None


def hosts(project: Project) -> Iterator[Finding]:
    """ALLOWED_HOSTS names hosts."""
    from django.conf import settings

    if "*" in settings.ALLOWED_HOSTS:
        yield refused("ALLOWED_HOSTS holds '*', so any Host header is believed; name the hosts in TWINPOOL_HOSTS.")


def database(project: Project) -> Iterator[Finding]:
    """Every container has the same database; the overlay sees to that where it is on."""
    from django.conf import settings

    if not project.environment.overlay and "sqlite3" in settings.DATABASES["default"]["ENGINE"]:
        yield refused(
            "DATABASES is SQLite, a file on one container's own disk, which is read-only: with OVERLAY=off the "
            "project has to name a PostgreSQL itself, from DATABASE_URL."
        )


def channel_layer(project: Project) -> Iterator[Finding]:
    """The channel layer reaches every process."""
    from django.conf import settings

    for alias, one in (getattr(settings, "CHANNEL_LAYERS", None) or {}).items():
        if layer.form_of(one.get("BACKEND", "")) != "memory":
            continue
        if project.environment.pools == "wsgi":
            yield warning(
                f"The channel layer {alias!r} is in memory; with POOLS=wsgi nothing receives what is sent to it."
            )
        else:
            yield refused(
                f"The channel layer {alias!r} is in memory, which ends at its process, and there are several: a page's "
                "message would reach no socket. Give REDIS_URL, or configure channels_redis."
            )


def one_process_only(project: Project) -> Iterator[Finding]:
    """What only works within one process."""
    from django.conf import settings

    engine = settings.SESSION_ENGINE.rsplit(".", 1)[-1]
    cache = settings.CACHES.get(settings.SESSION_CACHE_ALIAS, {}).get("BACKEND", "")
    if engine == "file":
        yield warning(
            "Sessions are files: a sign-in on one container is unknown to the others; use the database or a cache."
        )
    elif engine == "cache" and cache == LOCAL_MEMORY:
        yield warning(
            "Sessions are in LocMemCache, one process's memory: users are signed out at random; use cached_db."
        )
    if settings.SECURE_SSL_REDIRECT and project.environment.scheme == "http":
        yield warning(
            "SECURE_SSL_REDIRECT is on and TWINPOOL_SCHEME is http: every page redirects to https, which is not there."
        )


def uploads(project: Project) -> Iterator[Finding]:
    """Uploads are kept where every container reaches them."""
    from django.apps import apps
    from django.core.files.storage import FileSystemStorage
    from django.db.models import FileField

    fields = [
        field for model in apps.get_models() for field in model._meta.local_fields if isinstance(field, FileField)
    ]
    kept_here = [str(field) for field in fields if isinstance(field.storage, FileSystemStorage)]
    if kept_here:
        more = f" and {len(kept_here) - 1} more" if len(kept_here) > 1 else ""
        yield warning(
            f"Uploads go to the container's own disk ({kept_here[0]}{more}), which is read-only and ends with it: an "
            "upload will fail. Set STORAGES['default'] to a storage elsewhere."
        )


RULES = (debug, secret_key, hosts, database, channel_layer, one_process_only, uploads)
