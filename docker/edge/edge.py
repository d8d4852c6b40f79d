"""Parent of nginx in the edge container (PID 1): puts its files together, starts it, reloads it, ends it gently.

What is mounted at /srv/edge is the kit's nginx/ folder with the site's routes.conf; what a host decides comes as
settings (host.py). Both are put together in RUN, shown to nginx, and take the place of the running ones only if nginx
takes them. Looked at each second, because nginx 1.26 does not look itself: addresses of the upstreams' names (`resolve`
came with 1.27.3) and the certificate. SIGHUP asks for a reload.

    edge.py         run
    edge.py test    say whether nginx would take the files, with 0 or 1
"""

import http.client
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

import host

SOURCE = Path("/srv/edge")
RUN = Path("/run/nginx")
SERVER = re.compile(r"^\s*server\s+([A-Za-z][\w.-]*):(\d+)", re.MULTILINE)
Addresses = dict[str, tuple[str, ...]]


def say(text: str) -> None:
    print(f"edge: {text}", file=sys.stderr, flush=True)


def settings() -> dict[str, str]:
    """What this edge is told: by a file on a Docker host, by the environment elsewhere."""
    return dict(os.environ) | host.read(SOURCE / "edge.env")


def put_together(place: Path) -> None:
    """The whole of nginx's files in `place`: those of the kit, the site's routes, what the settings decide."""
    shutil.rmtree(place, ignore_errors=True)
    # `..*` is how Kubernetes keeps versions of a mounted folder; the certificate is read where it is.
    shutil.copytree(SOURCE, place, ignore=shutil.ignore_patterns("..*", ".*", "tls"))
    for name, text in host.decided(SOURCE / "host", settings()).items():
        (place / "host" / name).write_text(text)


def sound(place: Path) -> bool:
    """Whether nginx takes the files, once they are put together in `place`; says why not."""
    try:
        put_together(place)
    except (OSError, shutil.Error, host.BadSetting) as error:
        say(f"the files are not good: {error}")
        return False
    test = ["nginx", "-t", "-q", "-c", str(place / "nginx.conf")]
    tested = subprocess.run(test, check=False, capture_output=True, text=True)
    if tested.returncode:
        # Named as the person who wrote them knows them.
        say(f"the files are not good:\n{tested.stderr.strip()}".replace(str(place), str(SOURCE)))
    return tested.returncode == 0


def names(text: str) -> set[str]:
    """Host names of the upstreams' servers; addresses are left out, since they never change."""
    return {name for name, _ in SERVER.findall(text)}


def addresses(upstreams: Path) -> Addresses:
    """What each name of the file resolves to now, in a stable order; a name that does not resolve has none."""
    return {name: all_addresses(name) for name in names(upstreams.read_text())}


def all_addresses(name: str) -> tuple[str, ...]:
    try:
        told = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(sorted({str(entry[4][0]) for entry in told}))


def certificate() -> tuple[int, ...]:
    """Changes when the certificate or its key does."""
    return tuple(file.stat().st_mtime_ns for file in sorted((SOURCE / "tls").glob("tls.*")))


def tell_that_this_edge_leaves(servers: str, within: str) -> None:
    """Ask each ASGI server to close what came through here, at random moments; nginx would just end it.

    `servers` is name:port by commas, each name with an address for each server; empty where nobody is to be told.
    `within` is a bound in seconds, for an edge that stands alone and is waited for; without it, the servers take their
    DRAIN_WINDOW.
    """
    told = [server.split(":") for server in servers.split(",") if server]
    for address, port in ((address, int(port)) for name, port in told for address in all_addresses(name)):
        try:
            connection = http.client.HTTPConnection(address, port, timeout=3)
            connection.request(
                "POST", f"/-/edge-leaves?within={within}", headers={"X-Twinpool-Edge": socket.gethostname()}
            )
            say(f"{address} moves what came through here: {connection.getresponse().read().decode()}")
        except (OSError, http.client.HTTPException) as error:
            say(f"{address} could not be told that this edge leaves: {error}")


class Edge:
    """What the signal handlers and the loop share."""

    def __init__(self) -> None:
        self.reload = False
        self.stop = False
        self.files = RUN / "edge"
        self.next = RUN / "edge.next"
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
            known = addresses(self.files / "host" / "upstreams.conf")
            missing = {name for name, found in known.items() if not found}
            if not missing:
                return known
            if missing != told:
                say(f"waiting for an address of {', '.join(sorted(missing))}")
                told = missing
            self.sleep(0.5)
        return {}

    def take(self) -> bool:
        """The new files take the running ones' place, if they are good."""
        if not sound(self.next):
            return False
        shutil.rmtree(self.files, ignore_errors=True)
        self.next.rename(self.files)
        return True

    def run(self) -> int:
        put_together(self.files)
        known, shown = self.wait_for_names(), certificate()
        if self.stop:
            return 0
        if not self.take():
            return 1
        self.reload = False
        nginx = subprocess.Popen(["nginx", "-c", str(self.files / "nginx.conf")])
        while nginx.poll() is None and not self.stop:
            fresh, seen = addresses(self.files / "host" / "upstreams.conf"), certificate()
            moved = fresh != known and all(fresh.values())
            if self.reload or moved or seen != shown:
                self.reload = False
                if self.take():
                    say(f"reloading: {'addresses are ' + str(fresh) if moved else 'files or certificate are new'}")
                    nginx.send_signal(signal.SIGHUP)
                    known, shown = addresses(self.files / "host" / "upstreams.conf"), seen
            self.sleep(1)
        if nginx.poll() is None:
            nginx.send_signal(signal.SIGQUIT)  # SIGTERM would be a fast stop
            told = settings()
            tell_that_this_edge_leaves(told.get("TWINPOOL_LEAVE", ""), told.get("TWINPOOL_LEAVE_WITHIN", ""))
        return nginx.wait()


if __name__ == "__main__":
    sys.exit(Edge().run() if sys.argv[1:] != ["test"] else 0 if sound(RUN / "edge.next") else 1)
