"""Looks at a Django project from outside before anything is changed: where manage.py is, and which Django it pins."""

import re
import tomllib
from pathlib import Path

from knobs import Refused
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

OLDEST = "5.2"
# Releases that a specifier may admit: enough of each series to tell `~=5.1`, `<6` and `==5.2.3` apart.
SERIES = [
    Version(f"{major}.{minor}.{patch}")
    for major, minors in ((5, (2,)), (6, (0, 1, 2)))
    for minor in minors
    for patch in range(60)
]


def look(folder: Path) -> str:
    """The folder of manage.py relative to the project, `.` as a rule. Raises Refused."""
    if not folder.is_dir():
        raise Refused(
            f"PROJECT: there is no folder {folder}. Give the folder of a Django project: make deploy PROJECT=../shop"
        )
    found = [path for pattern in ("manage.py", "*/manage.py") for path in sorted(folder.glob(pattern))]
    if not found:
        raise Refused(
            f"PROJECT: {folder} has no manage.py, nor has a folder in it. Expected a Django project: make deploy PROJECT=../shop"
        )
    if found[0].parent != folder and len(found) > 1:
        names = ", ".join(str(path.parent.relative_to(folder)) for path in found)
        raise Refused(
            f"PROJECT: {folder} holds several projects ({names}). Name one of them: make deploy PROJECT={found[0].parent}"
        )
    for source, requirement in pins(folder):
        if requirement.name.lower() == "django" and not any(requirement.specifier.contains(v) for v in SERIES):
            raise Refused(
                f"{source} asks for {requirement}; Twinpool needs Django {OLDEST} or newer. "
                f"Move the project to Django {OLDEST} first, and change that line."
            )
    return str(found[0].parent.relative_to(folder))


def pins(folder: Path) -> list[tuple[str, Requirement]]:
    """Requirements as the project writes them, each with the file it stands in; in the order install.py chooses."""
    if (lock := folder / "uv.lock").exists():
        packages = tomllib.loads(lock.read_text()).get("package", [])
        texts = [f"{p['name']}=={p['version']}" for p in packages if "version" in p]
        return parsed("uv.lock", texts)
    if (file := folder / "requirements.txt").exists():
        return parsed("requirements.txt", lines(file))
    if (file := folder / "pyproject.toml").exists():
        return parsed("pyproject.toml", tomllib.loads(file.read_text()).get("project", {}).get("dependencies", []))
    return []


def lines(file: Path) -> list[str]:
    """Lines of a requirements file and of those that it includes by -r."""
    found: list[str] = []
    for line in file.read_text().splitlines():
        if include := re.match(r"\s*(?:-r|--requirement)[= ]\s*(\S+)", line):
            if (file.parent / include[1]).is_file():
                found += lines(file.parent / include[1])
        else:
            found.append(line)
    return found


def parsed(source: str, texts: list[str]) -> list[tuple[str, Requirement]]:
    found = []
    for text in texts:
        try:
            found.append((source, Requirement(re.split(r"\s#|\s--hash|\s\\", text.strip())[0])))
        except InvalidRequirement:
            continue  # options, addresses and comments; the image's build reads them
    return found
