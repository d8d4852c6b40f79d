"""Which pool answers what, by protocol."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from .site import EVENTS, Site


def test_ordinary_requests_go_to_the_pool_of_pages(site: Site) -> None:
    who = site.who()
    assert who["pool"] == site.page_pool
    assert who["scheme"] == site.target.scheme
    assert who["release"]


@pytest.mark.parametrize("accept", ["text/event-stream", "TEXT/Event-Stream", "text/html, text/event-stream;q=0.9"])
def test_requests_for_an_event_stream_go_to_the_pool_of_streams(site: Site, accept: str) -> None:
    who = site.who(("Accept", accept))
    assert who["pool"] == site.event_pool
    assert who["scheme"] == site.target.scheme


@pytest.mark.parametrize("accept", ["*/*", "text/*", "text/event-streams", "x-text/event-stream", "text/html", ""])
def test_what_only_looks_like_it_does_not(site: Site, accept: str) -> None:
    assert site.who(("Accept", accept))["pool"] == site.page_pool


def test_both_pools_run_one_release(site: Site) -> None:
    assert site.who()["release"] == site.who(EVENTS)["release"]


@pytest.mark.pools("wsgi")
def test_without_the_asgi_pool_a_socket_is_refused_with_the_reason(site: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(site.socket())
    answer = refused.value.response
    assert 400 <= answer.status_code < 500
    assert b"wsgi" in (answer.body or b"").lower()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_gets_an_answer(site: Site, method: str) -> None:
    body = None if method in ("GET", "HEAD") else b"{}"
    assert site.ask("/-/probe/who", method=method, body=body).status < 500
