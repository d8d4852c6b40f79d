from board import views
from django.conf import settings
from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("", views.index),
    path("entries/", views.add, name="add"),
    path("entries/<int:pk>/", views.entry),
    path("whoami", views.whoami),
    path("wait", views.wait),
    path("admin/", admin.site.urls),
]

if settings.DEBUG:
    urlpatterns += [path("only-in-dev", views.whoami)]
