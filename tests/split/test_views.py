"""Every view on the default table: the pool that answers is the one that Django's own test of the callback names."""

import asyncio
import hashlib

import pytest

from .client import CSRF, Answer, ask, ask_all
from .conftest import Site, View

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ACCEPTS = ("*/*", "text/html", "text/event-stream")
BODIES = {"0 B": b"", "10 kB": b"ten kilobytes.\n\x00\xff" * 589, "2 MB": bytes(range(256)) * 8192}

AT_ONCE = 3  # below the number of synchronous streams that one WSGI process allows itself: half of its 8 threads

pytestmark = pytest.mark.timeout(300)


def asked(
    site: Site, view: View, method: str, accept: str, body: bytes = b"", chunked: bool = False
) -> dict[str, object]:
    """What a browser or a client with a session would send; the token is for views that check one."""
    headers = [
        ("Accept", accept),
        ("Content-Type", "application/octet-stream"),
        ("Referer", f"{site.url}/"),
        *CSRF.items(),
    ]
    ends = not view.coroutine and view.name not in site.project.async_streams  # dropped, it would hold its thread on
    return {"path": view.path, "method": method, "headers": headers, "body": body, "chunked": chunked, "ends": ends}


def refused(site: Site, view: View, method: str, answer: Answer) -> bool:
    """The WSGI pool's answer to an unsafe method, where a synchronous view came with an asynchronous stream."""
    unsafe = method not in ("GET", "HEAD", "OPTIONS")
    return view.name in site.project.async_streams and unsafe and (answer.status, answer.pool) == (500, "wsgi")


def test_the_pool_is_the_one_that_the_callback_names(site: Site, view: View) -> None:
    methods = (*METHODS, *site.project.methods.get(view.name, ()))
    tried = [asked(site, view, method, accept) for method in methods for accept in ACCEPTS]
    answers = asyncio.run(ask_all(site.url, tried, at_once=AT_ONCE))
    wrong = [
        f"{one['method']} with Accept: {one['headers'][0][1]} got {answer.status} from {answer.pool}"  # type: ignore[index]
        for one, answer in zip(tried, answers, strict=True)
        if not refused(site, view, str(one["method"]), answer)
        and (answer.pool not in site.pool_of(view, str(one["method"])) or answer.status >= 500)
    ]
    assert not wrong, f"{view.name} (coroutine function: {view.coroutine}):\n" + "\n".join(wrong)


@pytest.mark.parametrize("size", BODIES)
def test_a_body_arrives_whole(site: Site, view: View, size: str) -> None:
    body = BODIES[size]
    digest = hashlib.sha256(body).hexdigest()
    tried = [asked(site, view, method, accept, body) for method in ("POST", "PUT") for accept in ACCEPTS]
    tried += [asked(site, view, "POST", "*/*", body, chunked=True)]
    wrong = []
    for one, answer in zip(tried, asyncio.run(ask_all(site.url, tried, at_once=AT_ONCE)), strict=True):
        method = str(one["method"])
        if refused(site, view, method, answer):
            continue
        got = answer.facts() if answer.status == 200 and not site.project.is_silent(view.name) else None
        silent = answer.status < 500 and (answer.status == 405 or site.project.is_silent(view.name))
        whole = got is not None and (got["length"], got["sha256"]) == (len(body), digest)
        if answer.pool not in site.pool_of(view, method) or not (silent or whole):
            wrong.append(f"{method} with Accept: {one['headers'][0][1]} got {answer.status} from {answer.pool}: {got}")  # type: ignore[index]
    assert not wrong, f"{view.name}, {len(body)} bytes:\n" + "\n".join(wrong)


@pytest.mark.parametrize("accept", ACCEPTS)
def test_a_path_that_leads_to_no_view_stays_where_it_is(site: Site, accept: str) -> None:
    answer = asyncio.run(ask(site.url, "/no/such/page", headers=[("Accept", accept)]))
    by_protocol = "asgi" if accept == "text/event-stream" else "wsgi"
    assert (answer.status, answer.pool) == (404, by_protocol if site.pools == "both" else site.pools)
