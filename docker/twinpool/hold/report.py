"""What a hold measured, as plain values: made from the clients and the tally, judged, printed, written as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from twinpool.hold.held import Held, Move
from twinpool.hold.ledger import Numbers
from twinpool.hold.tally import Tally

# Closes at one server that its spread is judged by alone. Of closes at random moments of the window, fewer than one
# drain in four thousand has 16 within half of it; with 10 it would be one in a hundred.
ENOUGH_AT_ONE_SERVER = 16


@dataclass(frozen=True)
class Moved:
    """How held clients of one kind (sockets or streams) fared. Times are seconds; None where nothing moved."""

    held: int
    moved: int  # clients whose connection ended at least once
    codes: dict[str, int]  # ends by close code; a stream has none, it is ended, cut or silent
    spread: float | None  # from the first end to the last
    tightest: float | None  # the least spread at one server, of those with ENOUGH_AT_ONE_SERVER ends
    first_try: int  # ends after which the first attempt succeeded
    back: int  # ends after which the client came back at all
    away: int  # clients not connected when the hold ended
    silence_median: float | None
    silence_longest: float | None
    refusals: dict[str, int]


@dataclass(frozen=True)
class Report:
    """All that one hold measured; `lost` counts each message once for each client that never got it."""

    url: str
    seconds: float
    rate: float
    window: float
    releases: dict[str, list[str]]
    answered: int
    failed: int
    failures: dict[str, int]  # by phrase
    stale: int
    sockets: Moved
    streams: Moved
    published: int
    lost: int
    lost_by: int  # clients that lost any
    began_again: bool
    pages: int
    broken_pages: dict[str, int]  # at the end: the status by path
    assets: int
    broken_assets: list[str]  # that a page names, and that were not there before either
    missing: int
    missing_assets: dict[str, str]  # by what they answered


def moved(clients: Sequence[Held]) -> Moved:
    """Sums up the ends and returns of clients of one kind."""
    moves = [move for client in clients for move in client.moves]
    silences = sorted(move.back - move.at for move in moves if move.back is not None)
    by_server: dict[str, list[Move]] = {}
    for move in moves:
        by_server.setdefault(move.server, []).append(move)
    spreads = [_spread(group) for group in by_server.values() if len(group) >= ENOUGH_AT_ONE_SERVER]
    return Moved(
        held=len(clients),
        moved=sum(1 for client in clients if client.moves),
        codes=dict(sorted(Counter(move.ending for move in moves).items())),
        spread=_spread(moves) if moves else None,
        tightest=min(spreads) if spreads else None,
        first_try=sum(1 for move in moves if move.tries == 1 and move.back is not None),
        back=len(silences),
        away=sum(1 for client in clients if not client.up),
        silence_median=silences[len(silences) // 2] if silences else None,
        silence_longest=silences[-1] if silences else None,
        refusals=dict(Counter(reason for client in clients for reason in client.refusals if client.moves)),
    )


def lost(clients: Sequence[Held], published: Numbers) -> list[int]:
    """How many published messages each client never got, live or resumed."""
    return [client.got.missing(published) for client in clients]


def report(
    url: str,
    seconds: float,
    rate: float,
    window: float,
    sockets: Sequence[Held],
    streams: Sequence[Held],
    published: Numbers,
    tally: Tally,
    stale: int,
) -> Report:
    """The report of a hold that took so many seconds at so many requests a second."""
    losses = lost([*sockets, *streams], published)
    return Report(
        url=url,
        seconds=round(seconds, 1),
        rate=rate,
        window=window,
        releases=tally.releases,
        answered=tally.answered,
        failed=tally.failed.total(),
        failures=dict(tally.failed),
        stale=stale,
        sockets=moved(sockets),
        streams=moved(streams),
        published=tally.published,
        lost=sum(losses),
        lost_by=sum(1 for count in losses if count),
        began_again=tally.began_again,
        pages=tally.pages,
        broken_pages=tally.broken_pages,
        assets=tally.assets,
        broken_assets=tally.broken_assets,
        missing=len(tally.missing),
        missing_assets=dict(tally.missing),
    )


def _spread(moves: Sequence[Move]) -> float:
    times = [move.at for move in moves]
    return max(times) - min(times)
