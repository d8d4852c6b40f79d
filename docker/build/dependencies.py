"""Finds what a project depends on, in whichever file it says so. Read by install.py in the image's build, and by
ansible/project.py on the host, which looks for an old Django before anything is built. Standard library only.
"""

import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import formats

# Names by which a project keeps what only its deployment needs, as a group, an extra or a file.
DEPLOYED = ("production", "prod", "deploy")
FOLDER = ("production", "prod", "deploy", "base", "common", "requirements", "main")
INCLUDE = re.compile(r"\s*(?:-r|--requirement)[= ]\s*(\S+)")
ITSELF = re.compile(r"^\s*(-e\s*|--editable[= ]\s*)?\.(\[[^\]]*\])?/?\s*(#.*)?$")


@dataclass(frozen=True)
class Wanted:
    """Where it stood, as one line each: what is required, what a lock holds it to; `locked` asks uv itself."""

    source: str
    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    locked: Path | None = None
    python: str = ""

    @property
    def pins(self) -> list[str]:
        """All that names versions, for a look at one package's."""
        return self.lines + self.constraints


def find(root: Path, inner: str = ".") -> Wanted:
    """What the project below `root` wants; its manage.py is in `inner`, whose own files go before the root's."""
    for folder in dict.fromkeys((root / inner, root)):
        if wanted := _in(folder):
            where = folder.relative_to(root)
            return Wanted(str(where / wanted.source), *list(vars(wanted).values())[1:])
    return Wanted("")


def _in(folder: Path) -> Wanted | None:
    """The file that locks most goes first."""
    project = _toml(folder / "pyproject.toml")
    python = str(project.get("project", {}).get("requires-python", ""))
    poetry = project.get("tool", {}).get("poetry", {}).get("dependencies", {})
    own = [*project.get("project", {}).get("dependencies", []), *_deployed(project)]
    own += [line for name, what in poetry.items() if name != "python" for line in formats.poetry(name, what)]
    if (lock := folder / "uv.lock").is_file():
        pins = [f"{one['name']}=={one['version']}" for one in _toml(lock).get("package", []) if "version" in one]
        return Wanted("uv.lock", pins, locked=folder, python=python)
    if own and (lock := folder / "poetry.lock").is_file():
        held = [one for one in _toml(lock).get("package", []) if "source" not in one]
        times = Counter(one["name"] for one in held)  # one of several versions goes by platform or Python
        pins = [f"{one['name']}=={one['version']}" for one in held if times[one["name"]] == 1]
        return Wanted("poetry.lock", own, pins, python=python)
    if (lock := folder / "Pipfile.lock").is_file():
        return Wanted("Pipfile.lock", formats.pipfile(json.loads(lock.read_text()).get("default", {})))
    if (file := folder / "requirements.txt").is_file():
        return Wanted("requirements.txt", requirements(file))
    if own:
        return Wanted("pyproject.toml", own, python=python)
    if (file := folder / "Pipfile").is_file():
        return Wanted("Pipfile", formats.pipfile(_toml(file).get("packages", {})))
    for name in FOLDER:
        if (file := folder / "requirements" / f"{name}.txt").is_file():
            return Wanted(f"requirements/{name}.txt", requirements(file))
    return None


def requirements(file: Path, seen: frozenset[Path] = frozenset()) -> list[str]:
    """A requirements file's lines and those of the files that it includes, without the project itself."""
    found: list[str] = []
    for line in file.read_text(encoding="utf-8-sig").replace("\\\n", " ").splitlines():
        if include := INCLUDE.match(line):
            inner = file.parent / include[1]
            if inner.is_file() and inner.resolve() not in seen:
                found += requirements(inner, seen | {file.resolve()})
        elif line.strip() and not line.lstrip().startswith("#") and not ITSELF.match(line):
            # A constraint's path leads from the file that names it.
            found.append(re.sub(r"^\s*(-c|--constraint)[= ]\s*(?=[^/:]+$)", f"-c {file.parent}/", line))
    return found


def _deployed(project: dict[str, Any]) -> list[str]:
    """Extras and groups that only a deployment installs."""
    extras = project.get("project", {}).get("optional-dependencies", {})
    groups = project.get("dependency-groups", {})
    return [
        line for table in (extras, groups) for name in DEPLOYED for line in table.get(name, []) if type(line) is str
    ]


def groups(folder: Path) -> list[str]:
    """The same as arguments of `uv export`."""
    project = _toml(folder / "pyproject.toml")
    extras = project.get("project", {}).get("optional-dependencies", {})
    return [f"--extra={name}" for name in DEPLOYED if name in extras] + [
        f"--group={name}" for name in DEPLOYED if name in project.get("dependency-groups", {})
    ]


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
