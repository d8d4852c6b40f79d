"""The ASGI entry point: event streams and asynchronous views over HTTP, rooms over WebSocket."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noticeboard.settings")
http = get_asgi_application()

from board.routing import websocket_urlpatterns  # noqa: E402 - it imports models, which exist only now

application = ProtocolTypeRouter(
    {
        "http": http,
        # A page of another site cannot use a visitor's cookies here: its Origin is refused.
        "websocket": AllowedHostsOriginValidator(SessionMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
