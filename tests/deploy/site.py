"""A site under test: what a user would type, and what a user could look at. Used by every test of this folder."""

import fcntl
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from holding import Holding
from program import KIT, make

STATE = Path("/var/lib/twinpool")
# Short windows: the relations between them are the shipped ones.
QUICK = {"DRAIN_WINDOW": "6", "GRACEFUL": "5", "READY_TIMEOUT": "40"}


def run(*command: str | Path, timeout: float = 300, **options: object) -> subprocess.CompletedProcess[str]:
    """A program to its end; standard error goes with the output, as a person sees it."""
    return subprocess.run(
        [str(word) for word in command], check=False, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def copy_of(project: Path, place: Path) -> Path:
    """The project as its team would have it: a folder of its own, without git."""
    shutil.copytree(project, place, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    return place


def certificate(folder: Path, number: int) -> Path:
    """A certificate for localhost that vouches for itself, and its key, as tls.crt and tls.key."""
    folder.mkdir(parents=True, exist_ok=True)
    files = ("-out", folder / "tls.crt", "-keyout", folder / "tls.key")
    made = (*files, "-days", "2", "-nodes", "-set_serial", str(number))
    names = ("-subj", f"/CN=localhost {number}", "-addext", "subjectAltName=DNS:localhost")
    done = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *names, *made)
    assert done.returncode == 0, done.stdout
    return folder


def serial(port: int) -> str:
    """Of the certificate that is shown there for localhost, as openssl writes it: serial=01."""
    shown = f"openssl s_client -connect 127.0.0.1:{port} -servername localhost < /dev/null 2> /dev/null"
    return run("sh", "-c", f"{shown} | openssl x509 -noout -serial").stdout.splitlines()[-1]


@dataclass
class Site:
    name: str
    project: Path
    port: int = field(default_factory=free_port)
    knobs: dict[str, str] = field(default_factory=dict)

    def make(
        self, verb: str, *, kit: Path = KIT, timeout: float = 400, **knobs: str
    ) -> subprocess.CompletedProcess[str]:
        given = {
            "PROJECT": str(self.project),
            "NAME": self.name,
            "PORT": str(self.port),
            **QUICK,
            **self.knobs,
            **knobs,
        }
        return make(verb, given, timeout=timeout, kit=kit)

    def deploy(self, **knobs: str) -> str:
        """A deploy that has to work; what it printed."""
        done = self.make("deploy", **knobs)
        assert done.returncode == 0, done.stdout
        return done.stdout

    @property
    def folder(self) -> Path:
        return STATE / self.name

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def secret_file(self) -> Path:
        return self.folder / "secrets" / "probe_secret"

    def state(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / "state.json").read_text())
        return found

    def container(self, pool: str) -> str:
        """Name of the first container of a pool of the release that serves."""
        return f"{self.name}-{self.state()['current']}-app-{pool}-1"

    def edge(self) -> str:
        """What tells the edge's files in use from others."""
        return (self.folder / "edge" / ".fingerprint").read_text()

    def containers(self) -> list[str]:
        """What `docker ps` shows of this site: identity, name and image, so that a restart is seen."""
        told = run(
            "docker",
            "ps",
            "--no-trunc",
            "--filter",
            f"label=twinpool.site={self.name}",
            "--format",
            "{{.ID}} {{.Names}} {{.Image}}",
        )
        return sorted(told.stdout.splitlines())

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers by lower-case name, and body."""
        request = urllib.request.Request(
            self.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, {n.lower(): v for n, v in answer.headers.items()}, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, {n.lower(): v for n, v in error.headers.items()}, error.read().decode()

    def who(self, pool: str) -> dict[str, str]:
        accept = {"wsgi": "*/*", "asgi": "text/event-stream"}[pool]
        _, _, body = self.get("/-/probe/who", Accept=accept, X_Twinpool_Probe=self.secret_file.read_text().strip())
        found: dict[str, str] = json.loads(body)
        return found

    def hold(self, *options: str) -> Holding:
        folder = self.folder / "held-by-a-test"
        shutil.rmtree(folder, ignore_errors=True)
        given = ("--connect", f"127.0.0.1:{self.port}", "--seconds=300", *options)
        return Holding(folder, self.url, self.secret_file, *given)

    def suite(self, folder: str, *options: str, url: str = "", timeout: float = 600) -> None:
        """Another folder of tests/ against this site. One at a time: each loads a site as far as it can."""
        given = ["--url", url or self.url, "--probe-secret-file", self.secret_file, *options]
        with (Path(tempfile.gettempdir()) / "twinpool-test-suite.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = run(sys.executable, "-m", "pytest", f"tests/{folder}", "-q", *given, timeout=timeout, cwd=KIT)
        print(done.stdout)
        assert done.returncode == 0, done.stdout[-6000:]

    def split(self, project: str, pools: str = "both") -> None:
        """Each view of a project is answered by the pool it needs; see tests/split."""
        metrics = f"docker exec {self.container('asgi' if pools == 'both' else pools)} twinpool ask /-/metrics"
        self.suite("split", "--project", project, "--pools", pools, "--metrics-command", metrics)
