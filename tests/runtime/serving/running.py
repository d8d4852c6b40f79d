"""A pool's real server as a process, and the small clients that ask it. Used by the tests of this folder."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..servers import free_port
from ..site import Site

SECRET = "the probe secret of these tests"
PATIENCE = 40  # seconds; no measure of speed, it only ends a test that would hang
NO_DATABASE = "INSTALLED_APPS = []\nDATABASES = {}\n"


@dataclass
class Reply:
    """One answer; header names in lower case, several values of a name joined by a comma."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A `twinpool serve` under way; ended by its own process id."""

    pool: str
    port: int
    process: "subprocess.Popen[bytes]"
    log_file: Path
    run: Path
    opened: list[http.client.HTTPConnection] = field(default_factory=list)

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def open(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """A request whose answer is read by the caller; closed at the latest with the server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.opened.append(connection)
        connection.request(method, path, body, {"Host": "shop.test", **(headers or {})})
        return connection, connection.getresponse()

    def ask(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """One request and its whole answer."""
        connection, answer = self.open(path, method, headers, body)
        try:
            names = {name.lower(): ", ".join(answer.headers.get_all(name) or []) for name in answer.headers}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """The sum of a metric's samples, over their labels."""
        lines = (line.rpartition(" ") for line in self.ask("/-/metrics").text.splitlines() if line[:1] != "#")
        return sum(float(value) for sample, _, value in lines if sample.split("{")[0] == name)

    def threads(self) -> int:
        """The threads of the server's processes, as the system counts them."""
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in self.children())

    def children(self) -> list[int]:
        """The process ids of the server and its workers, not of the parent."""
        found, queue = [], [self.process.pid]
        while queue:
            children = Path(f"/proc/{queue[0]}/task/{queue.pop(0)}/children")
            pids = [int(pid) for pid in children.read_text().split()] if children.exists() else []
            found += pids
            queue += pids
        return found

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(timeout=PATIENCE)

    def until(self, what: Any, text: str = "it") -> Any:
        """The first truthy answer of a function."""
        deadline = time.monotonic() + PATIENCE
        while not (found := what()):
            assert self.process.poll() is None, f"the server ended before {text} came:\n{self.log}"
            assert time.monotonic() < deadline, f"{text} never came:\n{self.log}"
            time.sleep(0.05)
        return found

    def is_ready(self) -> bool:
        try:
            return self.ask("/-/ready").status == 200
        except OSError:
            return False


@contextmanager
def serving(site: Site, pool: str, wait: bool = True, **variables: str) -> Iterator[Server]:
    """A pool's server for a project, ready if `wait`; its log is shown where it does not get there."""
    folder = site.path.parent
    secret = folder / "probe-secret"
    secret.write_text(SECRET + "\n")
    port = free_port()
    told = {
        "TWINPOOL_LISTEN": str(port),
        "TWINPOOL_RUN": str(folder / f"run-{pool}-{port}"),
        "TWINPOOL_PROBE_SECRET_FILE": str(secret),
        "TWINPOOL_DRAIN_WINDOW": "2",
        "TWINPOOL_GRACEFUL": "5",
        **variables,
    }
    log = folder / f"{pool}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "twinpool", "serve", pool],
            env=site.environ(**told),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(pool, port, process, log, Path(told["TWINPOOL_RUN"]))
    try:
        if wait:
            server.until(server.is_ready, "readiness")
        yield server
    finally:
        for connection in server.opened:
            connection.close()
        _end(server)


def _end(server: Server) -> None:
    for _ in range(2):  # the second one hurries
        if server.process.poll() is None:
            server.signal(signal.SIGTERM)
            time.sleep(0.1)
    try:
        server.process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        for pid in server.children():
            subprocess.run(["kill", "-9", str(pid)], check=False)
        server.process.kill()
        server.process.wait()


@dataclass
class Edge:
    """What the edge does with a hand-over, without the edge: replays the request in the other pool, with the mark."""

    wsgi: Server
    asgi: Server

    def ask(self, path: str, first: str = "wsgi", method: str = "GET", body: bytes | None = None) -> list[Reply]:
        """The answers of each pool that was asked, in their order; hops are followed to their end."""
        server, mark = {"wsgi": self.wsgi, "asgi": self.asgi}[first], ""
        replies = []
        for _ in range(5):
            headers = {"X-Twinpool-May-Hop": "yes", **({"X-Twinpool-Hop": mark} if mark else {})}
            connection, answer = server.open(path, method, headers, body)
            to = answer.headers.get("X-Accel-Redirect")
            stream = (answer.headers.get("Content-Type") or "").startswith("text/event-stream")
            got = answer.read(1) if stream and method != "HEAD" else answer.read()
            names = {name.lower(): ", ".join(answer.headers.get_all(name) or []) for name in answer.headers}
            replies.append(Reply(answer.status, names, got))
            connection.close()
            if to is None:
                return replies
            server = self.wsgi if to == "@hop-wsgi" else self.asgi
            mark = "stream" if to == "@hop-asgi-stream" else "view"
        raise AssertionError(f"{method} {path} is handed over without end: {replies}")
