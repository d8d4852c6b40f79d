from .base import *  # noqa: F403
from .base import BASE_DIR

SITE = "dev"
DEBUG = True
SECRET_KEY = "only for the developer's own machine"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
