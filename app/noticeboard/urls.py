"""All URLs: the admin, and the board at the root. Static files only in development."""

from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("board.urls")),
    *staticfiles_urlpatterns(),
]
