"""The URLs that river.middleware.partner_urls chooses below /partner/; two differ in nature from the root's."""

from django.urls import path
from river import pages, streams

urlpatterns = [
    path("partner/flip", pages.soon),
    path("partner/flop", pages.whoami),
    path("partner/live", streams.ticker),
    path("partner/page", pages.whoami),
]
