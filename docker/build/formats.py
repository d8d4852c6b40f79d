"""Poetry's and Pipenv's ways of naming a dependency, as lines of a requirements file. Read by dependencies.py."""

import re
from typing import Any


def poetry(name: str, what: Any) -> list[str]:
    """One entry of Poetry's table as requirements; an optional one belongs to an extra."""
    if isinstance(what, list):
        return [line for one in what for line in poetry(name, one)]
    table = what if isinstance(what, dict) else {"version": what}
    if table.get("optional") or "path" in table:
        return []
    extras = f"[{','.join(table['extras'])}]" if table.get("extras") else ""
    if "git" in table or "url" in table:
        at = next((f"@{table[key]}" for key in ("rev", "tag", "branch") if key in table), "")
        return [f"{name}{extras} @ " + (f"git+{table['git']}{at}" if "git" in table else table["url"])]
    python = ",".join(_range(part) for part in re.split(r"\s*,\s*", table.get("python", "")) if part)
    markers = [table["markers"]] if "markers" in table else []
    markers += [f"python_version {found[0]} '{found[1]}'" for found in re.findall(r"([<>=!]+)([\d.*]+)", python)]
    marker = f"; {' and '.join(f'({one})' for one in markers)}" if markers else ""
    return [f"{name}{extras}{','.join(_range(part) for part in re.split(r'[ ,]+', table['version'].strip()))}{marker}"]


def _range(text: str) -> str:
    """Poetry's `^1.2`, `~1.2`, `1.2` and `*` as standard specifiers."""
    if text in ("*", ""):
        return ""
    if text[0] not in "^~" or text.startswith("~="):
        return text if text[0] in "<>=!~" else f"=={text}"
    numbers = [int(part) for part in re.findall(r"\d+", re.split(r"[a-z]", text[1:])[0])]
    if text[0] == "^":
        moves = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        moves = min(1, len(numbers) - 1)
    above = [*numbers[:moves], numbers[moves] + 1]
    return f">={text[1:]},<{'.'.join(map(str, above))}"


def pipfile(table: dict[str, Any]) -> list[str]:
    """Entries of a Pipfile or its lock. A version with `*` is none."""
    lines = []
    for name, what in table.items():
        one = what if isinstance(what, dict) else {"version": what}
        extras = f"[{','.join(one['extras'])}]" if one.get("extras") else ""
        if "git" in one:
            lines.append(f"{name}{extras} @ git+{one['git']}@{one.get('ref', 'HEAD')}")
        elif "path" not in one:
            version = "" if one.get("version", "*") == "*" else one["version"]
            lines.append(f"{name}{extras}{version}" + (f"; {one['markers']}" if "markers" in one else ""))
    return lines
