"""Waits until containers of a generation are ready: ready.py SECONDS CONTAINER…

Ends with 1 as soon as one has ended or was restarted, or when the time is over, with its reason and last log lines.
"""

import json
import subprocess
import sys
import time


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)


def state(container: str) -> tuple[str, str]:
    """Its name, and why it will not become ready; an empty reason while it still may."""
    told = json.loads(docker("inspect", container).stdout)[0]
    name = told["Name"].lstrip("/")
    if told["State"]["OOMKilled"]:
        return name, "ran out of memory; raise APP_MEMORY"
    if told["RestartCount"] or told["State"]["Status"] in ("exited", "dead"):
        return name, f"ended with exit code {told['State']['ExitCode']}"
    return name, ""


def main(seconds: float, containers: list[str]) -> int:
    end = time.monotonic() + seconds
    for container in containers:
        answer = docker("exec", container, "twinpool", "ask", "/-/ready")
        while answer.returncode:
            name, ended = state(container)
            if ended or time.monotonic() > end:
                why = ended or f"is not ready after {seconds:.0f} s: {(answer.stdout or answer.stderr).strip()[-300:]}"
                logs = docker("logs", "--tail", "15", container)
                print(f"{name} {why}\nIts last log lines:\n{(logs.stdout + logs.stderr).strip()}")
                return 1
            time.sleep(0.3)
            answer = docker("exec", container, "twinpool", "ask", "/-/ready")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
