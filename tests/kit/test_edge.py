"""The edge's parent, with a stand-in for nginx: what it waits for, when it reloads, how it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from twinpool import edge

KIT = Path(__file__).resolve().parents[2]
# Writes down what is done to it. `-t` fails while the configuration holds the word bad.
NGINX = """#!{python}
import signal, sys, time
def note(text):
    with open("{notes}", "a") as file:
        file.write(text + "\\n")
if "-t" in sys.argv:
    if "bad" in open("{config}").read():
        sys.exit("nginx: [emerg] bad")
    sys.exit(0)
signal.signal(signal.SIGHUP, lambda *_: note("reload"))
signal.signal(signal.SIGQUIT, lambda *_: (note("quit"), sys.exit(0)))
signal.signal(signal.SIGTERM, lambda *_: (note("term"), sys.exit(0)))
note("start")
time.sleep(60)
time.sleep(60)
"""


def test_names_are_those_of_servers_that_are_no_addresses() -> None:
    text = "upstream app-wsgi {\n  server r3-app-wsgi:8000 max_fails=0;\n  server 10.0.0.5:9042;\n  # server old:1;\n}"
    assert edge.names(text) == {"r3-app-wsgi"}


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    folder: Path

    def wait_for(self, *notes: str) -> None:
        end = time.monotonic() + 15
        while (found := self.notes()) != list(notes):
            assert time.monotonic() < end, found
            time.sleep(0.05)

    def notes(self) -> list[str]:
        file = self.folder / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def hosts(self, text: str) -> None:
        """What names resolve to, for the process under test alone (see the stand-in for getaddrinfo)."""
        (self.folder / "hosts").write_text(text)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """run(names…): the parent, with its files and names in a folder of the test's own."""
    started: list[Running] = []

    def begin(hosts: str = "r1-app-wsgi 10.0.0.1") -> Running:
        nginx = tmp_path / "bin" / "nginx"
        nginx.parent.mkdir()
        config = tmp_path / "nginx.conf"
        config.write_text("good")
        nginx.write_text(NGINX.format(python=sys.executable, notes=tmp_path / "notes", config=config))
        nginx.chmod(0o755)
        (tmp_path / "upstreams.conf").write_text("server r1-app-wsgi:8000;\n")
        program = (
            "import socket, sys; from pathlib import Path; from twinpool import edge\n"
            f"folder = Path({str(tmp_path)!r})\n"
            "edge.CONFIG, edge.UPSTREAMS = folder / 'nginx.conf', folder / 'upstreams.conf'\n"
            "def resolve(name, *_):\n"
            "    found = dict(line.split() for line in (folder / 'hosts').read_text().splitlines())\n"
            "    if name not in found: raise OSError(name)\n"
            "    return [(0, 0, 0, '', (found[name], 0))]\n"
            "socket.getaddrinfo = resolve\n"
            "sys.exit(edge.Edge().run())\n"
        )
        environment = {**os.environ, "PATH": f"{nginx.parent}:{os.environ['PATH']}", "PYTHONPATH": str(KIT / "docker")}
        (tmp_path / "hosts").write_text(hosts)
        process = subprocess.Popen([sys.executable, "-c", program], env=environment, start_new_session=True)
        running = Running(process, tmp_path)
        started.append(running)
        return running

    yield begin
    for running in started:
        with contextlib.suppress(ProcessLookupError):  # its stand-in for nginx ends with it
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def test_it_waits_for_names_before_nginx_starts(run: Callable[..., Running]) -> None:
    running = run(hosts="")
    time.sleep(1)
    assert running.notes() == []
    running.hosts("r1-app-wsgi 10.0.0.1")
    running.wait_for("start")


def test_a_container_that_came_back_elsewhere_is_noticed(run: Callable[..., Running]) -> None:
    running = run()
    running.wait_for("start")
    running.hosts("r1-app-wsgi 10.0.0.9")
    running.wait_for("start", "reload")


def test_a_bad_configuration_is_not_taken(run: Callable[..., Running]) -> None:
    running = run()
    running.wait_for("start")
    (running.folder / "nginx.conf").write_text("bad")
    running.process.send_signal(signal.SIGHUP)
    time.sleep(2)
    assert running.notes() == ["start"]
    (running.folder / "nginx.conf").write_text("good")
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("start", "reload")


def test_sigterm_ends_nginx_gently(run: Callable[..., Running]) -> None:
    running = run()
    running.wait_for("start")
    running.process.send_signal(signal.SIGTERM)
    running.wait_for("start", "quit")
    assert running.process.wait(10) == 0
