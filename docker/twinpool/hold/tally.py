"""What requests, publishes and pages of a hold count while it runs. Written by load and pages, read by the report."""

from collections import Counter
from dataclasses import dataclass, field

MOST_REASONS = 50  # kinds of failure told apart; beyond it they are counted as one
MOST_MISSING = 200  # assets named


@dataclass
class Tally:
    """Counts; `failed` by phrase, `missing` asset by what it answered, `releases` in the order they were seen."""

    answered: int = 0
    published: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    releases: dict[str, list[str]] = field(default_factory=dict)
    pages: int = 0
    broken_pages: dict[str, int] = field(default_factory=dict)  # in the last round: the status by path
    assets: int = 0
    broken_assets: list[str] = field(default_factory=list)  # named by a page, and not there before either
    missing: dict[str, str] = field(default_factory=dict)
    began_again: bool = False

    def fail(self, reason: str) -> None:
        """Counts one failed request under its phrase."""
        known = reason in self.failed or len(self.failed) < MOST_REASONS
        self.failed[reason if known else "failed in yet another way"] += 1

    def miss(self, asset: str, what: str) -> None:
        """Notes that an asset was missing; one name counts once, however often it was asked for."""
        if len(self.missing) < MOST_MISSING:
            self.missing.setdefault(asset, what)

    def saw(self, pool: str, release: str) -> None:
        """Notes which release of a pool answered."""
        seen = self.releases.setdefault(pool, [])
        if release not in seen and len(seen) < 10:
            seen.append(release)
