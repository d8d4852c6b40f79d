from functools import partial

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path, re_path
from river import classes, pages, streams

urlpatterns = [
    path("", pages.home),
    path("whoami", pages.whoami),
    path("soon", pages.soon),
    path("intake", pages.intake),
    path("members", pages.members),
    path("~status;v=1", lambda request: pages.whoami(request)),
    path("a+b (c)/", pages.soon),
    path("wetter/täglich/<int:year>", pages.export),
    path("ticker.json", streams.ticker),
    path("ticker/fast", partial(streams.ticker, every=0.2)),
    path("queue/connections", pages.connections),
    path("queue/depth", streams.depth),
    path("queue/tail", streams.tail),
    path("channels/<slug:channel>/events", streams.events),
    path("ask", streams.ask),
    re_path(r"^feeds?/(?P<name>[\w.-]+)$", classes.Feed.as_view()),
    path("clock", classes.Clock()),
    path("card/<uuid:key>/", classes.Card.as_view()),
    path("nested/", include("river.nested")),
    path("partner/flip", pages.whoami),
    path("partner/flop", pages.soon),
]
urlpatterns += i18n_patterns(
    path("forecast/", pages.soon),
    path("forecast/live", streams.ticker),
    path("about/", pages.whoami),
)
