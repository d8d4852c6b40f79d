"""The receipt: a report in about twelve lines that a stranger understands, and the same as JSON. Printed by hold."""

import json
from dataclasses import asdict
from typing import Any

from twinpool.hold.judgement import judge
from twinpool.hold.report import Moved, Report

WIDTH = 16


def receipt(report: Report) -> str:
    """The lines to print; the last one is the verdict with its reasons."""
    sockets, streams = report.sockets, report.streams
    reasons = judge(report)
    lines = [
        ("receipt of", f"{report.url}, held for {report.seconds:g} s"),
        ("release", _releases(report.releases)),
        (
            "requests",
            f"{report.answered} answered, {report.failed} failed, {report.stale} stale (connection closed, sent again)",
        ),
        ("sockets moved", _moved(sockets, "closed with")),
        ("spread", _spread(sockets, report.window)),
        ("sockets back", _back(sockets)),
        ("streams moved", _moved(streams, "")),
        ("streams back", _back(streams)),
        ("messages", f"{report.published} published to {sockets.held + streams.held} clients, {report.lost} lost"),
        ("pages", f"{report.pages} answers, measured against those from before{_broken(report)}"),
        ("assets", f"{report.assets} answers, {report.missing} missing{_never_there(report.broken_assets)}"),
        ("verdict", f"RED: {'; '.join(reasons)}" if reasons else "GREEN: nothing failed, nothing was lost"),
    ]
    return "\n".join(f"{name:<{WIDTH}}{text}" for name, text in lines)


def as_json(report: Report) -> str:
    """The report with its verdict as JSON; the times are seconds."""
    reasons = judge(report)
    return _json("red" if reasons else "green", reasons, asdict(report))


def could_not_run(reason: str) -> str:
    """The same file where nothing could be judged, so that whoever waits for it need not wait longer."""
    return _json("could not run", [reason], {})


def _json(verdict: str, reasons: list[str], figures: dict[str, Any]) -> str:
    return json.dumps({"verdict": verdict, "reasons": reasons, **figures}, indent=2) + "\n"


def _broken(report: Report) -> str:
    """A page that was broken before, or at a first deploy, is no failure of the change, and yet what one must know."""
    told = ", ".join(f"{path} {status}" for path, status in report.broken_pages.items())
    return f"; BROKEN: {told}, see make logs" if told else ""


def _never_there(assets: list[str]) -> str:
    more = f" and {len(assets) - 1} more" if len(assets) > 1 else ""
    return f"; BROKEN, and so before: {assets[0]}{more}" if assets else ""


def _releases(releases: dict[str, list[str]]) -> str:
    return ", ".join(f"{pool} {' → '.join(seen)}" for pool, seen in sorted(releases.items())) or "not asked"


def _moved(held: Moved, how: str) -> str:
    if not held.held:
        return "none held"
    if not held.moved:
        return f"0 of {held.held}"
    ends = ", ".join(f"{how} {end} x{count}".strip() for end, count in held.codes.items())
    return f"{held.moved} of {held.held}, {ends}"


def _spread(sockets: Moved, window: float) -> str:
    if sockets.spread is None:
        return "nothing moved"
    tight = sockets.tightest
    narrower = f", {tight:.1f} s at one server" if tight is not None and tight < sockets.spread - 0.1 else ""
    return f"closes over {sockets.spread:.1f} s of a window of {window:g} s{narrower}"


def _back(held: Moved) -> str:
    if held.silence_median is None or held.silence_longest is None:
        return "none had to come back" if not held.moved else "none came back"
    tries = f"{held.first_try} of {sum(held.codes.values())} at the first try"
    return f"{tries}, silent for {held.silence_longest:.2f} s at most, {held.silence_median:.2f} s in the median"
