"""Puts what the Makefile needs into .venv, by exact version and hash. Runs on the host's own Python, with nothing else.

install.py REQUIREMENTS STAMP    the stamp is made when all is installed; make compares its age
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import index

KIT = Path(__file__).resolve().parent.parent
VENV = KIT / ".venv"
PYTHON = str(VENV / "bin" / "python")
OLDEST = (3, 11)
BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"           {text}", flush=True)


def done(text: str) -> None:
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", flush=True)


def make_environment() -> None:
    if (VENV / "bin" / "uv").exists():
        return
    if not can_make_environments():
        install_venv()
    run(sys.executable, "-m", "venv", "--clear", str(VENV))
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
        "--requirement", str(KIT / "docker" / "build" / "requirements.txt"))  # fmt: skip
    # The runtime lies in this tree; its load client and its checks are used from here as they are.
    (site,) = (VENV / "lib").glob("python3*/site-packages")
    (site / "twinpool.pth").write_text(f"{KIT / 'docker'}\n")
    done(".venv is made, for the kit's own tools")


def can_make_environments() -> bool:
    """Debian keeps ensurepip in a package of its own. In a new process, which sees what was installed meanwhile."""
    asked = [sys.executable, "-c", "import ensurepip, venv"]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


def install_venv() -> None:
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    lacking = f"This Python ({sys.executable}) cannot make environments: it lacks venv or ensurepip"
    if not shutil.which("apt-get"):
        sys.exit(
            f"twinpool: {lacking}, and there is no apt-get to install them with. "
            "Install them with this system's own tools, then run make again."
        )
    if os.geteuid() != 0:
        sys.exit(
            f"twinpool: {lacking}. Run make as root (sudo make …), which installs {package}, or install it yourself."
        )
    say(f"Missing: {package}. Installing it now, from this host's Debian sources.")
    run("apt-get", "-qq", "update")
    run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", package)
    if not can_make_environments():
        sys.exit(
            f"twinpool: {lacking}, also with {package} installed, so it is not Debian's own. "
            "Complete it, or put Debian's first: make PATH=/usr/bin:$PATH …"
        )
    done(f"{package} is installed")


def run(*command: str) -> None:
    """Its output is shown where it fails; uv is told what the host's pip knows. Ends this program then."""
    told = index.of_this_machine(PYTHON).environment() if command[0].endswith("uv") else {}
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"} | told
    ended = subprocess.run(
        command, check=False, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if ended.returncode:
        last = "\n".join(ended.stdout.splitlines()[-20:])
        sys.exit(
            f"{last}\ntwinpool: failed: {' '.join(command)}\nThe lines above say why; mend that, then run make again."
        )


def main(requirements: str, stamp: str) -> None:
    if sys.version_info < OLDEST:
        sys.exit(
            f"twinpool: found Python {sys.version.split()[0]} as python3; expected 3.11 or newer. "
            "Put a newer one first in PATH."
        )
    say(f"Putting {requirements} into {VENV}; nothing of the system's Python changes.")
    make_environment()
    run(str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes",
        "--requirement", str(KIT / requirements))  # fmt: skip
    (KIT / stamp).touch()
    done(f"{requirements} is in .venv")


if __name__ == "__main__":
    main(*sys.argv[1:])
