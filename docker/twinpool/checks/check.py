"""`twinpool check`: judges the effective settings before a release goes anywhere; refuses what cannot work."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from twinpool.checks import rules_code, rules_settings
from twinpool.checks.findings import Finding, refused, table, warning
from twinpool.environment import Pool, Refusal, last_line
from twinpool.project.loading import Project, load
from twinpool.settings import overlay
from twinpool.settings.change import Change

UNJUDGED = "Could not be judged: "


@dataclass(frozen=True)
class Report:
    """What is wrong, and which settings this deployment changed. `source` says which settings were judged and why."""

    source: str = ""
    findings: list[Finding] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def texts(self, level: str) -> list[str]:
        """The sentences of one level, in the order in which they were found, none twice."""
        return list(dict.fromkeys(one.text for one in self.findings if one.level == level))


def main(argv: list[str]) -> int:
    """Prints the report (JSON with --json); returns 0, or 1 where something is refused."""
    parser = argparse.ArgumentParser(prog="twinpool check", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object: ok, refused, warnings, source, settings")
    options = parser.parse_args(argv)
    report = judge()
    ok = not report.texts("refused")
    print(json.dumps(as_json(report)) if options.json else as_text(report), file=sys.stdout, flush=True)
    return 0 if ok else 1


def judge() -> Report:
    """Loads the project and applies every rule; a project that does not load is one refusal."""
    try:
        project = load()
    except Refusal as refusal:
        return Report(findings=[refused(str(refusal))])
    except Exception as error:
        return Report(findings=[refused(f"The project does not start: {last_line(error)}.")])
    findings = [warning(note) for note in project.notes]
    for rule in (*rules_settings.RULES, *rules_code.RULES):
        # One mistake stops several rules; it is told once.
        findings += [one for one in _applied(rule, project) if not any(_same(one, told) for told in findings)]
    return Report(f"{project.settings_module}, {project.reason}", findings, _changes(project))


def _same(finding: Finding, told: Finding) -> bool:
    cause = finding.text.partition(UNJUDGED)[2]
    return bool(cause) and finding.level == told.level and cause.rstrip(".") in told.text


def _applied(rule: Callable[[Project], Iterable[Finding]], project: Project) -> list[Finding]:
    try:
        return list(rule(project))
    except Exception as error:  # the project's code runs in here: its URLconf, its checks, its models
        return [refused(f"{(rule.__doc__ or rule.__name__).splitlines()[0]} {UNJUDGED}{last_line(error)}.")]


def _changes(project: Project) -> list[Change]:
    """The changes for the table; connections are held differently by the pools, so DATABASES is shown for each."""
    if project.environment.pool is not None:
        return project.changes
    shown = [one for one in project.changes if one.setting != "DATABASES"]
    shape = project.environment.pools
    pools: tuple[Pool, ...] = ("wsgi", "asgi") if shape == "both" else (shape,)
    for pool in pools:
        planned = overlay.plan(project.original, project.environment, os.environ, pool, project.found).changes
        shown += [
            Change(f"{one.setting} ({pool})", one.project, one.effective, one.why, one.new)
            for one in planned
            if one.setting == "DATABASES"
        ]
    return shown


def as_text(report: Report) -> str:
    """For people: what was changed, then what deserves a look, and last, where the eye is, what is refused."""
    bad, dubious = report.texts("refused"), report.texts("warning")
    lines = [f"settings: {report.source}"] if report.source else []
    if report.changes:
        lines += ["changed for this deployment:", *(f"  {line}" for line in table(report.changes)), ""]
    lines += [f"warning  {text}" for text in dubious] + [f"REFUSED  {text}" for text in bad]
    verdict = f"refused: {len(bad)}" if bad else "good"
    return "\n".join([*lines, f"check: {verdict}, warnings: {len(dubious)}"])


def as_json(report: Report) -> dict[str, object]:
    """For programs: the same, whole values, secrets masked."""
    settings = [
        {"setting": one.setting, "project": one.project, "effective": one.effective, "why": one.why}
        for one in report.changes
    ]
    bad = report.texts("refused")
    return {
        "ok": not bad,
        "refused": bad,
        "warnings": report.texts("warning"),
        "source": report.source,
        "settings": settings,
    }
