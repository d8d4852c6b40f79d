"""What a visitor of any of the projects sees: the home page, its assets, and a form that a browser would send."""

import asyncio
import re

import pytest

from .client import Answer, ask
from .conftest import Site

pytestmark = pytest.mark.timeout(120)

ASSET = re.compile(rb'(?:href|src)="(/[^"]+\.(?:css|js))"')


def test_the_home_page_comes_with_its_assets(site: Site) -> None:
    page = asyncio.run(ask(site.url, "/", headers=[("Accept", "text/html")]))
    assert page.status == 200, page
    assets = [found.decode() for found in ASSET.findall(page.body)]
    assert assets, page.body
    for path in assets:
        asset = asyncio.run(ask(site.url, path))
        assert asset.status == 200, (path, asset)
        assert re.match(r"text/(css|javascript)", asset.headers["content-type"]), (path, asset)
        assert "immutable" in asset.headers.get("cache-control", ""), (path, asset)


def test_an_asset_that_is_not_there_is_not_remembered(site: Site) -> None:
    page = asyncio.run(ask(site.url, "/"))
    path = ASSET.findall(page.body)[0].decode()
    missing = asyncio.run(ask(site.url, re.sub(r"\.(css|js)$", r".missing.\1", path)))
    assert (missing.status, missing.headers.get("cache-control")) == (404, "no-store")


@pytest.mark.project("plain")
def test_a_form_is_accepted_from_this_origin_and_from_no_other(site: Site) -> None:
    page = asyncio.run(ask(site.url, "/"))
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    assert token, page.body

    def send(origin: str) -> Answer:
        headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Cookie", page.headers["set-cookie"].split(";")[0]),
            ("Origin", origin),
        ]
        form = b"name=Ada&csrfmiddlewaretoken=" + token[1]
        return asyncio.run(ask(site.url, "/", "POST", headers=headers, body=form))

    own = send(site.url)
    assert own.status == 200, own
    assert b"Hello, Ada" in own.body
    assert send("https://elsewhere.example").status == 403
