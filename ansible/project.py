"""Looks at a Django project from outside before anything is changed: where manage.py is, and which Django it pins."""

import re
import sys
from pathlib import Path

from knobs import KIT, Refused
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

sys.path.append(str(KIT / "docker" / "build"))
import dependencies  # the image's build reads the same files in the same order

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
            f"PROJECT: {folder} has no manage.py, nor has a folder in it. "
            "Expected a Django project: make deploy PROJECT=../shop"
        )
    if found[0].parent != folder and len(found) > 1:
        names = ", ".join(str(path.parent.relative_to(folder)) for path in found)
        raise Refused(
            f"PROJECT: {folder} holds several projects ({names}). "
            f"Name one of them: make deploy PROJECT={found[0].parent}"
        )
    inner = str(found[0].parent.relative_to(folder))
    try:
        wanted = dependencies.find(folder, inner)
    except ValueError as error:  # of TOML, JSON and text that is no UTF-8 alike
        raise Refused(f"PROJECT: a file that names {folder}'s dependencies cannot be read: {error}") from None
    for requirement in parsed(wanted.pins):
        if requirement.name.lower() == "django" and not any(requirement.specifier.contains(v) for v in SERIES):
            raise Refused(
                f"{wanted.source} asks for {requirement}; Twinpool needs Django {OLDEST} or newer. "
                f"Move the project to Django {OLDEST} first, and change that line."
            )
    return inner


def parsed(texts: list[str]) -> list[Requirement]:
    found = []
    for text in texts:
        try:
            found.append(Requirement(re.split(r"\s#|\s--hash|\s\\", text.strip())[0]))
        except InvalidRequirement:
            continue  # options, addresses and comments; the image's build reads them
    return found
