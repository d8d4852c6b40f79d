"""Parent of nginx in the edge container (PID 1): starts it, reloads it when told or when a pool has moved, ends it.

nginx 1.26 resolves the names of its upstreams once, when it loads; a container that comes back may have another
address. So this process looks the names up each second and reloads nginx when the answer differs (facts: `resolve` in
an upstream came with 1.27.3). SIGHUP checks the files first and keeps the running configuration where they are bad.
"""

import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

CONFIG = Path("/srv/edge/nginx.conf")
UPSTREAMS = Path("/srv/edge/host/upstreams.conf")
COMMAND = ("nginx", "-c", str(CONFIG))
SERVER = re.compile(r"^\s*server\s+([A-Za-z][\w.-]*):(\d+)", re.MULTILINE)
Addresses = dict[str, tuple[str, ...]]


def say(text: str) -> None:
    print(f"edge: {text}", file=sys.stderr, flush=True)


def names(text: str) -> set[str]:
    """Host names of the upstreams' servers; addresses are left out, since they never change."""
    return {name for name, _ in SERVER.findall(text)}


def addresses(upstreams: Path) -> Addresses:
    """What each name of the file resolves to now, in a stable order; a name that does not resolve has none."""
    found: Addresses = {}
    for name in names(upstreams.read_text()):
        try:
            told = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            told = []
        found[name] = tuple(sorted({str(entry[4][0]) for entry in told}))
    return found


def sound() -> bool:
    """Whether nginx would take the files as they are; says why not."""
    tested = subprocess.run(["nginx", "-t", "-q", "-c", str(CONFIG)], check=False, capture_output=True, text=True)
    if tested.returncode:
        say(f"the configuration is not good, the running one stays:\n{tested.stderr.strip()}")
    return tested.returncode == 0


class Edge:
    """What the signal handlers and the loop share."""

    def __init__(self) -> None:
        self.reload = False
        self.stop = False
        self.awake, waker = socket.socketpair()
        waker.setblocking(False)
        self.awake.setblocking(False)
        self.waker = waker
        signal.set_wakeup_fd(waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self.on_signal)

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        elif number != signal.SIGCHLD:
            self.stop = True

    def sleep(self, seconds: float) -> None:
        """Until the time is over or a signal came."""
        if select.select([self.awake], [], [], seconds)[0]:
            self.awake.recv(64)

    def wait_for_names(self) -> Addresses:
        """nginx does not start while a name has no address, so neither do we; after a reboot the pools come later."""
        told: set[str] = set()
        while not self.stop:
            known = addresses(UPSTREAMS)
            missing = {name for name, found in known.items() if not found}
            if not missing:
                return known
            if missing != told:
                say(f"waiting for an address of {', '.join(sorted(missing))}")
                told = missing
            self.sleep(0.5)
        return {}

    def run(self) -> int:
        known = self.wait_for_names()
        if self.stop:
            return 0
        if not sound():
            return 1
        self.reload = False
        nginx = subprocess.Popen(COMMAND)
        while nginx.poll() is None and not self.stop:
            fresh = addresses(UPSTREAMS)
            moved = fresh != known and all(fresh.values())
            if self.reload or moved:
                self.reload = False
                if sound():
                    say("reloading" if not moved else f"reloading: addresses are {fresh}")
                    nginx.send_signal(signal.SIGHUP)
                    known = fresh
            self.sleep(1)
        if nginx.poll() is None:
            nginx.send_signal(signal.SIGQUIT)  # SIGTERM would be a fast stop
        return nginx.wait()


if __name__ == "__main__":
    sys.exit(Edge().run())
