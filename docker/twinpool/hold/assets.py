"""Finds the stylesheets, scripts and images that a page of the site names. Read by pages."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from twinpool.hold.target import Target

MOST_ASSETS = 30  # of one page
RELATIONS = {"stylesheet", "icon", "preload", "modulepreload", "manifest", "apple-touch-icon"}
_HASHED = re.compile(r"[.-][0-9a-f]{8,64}\.")


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "base" and not self.base:
            self.base = given.get("href") or ""
        elif tag == "link" and RELATIONS & set((given.get("rel") or "").lower().split()):
            self.found.append(given.get("href") or "")
        elif tag in ("script", "img"):
            self.found.append(given.get("src") or "")


def assets(page: str, html: str, target: Target) -> list[str]:
    """The paths (with query) that a page's HTML names on its own origin, in order, each once, at most MOST_ASSETS.

    `page` is the path it was asked for by, against which relative names are read.
    """
    finder = _Finder()
    finder.feed(html)
    base = urljoin(target.origin + page, finder.base)
    paths = []
    for name in finder.found:
        try:
            parts = urlsplit(urljoin(base, name.strip()))
        except ValueError:
            continue
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        own = f"{parts.scheme}://{parts.netloc}" == target.origin
        if name and own and path.isascii() and path.isprintable() and " " not in path and not path.startswith("/-/"):
            paths.append(path)
    return list(dict.fromkeys(paths))[:MOST_ASSETS]


def hashed(path: str) -> bool:
    """Whether a name carries a hash of its content, so that it has to stay after the page that named it has changed."""
    return bool(_HASHED.search(path.rpartition("/")[2]))
