"""Static files under hashed names, where a broken reference is a warning. Django uses it by the overlay's STORAGES."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.contrib.staticfiles.utils import matches_patterns
from django.core.exceptions import SuspiciousFileOperation
from django.utils.module_loading import import_string

logger = logging.getLogger("twinpool.static")


class TolerantStorage(ManifestStaticFilesStorage):  # type: ignore[misc]
    """Django's manifest storage that neither fails a build nor answers 500 for a file that is not there.

    `warnings` collects sentences during collectstatic; at run time each name is warned about once, in the log.
    """

    manifest_strict = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.warnings: list[str] = []
        self.missed: set[str] = set()

    def post_process(self, paths: Mapping[str, Any], *args: Any, **kwargs: Any) -> Iterator[tuple[str, Any, Any]]:
        """Django's own, with its exceptions turned into warnings; it would end collectstatic at the first."""
        self.warnings = []
        if kwargs.get("dry_run"):
            return
        # Django goes on after such a file with another one's text, so they never get there.
        plain = {name: place for name, place in paths.items() if self._unreadable(name, *place)}
        rest = {name: place for name, place in paths.items() if name not in plain}
        for name, hashed, processed in super().post_process(rest, *args, **kwargs):
            if isinstance(processed, Exception):
                self._warn(f"{name}: {processed}")
            else:
                yield name, hashed, processed
        for name, (storage, path) in plain.items():
            self._warn(f"{name} is no UTF-8 text; it is served as it is, its references unchanged")
            with storage.open(path) as file:
                hashed = self.hashed_name(name, file)
                file.seek(0)
                if not self.exists(hashed):
                    self._save(hashed, file)
            self.hashed_files[self.hash_key(self.clean_name(name))] = self.clean_name(hashed)
            yield name, hashed, True
        if plain:
            self.save_manifest()

    def url_converter(self, name: str, *args: Any, **kwargs: Any) -> Callable[[Any], str]:
        """Django's converter of references in one file; a reference that leads nowhere stays as it was written."""
        convert = super().url_converter(name, *args, **kwargs)

        def tolerant(found: Any) -> str:
            try:
                return str(convert(found))
            except (ValueError, SuspiciousFileOperation):  # not there, or outside the static files
                self._warn(f"{name} refers to {found['url']}, which is not there")
                return str(found[0])

        return tolerant

    def stored_name(self, name: str) -> str:
        """The hashed name; of a file that is not among the collected ones, the plain name."""
        if self.hash_key(urlsplit(unquote(name)).path.strip()) in self.hashed_files:
            return str(super().stored_name(name))
        if name not in self.missed:
            self.missed.add(name)
            # WhiteNoise's middleware tries each file's name without its `.min`, to see whether that is a hash.
            level = logging.DEBUG if _asked_by("whitenoise") else logging.WARNING
            logger.log(level, "static file %s is not in the manifest (not collected?): its plain name is used", name)
        return name

    def _unreadable(self, name: str, storage: Any, path: str) -> bool:
        if not matches_patterns(path, self._patterns):
            return False
        with storage.open(path) as file:
            try:
                file.read().decode("utf-8")
            except UnicodeDecodeError:
                return True
        return False

    def _warn(self, text: str) -> None:
        # Django passes over each file several times, until references to references settle.
        if text not in self.warnings:
            self.warnings.append(text)


def _asked_by(package: str) -> bool:
    frame = sys._getframe(1)
    while following := frame.f_back:
        frame = following
        if frame.f_globals.get("__name__", "").split(".")[0] == package:
            return True
    return False


def tolerant(own: str, **options: Any) -> Any:
    """The project's own manifest storage, by its dotted name, made tolerant; `options` are its own."""
    storage = import_string(own)
    return type(storage.__name__, (TolerantStorage, storage), {})(**options)
