"""The sockets: one pattern, a room."""

from django.urls import path

from board.consumers import RoomConsumer

websocket_urlpatterns = [path("ws/rooms/<slug:slug>/", RoomConsumer.as_asgi())]
