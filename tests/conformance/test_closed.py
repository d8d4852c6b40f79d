"""Below /-/ nothing answers from outside but the probes, and those only to the secret."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from .site import EVENTS, Site

ENDPOINTS = ["live", "ready", "metrics"]
# Each has to be refused: nginx or a pool may read it as a path below /-/.
SPELLINGS = [
    "/-/{}",
    "/-/{}/",
    "/-/{}?x=1",
    "/%2d/{}",
    "/%2D/{}",
    "/-%2f{}",
    "/%2d%2f{}",
    "//-/{}",
    "/-//{}",
    "/./-/{}",
    "/-/./{}",
    "/a/../-/{}",
    "/a/%2e%2e/-/{}",
    "/a/..%2f-/{}",
    "/-/probe/../{}",
    "/-/probe/%2e%2e/{}",
    "/-/probe/..%2f{}",
    "/-/probe/who/../../{}",
    "/static/../-/{}",
    "/-/probe/{}",
    "/-/x/../{}",
    "/%2e/-/{}",
    "/-/%2e/{}",
]
# Each is a path of the project's own, whatever that answers: it must only not be the endpoint.
OTHER_PATHS = ["/-;/{}", "/-{}", "/-%00/{}", "/-%5c{}", "/−/{}", "/%252d/{}", "/_/{}", "/-./{}", "/x/-/{}"]  # noqa: RUF001
SIGNS = ["# HELP", "# TYPE", '"ready"', '"degraded"', "twinpool_"]


def assert_closed(text: str) -> None:
    assert not [sign for sign in SIGNS if sign in text], text[:500]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_health_and_metrics_are_closed_in_every_spelling(site: Site, endpoint: str, spelling: str) -> None:
    for accept in [], [EVENTS]:
        answer = site.ask(spelling.format(endpoint), accept)
        assert answer.status in (400, 404), answer
        assert_closed(answer.body.decode(errors="replace"))


@pytest.mark.parametrize("spelling", OTHER_PATHS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_paths_that_only_look_like_it_are_not_the_endpoint(site: Site, endpoint: str, spelling: str) -> None:
    path = spelling.format(endpoint).encode()
    answer = site.send(
        b"GET " + path + b" HTTP/1.1\r\nHost: " + site.target.authority.encode() + b"\r\nConnection: close\r\n\r\n"
    )
    assert_closed(answer.text.partition("\r\n\r\n")[2])


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_another_case_or_a_whole_url_opens_nothing(site: Site, endpoint: str) -> None:
    origin = site.target.origin
    for path in (f"/-/{endpoint.upper()}", f"{origin}/-/{endpoint}", f"{origin}/a/../-/{endpoint}"):
        answer = site.raw(f"GET {path} HTTP/1.1")
        assert answer.status in (400, 404), answer
        assert_closed(answer.text)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_method_opens_them(site: Site, endpoint: str, method: str) -> None:
    assert 400 <= site.ask(f"/-/{endpoint}", method=method, body=b"x" if method != "HEAD" else None).status < 500


@pytest.mark.parametrize("path", ["/-/live", "/-/metrics", "/-/probe/../metrics", "/-/probe/nothing", "/-/"])
def test_an_upgrade_does_not_open_them_either(site: Site, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(site.socket(path=path))
    assert 400 <= refused.value.response.status_code < 500


@pytest.mark.parametrize("accept", [[], [EVENTS]], ids=["pages", "streams"])
@pytest.mark.parametrize("probe", ["who", "echo", "stream", "publish", "body", "slow", "body?hop=1", "slow?seconds=9"])
def test_a_wrong_secret_looks_like_a_path_that_is_not_there(
    site: Site, probe: str, accept: list[tuple[str, str]]
) -> None:
    def looks(path: str, secret: str | None) -> tuple[int, bytes, dict[str, str]]:
        method, body = ("POST", b"{}") if probe.startswith(("publish", "body")) else ("GET", None)
        answer = site.ask(
            path, [*accept, *([("X-Twinpool-Probe", secret)] if secret is not None else [])], method, body
        )
        return answer.status, answer.body, {n: v for n, v in answer.headers if n not in ("date", "x-request-id")}

    nothing = looks("/-/probe/nothing", "wrong")
    assert nothing[0] == 404
    for secret in ("wrong", "", site.secret[:-1], site.secret + "x", site.secret.swapcase()):
        assert looks(f"/-/probe/{probe}", secret) == nothing
    assert looks("/-/probe/nothing", site.secret) == nothing


def test_without_any_secret_it_is_the_same_404(site: Site) -> None:
    answers = [
        site.send(
            f"GET /-/probe/{name} HTTP/1.1\r\nHost: {site.target.authority}\r\nConnection: close\r\n\r\n".encode()
        )
        for name in ("who", "nothing")
    ]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].text.partition("\r\n\r\n")[2] == answers[1].text.partition("\r\n\r\n")[2]
