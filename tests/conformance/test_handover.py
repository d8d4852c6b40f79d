"""A request that reached the wrong pool is handed to the other one, body intact; nobody outside decides that."""

import hashlib
import random

import pytest

from .site import EVENTS, Headers, Site

SIZES = [0, 1, 1_000, 65_536, 1_000_000, 5_000_000]
WAYS = {"from the pool of pages": [], "from the pool of streams": [EVENTS]}
FORGED = [
    [("X-Twinpool-Hop", "view")],
    [("X-Twinpool-Hop", "stream")],
    [("X-Twinpool-May-Hop", "no")],
    [("X-Twinpool-May-Hop", "yes"), ("X-Twinpool-Hop", "view"), ("X-Accel-Redirect", "@hop-asgi")],
    [("X_Twinpool_Hop", "view"), ("x-twinpool-hop", "stream")],
]


def body(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def sent(site: Site, path: str, method: str, content: bytes, headers: Headers) -> str:
    """Sends a body and sees that it arrived whole; the pool that it reached."""
    answer = site.ask(path, headers, method, content)
    assert answer.status == 200, answer
    said = answer.json()
    assert said["length"] == len(content)
    assert said["sha256"] == hashlib.sha256(content).hexdigest()
    return str(said["pool"])


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("headers", WAYS.values(), ids=WAYS.keys())
def test_a_body_arrives_whole(site: Site, headers: Headers, size: int, method: str) -> None:
    pool = site.event_pool if headers else site.page_pool
    assert sent(site, "/-/probe/body", method, body(size), headers) == pool


@pytest.mark.pools("both")
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("headers", WAYS.values(), ids=WAYS.keys())
def test_a_body_is_handed_over_whole(site: Site, headers: Headers, size: int, method: str) -> None:
    other = site.page_pool if headers else site.event_pool
    assert sent(site, "/-/probe/body?hop=1", method, body(size), headers) == other


@pytest.mark.parametrize("path", ["/-/probe/body", "/-/probe/body?hop=1"])
def test_a_body_without_a_length_arrives_whole(site: Site, path: str) -> None:
    content = body(100_000)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in (content[n : n + 7_000] for n in range(0, 100_000, 7_000)))
    answer = site.raw(f"POST {path} HTTP/1.1", "Transfer-Encoding: chunked", body=chunks + b"0\r\n\r\n")
    assert answer.status == 200, answer
    assert hashlib.sha256(content).hexdigest() in answer.text


@pytest.mark.pools("wsgi", "asgi")
def test_with_one_pool_there_is_nobody_to_hand_over_to(site: Site) -> None:
    assert sent(site, "/-/probe/body?hop=1", "POST", b"x", []) == site.page_pool


@pytest.mark.parametrize("forged", FORGED, ids=lambda forged: ", ".join(": ".join(header) for header in forged))
def test_forged_hop_headers_have_no_effect(site: Site, forged: list[tuple[str, str]]) -> None:
    for headers in WAYS.values():
        plain, with_forged = site.who(*headers), site.who(*headers, *forged)
        assert with_forged["pool"] == plain["pool"]
        assert with_forged["hop"] == plain["hop"]
        reached = [sent(site, "/-/probe/body?hop=1", "POST", b"body", more) for more in (headers, [*headers, *forged])]
        assert reached[0] == reached[1]
