"""A fresh Debian machine: a container that holds root, git, make and Python, and an engine of its own once it has one.

What is installed, built and started in there ends with it. Its root file system is made once, by the kit's own means,
and kept as an image of this host; remove it to have a newer one: docker rmi twinpool-test-debian:bookworm
"""

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import index
import pytest
from program import ENGINE_RIGHTS

KIT = Path(__file__).resolve().parents[2]
IMAGE = "twinpool-test-debian:bookworm"
RIGHTS = (*ENGINE_RIGHTS, "--cgroupns=private")
# It ends by itself where the tests could not end it; its engine makes control groups of its own.
LIFE = """for group in /sys/fs/cgroup /sys/fs/cgroup/*; do mountpoint -q $group && mount -o remount,bind,rw $group; done
exec sleep 3600"""


def run(*command: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Both outputs in `stdout`."""
    return subprocess.run(
        [str(word) for word in command],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


def must(*command: object, timeout: float = 120) -> str:
    done = run(*command, timeout=timeout)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@dataclass(frozen=True)
class Machine:
    container: str

    def sh(self, script: str, *, user: str = "root", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return run("docker", "exec", "--user", user, self.container, "bash", "-c", script, timeout=timeout)

    def make(self, words: str, *, path: str = "", timeout: float = 120) -> tuple[int, str]:
        """Exit code and output of `make WORDS` in root's checkout; `path` goes before the ordinary PATH."""
        first = f"export PATH={path}; " if path else ""
        done = self.sh(f"{first}cd /opt/twinpool && make {words}", timeout=timeout)
        return done.returncode, done.stdout

    def engine(self) -> tuple[str, str]:
        """Process of the engine, and its containers: a restart of either is seen."""
        containers = self.sh("docker ps --no-trunc --format '{{.ID}} {{.Names}}' | sort")
        return self.sh("pidof dockerd").stdout, containers.stdout


@pytest.fixture(scope="session")
def system() -> str:
    if run("docker", "image", "inspect", IMAGE).returncode:
        debian = (sys.executable, KIT / "ansible" / "roles" / "docker" / "files" / "debian.py")
        if run("mmdebstrap", "--version").returncode:
            must(*debian, "install", "mmdebstrap", timeout=300)
        must(*debian, "rootfs", IMAGE, "bookworm", "git", "make", "python3", "curl", timeout=600)
    return IMAGE


@pytest.fixture(scope="session")
def fresh(system: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine with a clone of this tree, changes that are not committed yet included."""
    folder = tmp_path_factory.mktemp("fresh")
    here = index.of_this_machine(sys.executable)
    (folder / "pip.conf").write_text(here.pip_conf())
    container = f"twinpool-test-fresh-{os.getpid()}"
    must("docker", "run", "--detach", "--rm", "--init", "--name", container, *RIGHTS, "--volume=/var/lib/docker",
         f"--volume={KIT}:/source:ro", f"--volume={folder}/pip.conf:/etc/pip.conf:ro",
         *([f"--volume={here.certificates}:{index.BUNDLE}:ro"] if here.certificates else []),
         system, "bash", "-c", LIFE)  # fmt: skip
    try:
        machine = Machine(container)
        clone = "git config --system --add safe.directory '*' && umask 077 && git clone --quiet /source /opt/twinpool"
        done = machine.sh(clone)
        assert done.returncode == 0, done.stdout
        changes = must("git", "-C", KIT, "ls-files", "--modified", "--others", "--exclude-standard").splitlines()
        with tarfile.open(folder / "changes.tar", "w") as tar:
            for name in changes:
                if (KIT / name).exists():
                    tar.add(KIT / name, name)
        must("docker", "cp", folder / "changes.tar", f"{container}:/opt/changes.tar")
        assert machine.sh("tar --extract --file /opt/changes.tar --directory /opt/twinpool").returncode == 0
        yield machine
    finally:
        run("docker", "rm", "--force", "--volumes", container)
