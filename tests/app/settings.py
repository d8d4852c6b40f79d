"""The noticeboard's settings on a PostgreSQL and a Redis that the tests start; read by them and by their server."""

import os

from noticeboard.settings import *  # noqa: F403 - a settings module

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "board",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": os.environ["BOARD_POSTGRES_PORT"],
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": f"redis://127.0.0.1:{os.environ['BOARD_REDIS_PORT']}/0"}]},
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, and never outside tests
