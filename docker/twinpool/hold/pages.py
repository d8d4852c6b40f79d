"""The site's own pages and their assets, asked for again and again and measured against what they answered before."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from twinpool.hold.assets import assets, hashed
from twinpool.hold.client import Answer, Client
from twinpool.hold.connection import TransportError
from twinpool.hold.tally import Tally

ROUND_SECONDS = 2.0  # between two rounds over all pages
ASSET_SECONDS = 0.05  # between two assets: at most 20 a second, so that a page with many is no load test
WHOLE_SECONDS = 20  # for the measure before, and for the round at the end; the deploy waits for both
MOST_KEPT = 300  # assets asked for again in each round
MOST_REDIRECTS = 3
UNREACHED = 0
BROKEN = 2


@dataclass
class Pages:
    """The pages of one hold. `before` is each page's status at the start, `broken` the assets missing then."""

    client: Client
    tally: Tally
    paths: tuple[str, ...]
    before: dict[str, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    kept: dict[str, None] = field(default_factory=dict)

    async def measure(self) -> None:
        """Asks for every page and asset once, before anything changes; what is broken then is nobody's fault later.

        What is not answered within WHOLE_SECONDS counts as broken.
        """
        self.before = dict.fromkeys(self.paths, UNREACHED)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WHOLE_SECONDS):
                for path in self.paths:
                    answer, named = await self._page(path)
                    self.before[path] = answer.status if answer else UNREACHED
                    self.kept.update(dict.fromkeys(named))
                await self._measure(list(self.kept))

    async def run(self, stop: asyncio.Event) -> None:
        """Asks in rounds until `stop`, and one whole round after it."""
        rounds = asyncio.create_task(self._rounds())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([rounds, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            rounds.cancel()
            stopped.cancel()
            await asyncio.gather(stopped, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError):
            await rounds
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                await self.round()
        except TimeoutError:
            self.tally.fail(f"pages and assets took more than {WHOLE_SECONDS:g} s at the end")

    async def _measure(self, named: list[str]) -> None:
        self.broken.update(named)
        for asset in named:
            await asyncio.sleep(ASSET_SECONDS)
            with contextlib.suppress(TransportError):
                if (await self.client.get(asset)).status == 200:
                    self.broken.discard(asset)

    async def _rounds(self) -> None:
        while True:
            await self.round()
            await asyncio.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """Every page once, the assets that it names now, and the hashed ones that it named before."""
        current: dict[str, None] = {}
        for path in self.paths:
            answer, named = await self._page(path, count=True)
            self.tally.broken_pages.pop(path, None)
            if answer and _rank(answer.status) == BROKEN:
                self.tally.broken_pages[path] = answer.status
            if answer and _rank(answer.status) > _rank(self.before[path]):
                self.tally.fail(f"GET {path} answered {answer.status}, {self.before[path]} before")
            if answer and _rank(self.before[path]) == BROKEN:
                # What it named before nobody knows, so this is the measure of what nobody has.
                await self._measure([asset for asset in named if asset not in self.kept])
            current.update(dict.fromkeys(named))
        self.kept = dict.fromkeys([*current, *filter(hashed, self.kept)][:MOST_KEPT])
        self.tally.broken_assets = [asset for asset in self.kept if asset in self.broken]
        for asset in list(self.kept):
            await asyncio.sleep(ASSET_SECONDS)
            await self._asset(asset)

    async def _page(self, path: str, count: bool = False) -> tuple[Answer | None, list[str]]:
        """The answer, after redirects within the site, and the assets that it names."""
        for _ in range(MOST_REDIRECTS + 1):
            try:
                answer = await self.client.get(path)
            except TransportError as error:
                if count:
                    self.tally.fail(f"GET {path}: {error}")
                return None, []
            self.tally.pages += count
            onward = self._onward(path, answer)
            if onward is None:
                break
            path = onward
        is_html = (answer.header("content-type") or "").startswith("text/html")
        html = answer.body.decode(errors="replace") if is_html else ""
        return answer, assets(path, html, self.client.target)

    def _onward(self, path: str, answer: Answer) -> str | None:
        location = answer.header("location")
        if not 300 <= answer.status < 400 or not location:
            return None
        with contextlib.suppress(ValueError):
            parts = urlsplit(urljoin(self.client.target.origin + path, location))
            if f"{parts.scheme}://{parts.netloc}" == self.client.target.origin and not parts.path.startswith("/-/"):
                return parts.path + (f"?{parts.query}" if parts.query else "")
        return None

    async def _asset(self, asset: str) -> None:
        if asset in self.broken:
            return
        try:
            answer = await self.client.get(asset)
        except TransportError as error:
            self.tally.fail(f"GET an asset: {error}")
            return
        self.tally.assets += 1
        if answer.status != 200:
            self.tally.miss(asset, str(answer.status))


def _rank(status: int) -> int:
    """How well a page answered: 0 well, 1 refused, 2 broken. A change within a rank is the project's own business."""
    return 0 if 200 <= status < 400 else 1 if 400 <= status < 500 else BROKEN
