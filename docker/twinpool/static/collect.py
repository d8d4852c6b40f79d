"""Collects, hashes and compresses a project's static files in the image build, where no real secret is. For static."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from twinpool.environment import Refusal, last_line
from twinpool.project.demand import demand
from twinpool.project.loading import Project, load

# What every deployment gives, so that settings that ask whether it is there decide as they will: nothing of it leaves
# the build.
PLACEHOLDERS = {
    "DATABASE_URL": "postgres://build:build@127.0.0.1:5432/build",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}
PLACEHOLDER = "placeholder-of-the-build"
NUMBER = "1"  # where that is no number and no truth value
MOST_DEMANDS = 30  # variables that settings may demand before it is called an error


def collect() -> list[str]:
    """Does it, and returns the lines to show: what was collected where, then the warnings.

    Raises Refusal with the reason where the settings do not import or collectstatic fails.
    """
    demanded: list[str] = []
    project = _loaded(demanded)
    warnings = [f"the settings demand {name}: given a placeholder for the build" for name in demanded]
    if demanded:
        told = " ".join(f"ENV_{name}=…" for name in demanded)
        print(f"note: the settings demand variables that the deployment has not: {told}", flush=True)
    from django.conf import settings
    from django.core.management import call_command, get_commands

    if "collectstatic" not in get_commands():
        return ["static: the project does not use django.contrib.staticfiles; nothing to collect"]
    before = project.original.get("STATIC_ROOT")
    if not project.environment.overlay and not before:
        return ["static: with OVERLAY=off nothing is collected, since the project names no STATIC_ROOT"]
    try:
        call_command("collectstatic", interactive=False, verbosity=0)
    except Exception as error:
        raise Refusal(f"collectstatic failed: {last_line(error)}.") from error
    root = Path(settings.STATIC_ROOT) if settings.STATIC_ROOT else None
    if root is None or not root.is_dir():
        return [
            f"static: collected by {_storage().__class__.__name__}, which keeps nothing here (STATIC_ROOT {before})"
        ]
    storage = _storage()
    warnings += getattr(storage, "warnings", [])
    files = [path for path in root.rglob("*") if path.is_file() and path.suffix not in (".gz", ".br")]
    hashed = len(getattr(storage, "hashed_files", {}))
    head = f"static: {len(files)} files in {root}, {hashed} of them named by hash, {_compress(files)} compressed"
    return [head, *(f"  warning: {text}" for text in warnings)]


def _loaded(demanded: list[str]) -> Project:
    """The project, its settings given a placeholder for each variable that they demand, listed in `demanded`."""
    # The key is random, and gone with this process.
    for given, value in {"SECRET_KEY": secrets.token_urlsafe(50), **PLACEHOLDERS}.items():
        os.environ[given] = os.environ.get(given) or value
    while True:
        try:
            return load()
        except Refusal as refusal:
            if demanded and PLACEHOLDER in str(refusal.__cause__) and os.environ[demanded[-1]] == PLACEHOLDER:
                os.environ[demanded[-1]] = NUMBER
                continue
            name = demand(refusal.__cause__)
            if name is None or name in os.environ or len(demanded) == MOST_DEMANDS:
                raise
        except Exception as error:  # while Django sets the project up, which it does once a process
            raise Refusal(f"The project does not start: {last_line(error)}.") from error
        demanded.append(name)
        os.environ[name] = PLACEHOLDER


def _storage() -> Any:
    from django.core.files.storage import storages

    return storages["staticfiles"]


def _compress(files: list[Path]) -> int:
    """Compresses what gains by it, beside each file; returns how many there are."""
    from whitenoise.compress import Compressor

    compressor = Compressor(quiet=True)
    todo = [str(path) for path in files if compressor.should_compress(path.name) and not _compressed(path)]
    with ThreadPoolExecutor() as threads:
        for made in threads.map(lambda path: list(compressor.compress(path)), todo):
            del made
    return sum(_compressed(path) for path in files)


def _compressed(path: Path) -> bool:
    return path.with_name(path.name + ".gz").exists()
