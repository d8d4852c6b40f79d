"""Who asks, how, and under which id: what the pools believe is what the edge saw, whatever the request claims."""

import re

import pytest

from .site import EVENTS, Site

WELL_FORMED = ["0123456789abcdef0123456789abcdef", "3f2c8a52-5c0e-4a43-9f3e-0c9d6f2c8a52", "trace_1.part-2"]
MALFORMED = [
    "two words here",
    "x" * 200,
    '"quoted-value"',
    "<script>alert(1)</script>",
    "{curly}-value",
    "semi;colon;x",
    "",
]
FORGED = [
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Real-IP", "203.0.113.7"),
    ("Forwarded", "for=203.0.113.7;proto=ftp;host=elsewhere.example"),
    ("X-Forwarded-Host", "elsewhere.example"),
    ("X-Forwarded-Port", "1"),
    ("X-Twinpool-Edge", "elsewhere"),
    ("X_Forwarded_For", "203.0.113.7"),
    ("X_Real_IP", "203.0.113.7"),
]
POOLS = pytest.mark.parametrize("accept", [[], [EVENTS]], ids=["pages", "streams"])


@POOLS
def test_forged_addresses_and_schemes_have_no_effect(site: Site, accept: list[tuple[str, str]]) -> None:
    other = "https" if site.target.scheme == "http" else "http"
    scheme = [("X-Forwarded-Proto", other), ("X-Forwarded-Scheme", other), ("X-Forwarded-Ssl", "on")]
    plain, forged = site.who(*accept), site.who(*accept, *FORGED, *scheme)
    for claim in ("remote", "scheme", "pool", "hop"):
        assert forged[claim] == plain[claim]
    assert forged["scheme"] == site.target.scheme
    assert "203.0.113.7" not in str(forged)


@POOLS
def test_both_pools_see_one_address(site: Site, accept: list[tuple[str, str]]) -> None:
    assert re.fullmatch(r"[0-9a-f.:]+", str(site.who(*accept)["remote"]))
    assert site.who(*accept)["remote"] == site.who()["remote"]


@POOLS
@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_well_formed_request_id_is_kept(site: Site, name: str, accept: list[tuple[str, str]]) -> None:
    answer = site.ask("/-/probe/who", [*accept, ("X-Request-ID", name)])
    assert answer.json()["request_id"] == name
    assert [value for key, value in answer.headers if key == "x-request-id"] == [name]


@POOLS
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_id_is_replaced(site: Site, name: str, accept: list[tuple[str, str]]) -> None:
    answer = site.ask("/-/probe/who", [*accept, ("X-Request-ID", name)])
    made = answer.json()["request_id"]
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,128}", made)
    assert made != name
    assert [value for key, value in answer.headers if key == "x-request-id"] == [made]


def test_each_request_gets_an_id_of_its_own(site: Site) -> None:
    made = {str(site.who()["request_id"]) for _ in range(5)}
    assert len(made) == 5
