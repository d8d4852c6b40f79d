"""What every page may show: which pool and release made it, and whether newcomers may sign up."""

import os

from django.conf import settings


def place() -> dict[str, str]:
    """The pool (`wsgi` or `asgi`; `dev` where no deployment says so) and the release of this process."""
    return {"pool": os.environ.get("TWINPOOL_POOL", "dev"), "release": os.environ.get("TWINPOOL_RELEASE", "")}


def board(request) -> dict:
    return {**place(), "signup": settings.BOARD_SIGNUP}
