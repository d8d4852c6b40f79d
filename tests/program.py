"""What tests of every target start: a program to its end, `make` as a person types it, an engine in a container."""

import os
import subprocess
from pathlib import Path

KIT = Path(__file__).resolve().parents[1]
# An engine in a container, on a host that may itself lack CAP_SYS_RESOURCE: what --privileged would give, without that.
ENGINE_RIGHTS = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE"),
    *(f"--security-opt={name}=unconfined" for name in ("seccomp", "apparmor", "systempaths")),
)
# Of this very run: a person's shell has them not.
OWN = ("MAKEFLAGS", "MAKELEVEL", "TWINPOOL_MAKE", "CI")


def run(*words: object, timeout: float = 120, check: bool = True) -> str:
    """What a program prints, standard error with it; fails with all of it."""
    done = subprocess.run(
        [str(word) for word in words], check=False, text=True, timeout=timeout,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0 or not check, f"{' '.join(map(str, words))}\n{done.stdout[-6000:]}"
    return done.stdout


def make(
    verb: str, knobs: dict[str, str], *, timeout: float, kit: Path = KIT, **more: str
) -> subprocess.CompletedProcess[str]:
    """`make VERB NAME=value …`, with `more` in its environment; standard error goes with the output."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN} | more
    return subprocess.run(
        ["make", "--no-print-directory", "-C", str(kit), verb, *(f"{name}={value}" for name, value in knobs.items())],
        check=False, text=True, timeout=timeout, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
