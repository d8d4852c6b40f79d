"""Installs the project's dependencies and the runtime's into one environment. Run by app.Dockerfile's build stage.

The project's pins win inside the ranges that the runtime states (pyproject.toml); the runtime's own lock is only a
preference. Outside the ranges the build ends with the resolver's explanation; but for the servers, which the runtime
alone starts: there its own are taken. The project itself is not installed. A line that begins with `note:` is shown.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import dependencies
from dependencies import Wanted

KIT = Path(__file__).resolve().parent.parent.parent
WORK = Path("/tmp/install")  # noqa: S108 - a build stage has no other user
COMPILER = ["gcc", "g++", "libc6-dev", "libffi-dev", "libpq-dev", "make", "pkg-config", "python3-dev"]
SERVERS = ("gunicorn", "httptools", "uvicorn", "uvloop")
NAME = re.compile(r"[A-Za-z0-9._-]+")


def main(root: Path, environment: Path, inner: str) -> None:
    """Into `environment`, what the files below `root` say; manage.py is in its folder `inner`."""
    WORK.mkdir(exist_ok=True)
    python = environment / "bin" / "python"
    run("uv", "venv", "--quiet", "--python", "/usr/bin/python3", str(environment))
    wanted = dependencies.find(root, inner)
    print(f"dependencies: {wanted.source or 'no file that names them'}, and the runtime's", flush=True)
    note_python(wanted)
    if not wanted.source:
        print("note: no file names the project's dependencies (requirements.txt, pyproject.toml, …): newest Django")
    project = locked(wanted.locked) if wanted.locked else "\n".join(wanted.lines) or "django"
    if "git+" in project:
        packages("git", why="a dependency comes from a git repository")
    lock = resolved(project, wanted.constraints, python)
    install = ["uv", "pip", "install", "--compile-bytecode", "--python", str(python),
               *(["--require-hashes"] if hashed(project) else []), "--requirement", str(lock)]  # fmt: skip
    (WORK / "libraries.txt").write_text("")
    if subprocess.run(install, check=False).returncode:
        packages(*COMPILER, why="a dependency has no wheel, so it is compiled")
        run(*install, hint="A dependency does not build. If it lacks Debian headers, name their packages in "
            "deploy/packages.txt; if it lacks Python 3.13, take a newer version of it.")  # fmt: skip
        (WORK / "libraries.txt").write_text("".join(f"{one}\n" for one in sorted(libraries(environment))))


def locked(folder: Path) -> str:
    """What uv.lock holds, as a requirements file."""
    found = WORK / "locked.txt"
    run("uv", "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", *dependencies.groups(folder),
        "--project", str(folder), "--output-file", str(found))  # fmt: skip
    return found.read_text()


def resolved(project: str, constraints: list[str], python: Path) -> Path:
    """One set of versions for the project and the runtime. Ends the build where there is none."""
    ranges = runtime_ranges(project)
    files = {"project.txt": project, "runtime.in": "\n".join(ranges), "constraints.txt": "\n".join(constraints),
             "servers.txt": "\n".join(line for line in ranges if name(line) in SERVERS)}  # fmt: skip
    for file, text in files.items():
        (WORK / file).write_text(text + "\n")
    lock = WORK / "requirements.txt"
    command = ["uv", "pip", "compile", "--quiet", "--python", str(python), "--output-file", str(lock),
               *(["--generate-hashes"] if hashed(project) else []),
               str(WORK / "project.txt"), str(WORK / "runtime.in")]  # fmt: skip
    shutil.copy(KIT / "docker" / "requirements.txt", lock)
    held = ["--constraint", str(WORK / "constraints.txt")]
    if subprocess.run([*command, *held], check=False, capture_output=True).returncode == 0:
        return lock
    (WORK / "constraints.txt").write_text("".join(f"{one}\n" for one in constraints if name(one) not in SERVERS))
    run(*command, *held, "--override", str(WORK / "servers.txt"),
        hint="The project's pins and the runtime's ranges (pyproject.toml of the kit: Django 5.2 or newer, …) do not "
        "meet. Loosen the pin that the lines above name.")  # fmt: skip
    pinned = {name(line) for line in [*project.splitlines(), *constraints]} & set(SERVERS)
    print(f"note: the runtime's own {', '.join(sorted(pinned)) or 'servers'} instead of the project's pin", flush=True)
    return lock


def runtime_ranges(project: str) -> list[str]:
    """The runtime's ranges. A project on psycopg2 keeps it: Django would prefer psycopg 3 where both are installed."""
    ranges: list[str] = tomllib.loads((KIT / "pyproject.toml").read_text())["project"]["dependencies"]
    if re.search(r"^psycopg2", project, re.MULTILINE) and not re.search(r"^psycopg\b(?!2)", project, re.MULTILINE):
        return [line for line in ranges if not line.startswith("psycopg[")]
    return ranges


def hashed(project: str) -> bool:
    return "--hash=" in project


def name(requirement: str) -> str:
    found = NAME.match(requirement.strip())
    return found[0].lower().replace("_", "-") if found else ""


def libraries(environment: Path) -> set[str]:
    """Debian packages of the libraries that compiled code in `environment` is linked to: the image needs them too."""
    files = [*environment.rglob("*.so"), *(environment / "bin").iterdir()]
    binary = [str(file) for file in files if file.is_file() and file.read_bytes()[:4] == b"\x7fELF"]
    linked = subprocess.run(["ldd", *binary], check=False, capture_output=True, text=True).stdout if binary else ""
    found = {os.path.realpath(path) for path in re.findall(r"=> (/\S+)", linked)}
    ours = [path for path in found if not path.startswith(str(environment))]
    owned = subprocess.run(["dpkg-query", "--search", *ours], check=False, capture_output=True, text=True).stdout
    return set(re.findall(r"^([a-z0-9.+-]+)(?::\S+)?: ", owned, re.MULTILINE))


def note_python(wanted: Wanted) -> None:
    """A project that asks for another Python is tried with the image's: what does not run shows in the check."""
    if not wanted.python:
        return
    from pip._vendor.packaging.specifiers import SpecifierSet

    here = ".".join(map(str, sys.version_info[:3]))
    if not SpecifierSet(wanted.python).contains(here):
        print(f"note: {wanted.source} is for Python {wanted.python}; the image has {here}, which is tried", flush=True)


def packages(*names: str, why: str) -> None:
    print(f"note: {why}: installing {names[0]} in the build stage", flush=True)
    run("apt-get", "update", "--quiet")
    run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *names)


def run(*command: str, hint: str = "") -> None:
    """Runs a program; where it fails, what it said stands above and the hint below, and the build ends."""
    if subprocess.run(command, check=False).returncode:
        sys.exit(hint or f"{' '.join(command)} failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].removeprefix("/app").strip("/") or ".")
