"""What a check found, and how it is shown. Made by check and its rules."""

from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from twinpool.settings.change import Change

SHOWN = 60  # characters of a value in the settings table


@dataclass(frozen=True)
class Finding:
    """One sentence: `refused` ends a deployment, `warning` does not."""

    level: Literal["refused", "warning"]
    text: str


def refused(text: str) -> Finding:
    """What cannot work, in one line."""
    return Finding("refused", " ".join(text.split()))


def warning(text: str) -> Finding:
    """What deserves a look, in one line."""
    return Finding("warning", " ".join(text.split()))


def table(changes: list[Change]) -> list[str]:
    """The changed settings in columns, each entry of a mapping on a line of its own."""
    rows = [("setting", "project", "here", "why")]
    for one in changes:
        lines = zip_longest(one.project.splitlines(), one.effective.splitlines(), fillvalue="")
        for number, (before, after) in enumerate(lines):
            first = number == 0
            rows.append((one.setting if first else "", _cut(before), _cut(after), one.why if first else ""))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(row[n].ljust(widths[n]) for n in range(3)), row[3]]).rstrip() for row in rows]


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
