"""One setting of a project that a deployment changes. Made by overlay and its parts, shown by `twinpool check`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MISSING = "(not set)"
_SECRET_NAME = re.compile(r"secret|passw|token|key\b|_key$|credential", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):([^@/\s]+)(?=@)")


@dataclass(frozen=True)
class Change:
    """What the project says, what this deployment uses instead, and why.

    `new` is the value itself and may hold secrets. `project` and `effective` are texts with secrets masked, of a
    mapping only the entries that differ, a line each (`default.HOST: 'db'`), the same entries in both.
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
    if old == new:
        return []
    if isinstance(new, Mapping):
        before, after = _leaves(old if isinstance(old, Mapping) else {}), _leaves(new)
        paths = [path for path in {**before, **after} if before.get(path, MISSING) != after.get(path, MISSING)]
        return [Change(setting, _entries(before, paths), _entries(after, paths), why, new)]
    if _extends(old, new):
        added = ", ".join(show(one, setting) for one in new[len(old) :])
        return [Change(setting, f"{len(old)} entries", f"and last {added}", why, new)]
    return [Change(setting, show(old, setting), show(new, setting), why, new)]


def show(value: Any, name: str = "") -> str:
    """A value as text, with passwords (by the key's name or inside a URL) replaced by stars."""
    return MISSING if value is MISSING else repr(_masked(value, name))


def _leaves(value: Mapping[Any, Any], path: str = "") -> dict[str, Any]:
    """The entries of nested mappings by dotted path."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        inner = isinstance(item, Mapping) and item
        found |= _leaves(item, f"{path}{key}.") if inner else {f"{path}{key}": item}
    return found


def _entries(leaves: dict[str, Any], paths: list[str]) -> str:
    return "\n".join(f"{path}: {show(leaves.get(path, MISSING), path.rsplit('.', 1)[-1])}" for path in paths)


def _extends(old: Any, new: Any) -> bool:
    both = isinstance(old, Sequence) and isinstance(new, Sequence) and not isinstance(new, (str, bytes))
    return bool(both and old and len(old) > 2 and list(new[: len(old)]) == list(old))


def _masked(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_masked(item, name) for item in value)
    if isinstance(value, (str, bytes)) and value and _SECRET_NAME.search(name):
        return "***"
    return _URL_PASSWORD.sub(r"\1:***", value) if isinstance(value, str) else value
