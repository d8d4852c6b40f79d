"""Green or red: what a report has to say for a deploy to stand (contract 14). Read by the receipt and by the deploy."""

from twinpool.hold.report import Moved, Report

SERVICE_RESTART = "1012"  # the code that the drain closes with; any other one says that a socket ended by accident
ENOUGH = 8  # sockets that have to move before their spread says anything


def judge(report: Report) -> list[str]:
    """The reasons why a report is red; none where it is green. Stale requests and late returns are no reasons."""
    reasons = []
    if report.failed:
        reasons.append(f"{report.failed} failed ({_named(report.failures)})")
    reasons += _sockets(report.sockets, report.window)
    reasons += _streams(report.streams)
    # Without clients nobody missed anything: a release without an ASGI pool numbers for itself.
    if report.began_again and report.sockets.held + report.streams.held:
        reasons.append("message numbers began again: the layer's Redis lost its data, or each process counts alone")
    if report.lost:
        reasons.append(f"{report.lost} messages lost by {report.lost_by} clients")
    if report.missing:
        reasons.append(f"{report.missing} assets missing ({_first(report.missing_assets)})")
    return reasons


def _sockets(sockets: Moved, window: float) -> list[str]:
    reasons = []
    if wrong := {code: count for code, count in sockets.codes.items() if code != SERVICE_RESTART}:
        reasons.append(f"sockets closed with {_codes(wrong)} instead of {SERVICE_RESTART}")
    closes = sum(sockets.codes.values())
    spreads = [sockets.spread if closes >= ENOUGH else None, sockets.tightest]
    narrow = min((spread for spread in spreads if spread is not None), default=window)
    if narrow < window / 2:
        reasons.append(f"{closes} closes within {narrow:.1f} s, less than half the window of {window:g} s")
    if sockets.away:
        reasons.append(f"{sockets.away} sockets did not come back{_because(sockets)}")
    return reasons


def _streams(streams: Moved) -> list[str]:
    reasons = []
    if wrong := {how: count for how, count in streams.codes.items() if how != "ended"}:
        reasons.append("streams " + ", ".join(f"{how} x{count}" for how, count in wrong.items()))
    if streams.away:
        reasons.append(f"{streams.away} streams did not come back{_because(streams)}")
    return reasons


def _because(held: Moved) -> str:
    return f" ({_named(held.refusals)})" if held.refusals else ""


def _named(counts: dict[str, int], most: int = 3) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    more = f", {len(ordered) - most} kinds more" if len(ordered) > most else ""
    return ", ".join(f"{reason} x{count}" for reason, count in ordered[:most]) + more


def _codes(codes: dict[str, int]) -> str:
    said = {"1006": "1006 (no close frame)", "1005": "1005 (a close frame without a code)"}
    return ", ".join(f"{said.get(code, code)} x{count}" for code, count in codes.items())


def _first(missing: dict[str, str], most: int = 2) -> str:
    named = [f"{asset} answered {what}" for asset, what in missing.items()]
    return ", ".join(named[:most]) + (f", {len(named) - most} more" if len(named) > most else "")
