"""What each project needs said, beside what its URLconf says; read by conftest.py.

A new project is a new line here; a new view of a project needs none.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Project:
    """`silent` names the views whose answer does not say which body arrived, as patterns of fnmatch.

    `async_streams` names the synchronous views that answer with an asynchronous stream: to safe methods, or to all.
    """

    folder: str
    settings: str
    urlconfs: tuple[str, ...] = ()
    silent: tuple[str, ...] = ("django.*",)
    async_streams: dict[str, str] = field(default_factory=dict)
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return ROOT / self.folder

    def is_silent(self, view: str) -> bool:
        return any(fnmatch(view, pattern) for pattern in self.silent)


PROJECTS = {
    "app": Project("app", "noticeboard.settings", silent=("*",)),
    "plain": Project("tests/projects/plain", "plain.settings", silent=("django.*", "pages.views.home")),
    "awkward": Project(
        "tests/projects/awkward",
        "config.settings.prod",
        silent=("django.*", "board.views.index", "board.views.add", "board.views.entry"),
    ),
    "streams": Project(
        "tests/projects/streams",
        "streams.settings",
        urlconfs=("streams.partner_urls",),
        silent=("river.pages.home", "river.pages.members"),
        async_streams={"river.streams.events": "safe", "river.streams.ask": "any"},
        methods={"river.classes.Feed": ("REPORT",)},
    ),
}
