"""The edge's parent, with a stand-in for nginx: what it waits for, when it reloads, how it ends."""

import contextlib
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import edge
import host
import pytest

KIT = Path(__file__).resolve().parents[2]
# Writes down what is done to it. `-t` fails for files that hold the word bad.
NGINX = """#!{python}
import signal, sys, time
def note(text):
    with open("{notes}", "a") as file:
        file.write(text + "\\n")
if "-t" in sys.argv:
    if "bad" in open(sys.argv[-1]).read():
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
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / "nginx.conf").write_text("good")
        shutil.copytree(KIT / "nginx" / "host", tmp_path / "source" / "host")
        (tmp_path / "source" / "edge.env").write_text("TWINPOOL_POOLS=wsgi\nTWINPOOL_UPSTREAM_WSGI=r1-app-wsgi:8000\n")
        (tmp_path / "source" / "tls").mkdir()
        nginx.write_text(NGINX.format(python=sys.executable, notes=tmp_path / "notes"))
        nginx.chmod(0o755)
        program = (
            "import socket, sys; from pathlib import Path; import edge\n"
            f"folder = Path({str(tmp_path)!r})\n"
            "edge.SOURCE, edge.RUN = folder / 'source', folder / 'run'\n"
            "real = socket.getaddrinfo\n"
            "def resolve(name, *more):\n"
            "    if name[0].isdigit(): return real(name, *more)\n"
            "    found = dict(line.split() for line in (folder / 'hosts').read_text().splitlines())\n"
            "    if name not in found: raise OSError(name)\n"
            "    return [(0, 0, 0, '', (found[name], 0))]\n"
            "socket.getaddrinfo = resolve\n"
            "sys.exit(edge.Edge().run())\n"
        )
        environment = {
            **os.environ,
            "PATH": f"{nginx.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(KIT / "docker" / "edge"),
        }
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
    (running.folder / "source" / "nginx.conf").write_text("bad")
    running.process.send_signal(signal.SIGHUP)
    time.sleep(2)
    assert running.notes() == ["start"]
    (running.folder / "source" / "nginx.conf").write_text("good")
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("start", "reload")


def test_sigterm_ends_nginx_gently(run: Callable[..., Running]) -> None:
    running = run()
    running.wait_for("start")
    running.process.send_signal(signal.SIGTERM)
    running.wait_for("start", "quit")
    assert running.process.wait(10) == 0


def test_an_edge_that_ends_tells_the_asgi_pool(run: Callable[..., Running]) -> None:
    told: list[tuple[str, str, str | None]] = []

    class Pool(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append((self.command, self.path, self.headers["X-Twinpool-Edge"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with http.server.HTTPServer(("127.0.0.1", 0), Pool) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running = run(hosts="r1-app-wsgi 10.0.0.1\npods 127.0.0.1")
        running.wait_for("start")
        settings = running.folder / "source" / "edge.env"
        settings.write_text(
            settings.read_text() + f"TWINPOOL_LEAVE=pods:{server.server_port}\nTWINPOOL_LEAVE_WITHIN=2\n"
        )
        running.process.send_signal(signal.SIGTERM)
        running.wait_for("start", "quit")
        server.shutdown()
    assert told == [("POST", "/-/edge-leaves?within=2", socket.gethostname())]


def test_a_renewed_certificate_is_noticed(run: Callable[..., Running]) -> None:
    running = run()
    running.wait_for("start")
    (running.folder / "source" / "tls" / "tls.crt").write_text("renewed")
    running.wait_for("start", "reload")


def test_a_setting_that_nginx_would_misread_is_not_taken(run: Callable[..., Running]) -> None:
    running = run()
    running.wait_for("start")
    (running.folder / "source" / "edge.env").write_text("TWINPOOL_HOSTS=shop.example; return\n")
    running.process.send_signal(signal.SIGHUP)
    time.sleep(2)
    assert running.notes() == ["start"]


def told(**settings: str) -> dict[str, str]:
    """The changed files, without comments and with single spaces."""
    changed = host.decided(KIT / "nginx" / "host", {f"TWINPOOL_{name}": value for name, value in settings.items()})
    kept = {name: [line for line in text.splitlines() if not line.startswith("#")] for name, text in changed.items()}
    return {name: " ".join(" ".join(lines).split()) for name, lines in kept.items()}


def test_without_settings_the_shipped_files_hold() -> None:
    shipped = (KIT / "nginx" / "host" / "upstreams.conf").read_text()
    assert host.decided(KIT / "nginx" / "host", {}) == {"upstreams.conf": shipped}


@pytest.mark.parametrize(
    ("settings", "file", "expected"),
    [
        ({"HOSTS": "shop.example, www.shop.example"}, "names.conf", "server_name shop.example www.shop.example;"),
        ({"POOLS": "asgi"}, "pools.conf", "include pools/asgi.conf;"),
        ({"PORT": "80", "TLS_PORT": "443"}, "public.conf", "default 80; https 443; }"),
        ({"BODY_LIMIT": "25"}, "limits.conf", "client_max_body_size 25m;"),
        ({"EDGE_SHUTDOWN": "2010"}, "workers.conf", "worker_shutdown_timeout 2010s;"),
        ({"TLS": "local"}, "listen.conf", "listen 8080; listen 8443 ssl;"),
        ({"TLS": "local"}, "tls.conf", "ssl_certificate_key /srv/edge/tls/tls.key; http2 on;"),
        ({"TLS": "local", "TLS_PORT": "443"}, "tls.conf", 'default ""; http https://$host; }'),
        (
            {"TRUST": "10.0.0.1,10.1.0.0/16"},
            "trust.conf",
            "set_real_ip_from 10.0.0.1/32; set_real_ip_from 10.1.0.0/16;",
        ),
        ({"TRUST": "10.0.0.1"}, "trust.conf", "default 0; 10.0.0.1/32 1; }"),
        ({"UPSTREAM_WSGI": "a:1 b:2"}, "upstreams.conf", "server a:1 max_fails=0; server b:2 max_fails=0;"),
    ],
)
def test_a_setting_decides(settings: dict[str, str], file: str, expected: str) -> None:
    assert expected in told(**settings)[file]


def test_a_pool_that_is_off_is_stood_in_for() -> None:
    text = told(POOLS="wsgi", UPSTREAM_WSGI="r2-app-wsgi:8000", UPSTREAM_ASGI="r2-app-asgi:8000")["upstreams.conf"]
    assert text.count("server r2-app-wsgi:8000") == 2
    assert "r2-app-asgi" not in text


@pytest.mark.parametrize(
    "settings",
    [
        {"HOSTS": "a; return 200"},
        {"TRUST": "everyone"},
        {"PORT": "80 81"},
        {"UPSTREAM_ASGI": "x:1; }"},
        {"POOLS": "all"},
    ],
)
def test_a_setting_that_is_none_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(host.BadSetting):
        told(**settings)
