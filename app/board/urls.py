"""The pages, the stream and the accounts."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from board.views import account, archive, glance, home, rooms, stream

urlpatterns = [
    path("", home.home, name="home"),
    path("notices/stream/", stream.stream, name="stream"),
    path("rooms/", rooms.rooms, name="rooms"),
    path("rooms/<slug:slug>/", rooms.room, name="room"),
    path("archive/", archive.archive, name="archive"),
    path("glance/", glance.glance, name="glance"),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("accounts/signup/", account.sign_up, name="signup"),
]
