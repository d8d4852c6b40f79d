"""A throw-away Django project in a folder, and the commands of the runtime on it. Made by the fixture make_project."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "django-insecure-of-the-project"
DEBUG = True
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.staticfiles"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
USE_TZ = True
"""
URLS = """
from django.http import HttpResponse
from django.urls import path
def home(request):
    return HttpResponse("home")
urlpatterns = [path("", home)]
"""
ENTRY = """
import os
from django.core.{kind} import get_{kind}_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_{kind}_application()
"""
MANAGE = """
import os, sys
if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
FILES = {
    "manage.py": MANAGE,
    "shop/__init__.py": "",
    "shop/settings.py": SETTINGS,
    "shop/urls.py": URLS,
    "shop/wsgi.py": ENTRY.format(kind="wsgi"),
    "shop/asgi.py": ENTRY.format(kind="asgi"),
}
KEY = "x7-only-for-tests-9q2m4w8e6r1t5y3u0i-plo-kjh-gfd-saz-xcv"


@dataclass
class Site:
    """The project at `path`; its processes see only the environment given here."""

    path: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environ(self, **extra: str) -> dict[str, str]:
        """A pool container's environment for this project; an empty value takes a variable away."""
        told = {
            "PATH": os.environ["PATH"],
            "SECRET_KEY": KEY,
            "TWINPOOL_PROJECT": str(self.path),
            "TWINPOOL_STATIC": str(self.path.parent / "static"),
            "TWINPOOL_RUN": str(self.path.parent / "run"),
            "TWINPOOL_HOSTS": "shop.test",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.variables,
            **extra,
        }
        return {name: value for name, value in told.items() if value}

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write files by relative path; None removes one."""
        for name, text in files.items():
            file = self.path / name
            if text is None:
                file.unlink(missing_ok=True)
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode() if isinstance(text, str) else text)

    def module(self, name: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """`python -m NAME ARGUMENTS…` in the project's folder."""
        return self._run(["-m", name, *arguments], extra)

    def twinpool(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """`twinpool ARGUMENTS…` in the project's folder."""
        return self.module("twinpool", *arguments, **extra)

    def python(self, code: str, **extra: str) -> str:
        """What a piece of Python prints, with the loaded project as `project`; fails with its stderr."""
        done = self._run(["-c", f"from twinpool.project.loading import load\nproject = load()\n{code}"], extra)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _run(self, arguments: list[str], extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.path,
            env=self.environ(**extra),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
