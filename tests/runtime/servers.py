"""Debian's own Redis and PostgreSQL on free loopback ports, for the fixtures of the runtime's tests."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "only-for-tests"
START_SECONDS = 30


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def account() -> str | None:
    """The user to run servers as: PostgreSQL refuses root. None to stay who we are."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that the servers' user owns; pytest's own are closed to it."""
    path = Path(tempfile.mkdtemp(prefix="runtime-tests-"))
    if user := account():
        shutil.chown(path, user)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def running(command: list[str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """A server that answers, ended by its own process id; its log is shown where it does not start."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, user=account(), cwd=log.parent)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start:\n{log.read_text()}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def answers(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def redis() -> Iterator[str]:
    """A Redis with a password; its URL."""
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--requirepass", PASSWORD]
    with folder() as path, running(["redis-server", *options], path / "log", lambda: answers(port)):
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL cluster of its own; the URL of its database `postgres`."""
    port = free_port()
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    found = binaries[-1] if binaries else str(Path(shutil.which("initdb") or "/nowhere/initdb").parent)
    with folder() as path:
        secret = path / "password"
        secret.write_text(PASSWORD)
        if user := account():
            shutil.chown(secret, user)
        data = path / "data"
        made = [
            "-D",
            str(data),
            "-U",
            "shop",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--no-sync",
            "--no-locale",
            "-E",
            "UTF8",
        ]
        subprocess.run([f"{found}/initdb", *made], check=True, capture_output=True, user=account(), cwd=path)
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        url = f"postgresql://shop:{PASSWORD}@127.0.0.1:{port}/postgres"
        with running([f"{found}/postgres", "-D", str(data), *options], path / "log", lambda: _takes_queries(url)):
            yield url


def _takes_queries(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
