"""Serves the collected static files from either pool. See collect for how they are made."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from whitenoise.base import WhiteNoise

from twinpool.project.loading import Project

HASHED = re.compile(r"\.[0-9a-f]{8,32}(?=\.[^./]+$|$)")
PLAIN_SECONDS = 60  # what a browser may keep a file whose name does not change with its content


class StaticFiles:
    """The files below STATIC_URL, found once at start: the image does not change while it runs."""

    def __init__(self, root: Path, prefix: str) -> None:
        self.prefix = prefix
        self._files = WhiteNoise(None, max_age=PLAIN_SECONDS, immutable_file_test=_is_hashed)
        self._files.add_files(str(root), prefix)

    @classmethod
    def for_project(cls, project: Project) -> "StaticFiles | None":
        """The project's static files; None where it has none, or where they are served by another site."""
        from django.conf import settings

        prefix = urlsplit(settings.STATIC_URL or "").path
        root = Path(settings.STATIC_ROOT or "")
        # With STATIC_URL "/" every page would count as a static file that is missing.
        if not settings.STATIC_ROOT or not root.is_dir() or not prefix.strip("/"):
            return None
        return cls(root, prefix)

    def find(self, path: str) -> Any | None:
        """WhiteNoise's file for a decoded path such as /static/a.css; None if there is none."""
        return self._files.files.get(path)

    def below(self, path: str) -> bool:
        """Whether a path lies below STATIC_URL, so that a 404 there must not be cached."""
        return path.startswith(self.prefix)


def _is_hashed(path: str, url: str) -> bool:
    """Whether a name changes with its content: it holds a hash, and the file without that hash lies beside it."""
    plain = HASHED.sub("", path)
    return plain != path and os.path.exists(plain)
