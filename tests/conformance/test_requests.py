"""Requests that the edge has to refuse or tame before a pool sees them: hosts, paths, sizes, upgrades, framing."""

import pytest

from .site import Site

FOREIGN = [
    "elsewhere.example",
    "{host}.elsewhere.example",
    "elsewhere.example:80",
    "{host}@elsewhere.example",
    "elsewhere.example/{host}",
    "{host} elsewhere.example",
    "x{host}",
]
WHO = "GET /-/probe/who HTTP/1.1"


@pytest.mark.parametrize("host", FOREIGN)
def test_an_unknown_host_is_refused(site: Site, host: str) -> None:
    status = site.raw(WHO, host=host.format(host=site.target.host)).status
    assert status == 0 or 400 <= status < 500, status


def test_no_host_or_two_hosts_are_refused(site: Site) -> None:
    assert site.raw(WHO, host=None).status == 400
    assert site.raw(WHO, f"Host: {site.target.authority}").status == 400


def test_a_whole_url_in_the_request_line_chooses_the_host(site: Site) -> None:
    """RFC 9112, 3.2.2: the Host header beside it counts for nothing, so it must not smuggle a site in either."""
    refused = site.raw("GET http://elsewhere.example/-/probe/who HTTP/1.1").status
    assert refused == 0 or 400 <= refused < 500, refused
    assert site.raw(f"GET {site.target.origin}/-/probe/who HTTP/1.1").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/a/../b",
        "/./a",
        "/a/.",
        "/a/..",
        "//",
        "//a",
        "/a//b",
        "/%2e%2e/a",
        "/a/%2E/b",
        "/a/.%2e/b",
        "/a%2f..%2fb",
        "/a%2f/b",
    ],
)
def test_a_path_that_two_servers_could_read_differently_is_refused(site: Site, path: str) -> None:
    assert site.ask(path).status == 400
    assert site.ask(path + "?x=1").status == 400


@pytest.mark.parametrize("query", ["next=https://elsewhere.example/a", "x=/../..//./", "q=a//b", "?//", "%2e%2e%2f"])
def test_a_query_may_hold_anything(site: Site, query: str) -> None:
    assert site.who(path=f"/-/probe/who?{query}")["pool"] == site.page_pool


UPGRADES = {
    "h2c": ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
    "h2c in another case": ["Connection: upgrade", "Upgrade: H2C"],
    "h2c beside websocket": ["Connection: Upgrade", "Upgrade: h2c, websocket"],
    "another token": ["Connection: Upgrade", "Upgrade: TLS/1.2"],
    "a token that begins alike": ["Connection: Upgrade", "Upgrade: websockets"],
}


@pytest.mark.parametrize("lines", UPGRADES.values(), ids=UPGRADES.keys())
def test_any_other_upgrade_is_ignored(site: Site, lines: list[str]) -> None:
    # `Connection: close` comes too, from raw(): the answer has to be an ordinary one.
    answer = site.raw(WHO, *lines)
    assert answer.status == 200, answer
    assert f'"{site.page_pool}"' in answer.text


def test_an_upgrade_on_an_unsafe_method_opens_no_socket(site: Site) -> None:
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    lines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key, "Content-Length: 0"]
    assert site.raw("POST /-/probe/echo HTTP/1.1", *lines).status not in (0, 101)


def test_http2_that_was_not_agreed_on_is_not_spoken(site: Site) -> None:
    answer = site.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert answer.status == 0 or 400 <= answer.status < 600, answer


def test_an_oversized_body_is_refused_before_it_is_sent(site: Site) -> None:
    beyond = 2 * 1024**3  # above any BODY_LIMIT
    assert site.raw("POST /-/probe/body HTTP/1.1", f"Content-Length: {beyond}").status == 413


@pytest.mark.parametrize("lines", [["X-Large: " + "x" * 20_000], [f"X-{n}: {'x' * 7_000}" for n in range(20)]])
def test_oversized_headers_are_refused(site: Site, lines: list[str]) -> None:
    assert site.raw(WHO, *lines).status in (400, 431, 494)


def test_an_oversized_request_line_is_refused(site: Site) -> None:
    assert site.raw(f"GET /-/probe/who?{'x' * 20_000} HTTP/1.1").status in (400, 414)


FRAMINGS = {
    "two kinds of length": ["Content-Length: 4", "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: 4", "Content-Length: 5"],
    "an unknown coding": ["Transfer-Encoding: xchunked"],
    "a coding before chunked": ["Transfer-Encoding: gzip, chunked"],
    "a length that is none": ["Content-Length: +4"],
    "a negative length": ["Content-Length: -1"],
    "a space before the colon": ["Transfer-Encoding : chunked"],
    "a control character in a name": ["X-\x01: x"],
}


@pytest.mark.parametrize("lines", FRAMINGS.values(), ids=FRAMINGS.keys())
def test_an_ambiguous_framing_is_refused(site: Site, lines: list[str]) -> None:
    status = site.raw("POST /-/probe/body HTTP/1.1", *lines, body=b"0\r\n\r\n").status
    assert 400 <= status < 600, status


def test_after_all_that_the_site_still_answers(site: Site) -> None:
    assert site.who()["pool"] == site.page_pool
