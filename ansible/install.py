"""Puts what the Makefile needs into .venv, by exact version and hash. Runs on the host's own Python, with nothing else.

install.py REQUIREMENTS STAMP    the stamp is made when all is installed; make compares its age
"""

import os
import subprocess
import sys
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
VENV = KIT / ".venv"
OLDEST = (3, 11)


def say(text: str) -> None:
    print(f"           {text}", flush=True)


def make_environment() -> None:
    if (VENV / "bin" / "uv").exists():
        return None
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        install_venv()
        return make_environment_elsewhere()
    say("making .venv for the kit's own tools")
    venv.create(VENV, with_pip=True, clear=True)
    return install_uv()


def make_environment_elsewhere() -> None:
    """In a new process: this one has already looked for ensurepip and not found it."""
    say("making .venv for the kit's own tools")
    run(sys.executable, "-m", "venv", "--clear", str(VENV))
    install_uv()


def install_uv() -> None:
    run(str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
        "--requirement", str(KIT / "docker" / "build" / "requirements.txt"))  # fmt: skip
    # The runtime lies in this tree; its load client and its checks are used from here as they are.
    (site,) = (VENV / "lib").glob("python3*/site-packages")
    (site / "twinpool.pth").write_text(f"{KIT / 'docker'}\n")


def install_venv() -> None:
    """Debian keeps ensurepip in a package of its own."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if os.geteuid() != 0 or subprocess.run(["which", "apt-get"], check=False, capture_output=True).returncode:
        sys.exit(
            f"twinpool: this Python ({sys.executable}) cannot make environments: it lacks venv or ensurepip. "
            f"Install it with this system's tools (on Debian: apt-get install {package}), then run make again."
        )
    say(f"Missing: {package}. Installing it now, from this host's Debian sources.")
    run("apt-get", "-qq", "update")
    run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", package)


def run(*command: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(command, check=False, env=environment).returncode:
        sys.exit(f"twinpool: failed: {' '.join(command)}\nThe lines above say why; mend that, then run make again.")


def main(requirements: str, stamp: str) -> None:
    if sys.version_info < OLDEST:
        sys.exit(
            f"twinpool: found Python {sys.version.split()[0]} as python3; expected 3.11 or newer. Put a newer one first in PATH."
        )
    make_environment()
    say(f"installing {requirements} into .venv")
    run(str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(VENV / "bin" / "python"), "--require-hashes",
        "--requirement", str(KIT / requirements))  # fmt: skip
    (KIT / stamp).touch()


if __name__ == "__main__":
    main(*sys.argv[1:])
