"""What every module here does on the host: run programs, say how far it is, and keep files in one folder."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATE = Path(os.environ.get("CLUSTER_STATE") or Path.home() / ".cache" / "twinpool" / "cluster")
KUBECONFIG = STATE / "kubeconfig"
HOST_PORTS = (30080, 30443)  # a Service with one of these nodePorts answers on 127.0.0.1 of the host
STARTED = time.monotonic()


class ClusterError(Exception):
    """Something that the person at the keyboard can mend; its text says how."""


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    stdin: str = "",
    environment: dict[str, str] | None = None,
) -> str:
    """Runs a program to its end and returns what it printed, without the last line end."""
    try:
        # The Go of this project's own tools goes before any other.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        whole = os.environ | {"PATH": path} | (environment or {})
        done = subprocess.run(command, check=False, cwd=cwd, input=stdin, env=whole, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is not installed on this host; README.md lists what is needed") from error
    if done.returncode:
        raise ClusterError(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout.rstrip("\n")


def succeeds(command: Sequence[str | Path]) -> bool:
    try:
        run(command)
    except ClusterError:
        return False
    return True
