"""Installs the project's dependencies and the runtime's into one environment. Run by app.Dockerfile's build stage.

The project's pins win inside the ranges that the runtime states (pyproject.toml); the runtime's own lock is only a
preference. Outside the ranges the build ends with the resolver's explanation. The project itself is not installed.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent.parent
COMPILER = ["gcc", "g++", "libc6-dev", "libffi-dev", "libpq-dev", "make", "pkg-config", "python3-dev"]
ITSELF = re.compile(r"^\s*(-e\s*|--editable[= ]\s*)?\.(\[[^\]]*\])?/?\s*(#.*)?$")


def main(dependencies: Path, environment: Path) -> None:
    work = Path("/tmp/install")  # noqa: S108: a build stage has no other user
    work.mkdir(exist_ok=True)
    run("uv", "venv", "--quiet", "--python", "/usr/bin/python3", str(environment))
    source, project = project_requirements(dependencies, work)
    print(f"dependencies: {source}, and the runtime's", flush=True)
    wanted = work / "runtime.in"
    wanted.write_text("\n".join(runtime_ranges(project.read_text())) + "\n")
    lock = work / "requirements.txt"
    shutil.copy(KIT / "docker" / "requirements.txt", lock)
    hashes = ["--generate-hashes"] if "--hash=" in project.read_text() else []
    run("uv", "pip", "compile", "--quiet", "--python", f"{environment}/bin/python", *hashes,
        str(project), str(wanted), "--output-file", str(lock),
        hint="The project's pins and the runtime's ranges (pyproject.toml of the kit: Django 5.2 or newer, …) do not "
        "meet. Loosen the pin that the lines above name.")  # fmt: skip
    install = ["uv", "pip", "install", "--compile-bytecode", "--python", f"{environment}/bin/python",
               *(["--require-hashes"] if hashes else []), "--requirement", str(lock)]  # fmt: skip
    if subprocess.run(install, check=False).returncode:
        print("a dependency has no wheel: installing a compiler in the build stage, trying once more", flush=True)
        run("apt-get", "update", "--quiet")
        run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *COMPILER)
        run(*install, hint="A dependency does not build. Its Debian headers may be missing, or it lacks Python 3.13.")


def project_requirements(folder: Path, work: Path) -> tuple[str, Path]:
    """The file that locks most, as a requirements file; the project's own package is left out."""
    found = work / "project.txt"
    if (folder / "uv.lock").exists():
        run("uv", "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--project", str(folder),
            "--output-file", str(found))  # fmt: skip
        return "uv.lock", found
    if (folder / "requirements.txt").exists():
        lines = (folder / "requirements.txt").read_text().splitlines()
        found = folder / "requirements.kit.txt"  # beside it, so that its -r and -c lines still lead somewhere
        found.write_text("\n".join(line for line in lines if not ITSELF.match(line)) + "\n")
        return "requirements.txt", found
    if (folder / "pyproject.toml").exists():
        table = tomllib.loads((folder / "pyproject.toml").read_text()).get("project", {})
        found.write_text("\n".join(table.get("dependencies", [])) + "\n")
        return "pyproject.toml", found
    found.write_text("django\n")
    return "no requirements.txt, pyproject.toml or uv.lock, so the newest Django", found


def runtime_ranges(project: str) -> list[str]:
    """The runtime's ranges. A project on psycopg2 keeps it: Django would prefer psycopg 3 where both are installed."""
    ranges: list[str] = tomllib.loads((KIT / "pyproject.toml").read_text())["project"]["dependencies"]
    if re.search(r"^psycopg2", project, re.MULTILINE) and not re.search(r"^psycopg\b(?!2)", project, re.MULTILINE):
        return [line for line in ranges if not line.startswith("psycopg[")]
    return ranges


def run(*command: str, hint: str = "") -> None:
    """Runs a program; where it fails, what it said stands above and the hint below, and the build ends."""
    if subprocess.run(command, check=False).returncode:
        sys.exit(hint or f"{' '.join(command)} failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
