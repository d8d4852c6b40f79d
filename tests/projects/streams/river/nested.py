from django.urls import include, path, re_path
from river import pages, streams

urlpatterns = [
    path("", pages.whoami),
    path("<path:rest>/stream", streams.ticker),
    re_path(r"^(?:v1|v2)/", include([re_path(r"^(\d{2,4})\.(json|txt)$", pages.soon)])),
]
