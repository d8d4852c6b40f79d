"""PostgreSQL, Redis and the noticeboard for the tests, each on a loopback port of its own, each ended by them."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
# PostgreSQL refuses to run as root.
AS_NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} within {seconds} s: it did not come")
        time.sleep(0.05)


@contextmanager
def process(command: list[str], port: int, **options) -> Iterator[subprocess.Popen]:
    """A server that listens on `port` inside the block. Its output is shown where it does not come up."""
    with tempfile.TemporaryFile() as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
        try:
            wait_until(lambda: answers(port) or server.poll() is not None, f"{command[0]} listens on {port}")
            if server.poll() is not None:
                output.seek(0)
                raise RuntimeError(f"{command[0]} ended with {server.returncode}: {output.read().decode()[-2000:]}")
            yield server
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextmanager
def folder() -> Iterator[str]:
    """A folder that the user of AS_NOBODY owns."""
    with tempfile.TemporaryDirectory(prefix="board-", ignore_cleanup_errors=True) as path:
        if AS_NOBODY:
            shutil.chown(path, "nobody", "nogroup")
        yield path


@contextmanager
def postgres(port: int) -> Iterator[None]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4]))
    if not found:
        raise FileNotFoundError("no /usr/lib/postgresql/*/bin/postgres: apt-get install postgresql")
    binaries = found[-1].parent
    with folder() as data:
        setup = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8"]
        subprocess.run(setup, check=True, capture_output=True, cwd=data, **AS_NOBODY)
        run = [str(binaries / "postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"]
        with process(run, port, cwd=data, **AS_NOBODY):
            make = [str(binaries / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "board"]
            wait_until(lambda: subprocess.run(make, capture_output=True).returncode == 0, "createdb board")
            yield


@contextmanager
def redis(port: int) -> Iterator[None]:
    with folder() as data:
        run = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", data]
        with process(run, port, cwd=data, **AS_NOBODY):
            yield


@contextmanager
def noticeboard(port: int) -> Iterator[subprocess.Popen]:
    """The project on one ASGI server, for pages and sockets alike: how it runs without Twinpool's two pools."""
    environment = {
        **os.environ,
        "DEBUG": "1",  # static files by Django
        "DJANGO_SETTINGS_MODULE": "app.settings",
        "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'app'}",
    }
    run = [sys.executable, "-m", "uvicorn", "noticeboard.asgi:application", "--port", str(port)]
    with process(run, port, env=environment, cwd=ROOT / "app") as server:
        yield server
