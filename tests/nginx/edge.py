"""Runs the shipped nginx folder in the edge image, with host files as a deploy would render them."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .stubs import StubPool

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "nginx"
HARDENED = (
    "--network=host", "--read-only", "--user=10001:10001", "--cap-drop=ALL", "--security-opt=no-new-privileges",
    "--tmpfs=/run/nginx:uid=10001,gid=10001,mode=0700",
    "--tmpfs=/var/cache/nginx:uid=10001,gid=10001,mode=0700,size=128m",
)  # fmt: skip


def docker(*args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["docker", *args], check=False, capture_output=True, text=True)
    assert not check or done.returncode == 0, f"docker {' '.join(args)}:\n{done.stdout}{done.stderr}"
    return done


def image() -> str:
    """TWINPOOL_EDGE_IMAGE, else the edge image that was built last; `make test` builds it before this suite."""
    if named := os.environ.get("TWINPOOL_EDGE_IMAGE"):
        return named
    built = docker("images", "--format={{.Repository}}:{{.Tag}}", "twinpool-edge").stdout.split()
    assert built, "no image twinpool-edge: `make test SUITE=nginx` builds it; or name another in TWINPOOL_EDGE_IMAGE"
    return built[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def upstreams(wsgi: int, asgi: int) -> str:
    """host/upstreams.conf as shipped, with the stubs for servers."""
    text = (SHIPPED / "host" / "upstreams.conf").read_text()
    return text.replace("app-wsgi:8000", f"127.0.0.1:{wsgi}").replace("app-asgi:8000", f"127.0.0.1:{asgi}")


def shipped(name: str, *changes: tuple[str, str]) -> str:
    """A shipped file, with parts of it changed; a change that finds nothing to change fails."""
    text = (SHIPPED / name).read_text()
    for old, new in changes:
        assert old in text, f"nginx/{name} holds no {old!r}"
        text = text.replace(old, new)
    return text


@dataclass(frozen=True)
class Edge:
    port: int
    status_port: int
    container: str
    folder: Path

    def log(self) -> list[dict[str, Any]]:
        """The access log so far."""
        return [json.loads(line) for line in docker("logs", self.container).stdout.splitlines()]

    def logged(self, request_id: str) -> dict[str, Any]:
        """The line of one request; nginx writes it after the answer, so it may take a moment."""
        for _ in range(100):
            if found := [line for line in self.log() if line["request_id"] == request_id]:
                assert len(found) == 1, found
                return found[0]
            time.sleep(0.05)
        raise AssertionError(f"no line for {request_id} in the log:\n{docker('logs', self.container).stdout[-3000:]}")

    def errors(self) -> str:
        return docker("logs", self.container).stderr


def render(folder: Path, files: Mapping[str, str]) -> None:
    """A copy of nginx/ with files written over it, readable by the edge's user."""
    shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    folder.chmod(0o755)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@contextmanager
def running(
    image: str, folder: Path, wsgi: StubPool, asgi: StubPool, files: Mapping[str, str] | None = None, *options: str
) -> Iterator[Edge]:
    """An edge on free loopback ports. Its logs are printed when it goes, for pytest to show where a test failed."""
    port, status = free_port(), free_port()
    given = {
        "host/listen.conf": f"listen 127.0.0.1:{port};\n",
        "host/status.conf": f"listen 127.0.0.1:{status};\n",
        "host/public.conf": shipped("host/public.conf", ("default 8080", f"default {port}")),
        "host/upstreams.conf": upstreams(wsgi.port, asgi.port),
    }
    render(folder, given | {name: text.replace("@PORT@", str(port)) for name, text in (files or {}).items()})
    started = docker(
        "run", "--detach", *HARDENED, f"--volume={folder}:/srv/edge:ro", *options,
        "--entrypoint=nginx", image, "-c", "/srv/edge/nginx.conf",
    )  # fmt: skip
    container = started.stdout.strip()
    try:
        wait_until_live(container, status)
        yield Edge(port, status, container, folder)
    finally:
        logs = docker("logs", "--tail=60", container, check=False)
        print(logs.stdout[-6000:], logs.stderr[-6000:])
        docker("rm", "--force", "--volumes", container)


def wait_until_live(container: str, port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                sock.sendall(b"GET /live HTTP/1.0\r\n\r\n")
                if sock.recv(100).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            time.sleep(0.05)
    logs = docker("logs", container)
    raise AssertionError(f"the edge does not start:\n{logs.stdout}{logs.stderr}")
