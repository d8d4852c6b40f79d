"""Waits until containers of a generation are ready: ready.py SECONDS CONTAINER…

Ends with 1 as soon as one has ended or was restarted, or when the time is over, with its reason and last log lines.
"""

import json
import subprocess
import sys
import time


def docker(*arguments: str, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=False, stdout=subprocess.PIPE, stderr=stderr, text=True)


def state(container: str) -> tuple[str, str]:
    """Its name, and why it will not become ready; an empty reason while it still may."""
    told = json.loads(docker("inspect", container).stdout)[0]
    name = told["Name"].lstrip("/")
    if told["State"]["OOMKilled"]:
        return name, "ran out of memory; raise APP_MEMORY"
    if told["RestartCount"] or told["State"]["Status"] in ("exited", "dead"):
        return name, f"ended with exit code {told['State']['ExitCode']}"
    return name, ""


def last_lines(log: str, count: int = 15) -> str:
    """The end of a log, less the frames of its tracebacks that lie in packages: they push out the line that matters."""
    kept: list[str] = []
    package = False
    for line in log.splitlines():
        frame = line.lstrip().startswith('File "')
        package = "/site-packages/" in line or "/lib/python" in line if frame else package and line.startswith("    ")
        if not package:
            kept.append(line)
    return "\n".join(kept[-count:])


def main(seconds: float, containers: list[str]) -> int:
    end = time.monotonic() + seconds
    for container in containers:
        answer = docker("exec", container, "twinpool", "ask", "/-/ready")
        while answer.returncode:
            name, ended = state(container)
            if ended or time.monotonic() > end:
                why = ended or f"is not ready after {seconds:.0f} s: {(answer.stdout or answer.stderr).strip()[-300:]}"
                logs = docker("logs", "--tail", "200", container, stderr=subprocess.STDOUT)
                print(f"{name} {why}\nIts last log lines:\n{last_lines(logs.stdout)}")
                return 1
            time.sleep(0.3)
            answer = docker("exec", container, "twinpool", "ask", "/-/ready")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
