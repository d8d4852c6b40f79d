import os

from .base import *  # noqa: F403

SITE = "prod"
DEBUG = False
SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "").split(",")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "awkward",
        "OPTIONS": {"application_name": "awkward-board"},
    }
}
