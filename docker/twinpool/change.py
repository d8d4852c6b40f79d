"""One setting of a project that a deployment changes. Made by overlay and its parts, shown by `twinpool check`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MISSING = "(not set)"
_SECRET_NAME = re.compile(r"secret|passw|token|key\b|_key$|credential", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):([^@/\s]+)(?=@)")


@dataclass(frozen=True)
class Change:
    """What the project says, what this deployment uses instead, and why.

    `new` is the value itself and may hold secrets; `project` and `effective` are texts with secrets masked.
    """

    setting: str
    project: str
    effective: str
    why: str
    new: Any

    def __repr__(self) -> str:
        return f"Change({self.setting}: {self.project} -> {self.effective})"


def change(setting: str, old: Any, new: Any, why: str) -> list[Change]:
    """The change as a list of one, or an empty list where nothing changes."""
    if old is not MISSING and old == new:
        return []
    return [Change(setting, show(old, setting), show(new, setting), why, new)]


def show(value: Any, name: str = "") -> str:
    """A value as text, with passwords (by the key's name or inside a URL) replaced by stars."""
    return value if value is MISSING else repr(_masked(value, name))


def _masked(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_masked(item, name) for item in value)
    if isinstance(value, (str, bytes)) and value and _SECRET_NAME.search(name):
        return "***"
    return _URL_PASSWORD.sub(r"\1:***", value) if isinstance(value, str) else value
