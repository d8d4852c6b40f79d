"""A bare server: a container that boots systemd, with sshd and nothing else of what a site needs; and its site.

Its root file system is made once, by the kit's own means, and kept as an image of this host.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import index
from holding import Holding
from program import ENGINE_RIGHTS, KIT, make, run

# What a hosting company's image of Debian has; `make provision` brings the rest.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "procps")
NETWORK = "twinpool-test-servers"
RIGHTS = (
    *(*ENGINE_RIGHTS, "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *("--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec", "--volume=/var/lib/docker", "--env=container=docker"),
    "--stop-signal=SIGRTMIN+3",  # systemd shuts down: services end in their order, as on a machine
)

# A host of the first generation of control groups shows them so; systemd of trixie wants the second.
BOOT = "umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec /sbin/init"


def image(suite: str) -> str:
    name = f"twinpool-test-server:{suite}"
    if not run("docker", "image", "ls", "--quiet", name):
        debian = KIT / "ansible" / "roles" / "docker" / "files" / "debian.py"
        run(sys.executable, debian, "rootfs", name, suite, *PACKAGES, timeout=600)
    return name


@dataclass(frozen=True)
class Server:
    """One server, reached by ssh with a key that lies in `folder`."""

    name: str
    folder: Path

    @classmethod
    def boot(cls, name: str, suite: str, folder: Path, *options: str) -> "Server":
        here = index.of_this_machine(sys.executable)
        trusted = [f"--volume={here.certificates}:{index.BUNDLE}:ro"] if here.certificates else []
        run("docker", "run", "--detach", "--name", name, "--hostname", name, f"--network={NETWORK}", *RIGHTS, *trusted,
            *options, image(suite), "sh", "-c", BOOT)  # fmt: skip
        server = cls(name, folder)
        server.until("systemctl is-system-running | grep -Eq 'running|degraded'")
        key = folder / "key"
        if not key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        public = key.with_suffix(".pub").read_text()
        server.sh(f"mkdir -p -m 700 ~/.ssh && echo '{public}' > ~/.ssh/authorized_keys")
        host_key = server.sh("cat /etc/ssh/ssh_host_ed25519_key.pub").strip()
        with (folder / "known_hosts").open("a") as file:
            file.write(f"{server.address} {host_key}\n")
        return server

    @property
    def address(self) -> str:
        where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return run("docker", "inspect", "--format", where, self.name).strip()

    def sh(self, script: str, *, timeout: float = 120, check: bool = True) -> str:
        return run("docker", "exec", self.name, "sh", "-c", script, timeout=timeout, check=check)

    def until(self, script: str, seconds: int = 60) -> None:
        """Waits until a script there ends well."""
        for _ in range(seconds * 2):
            if subprocess.run(["docker", "exec", self.name, "sh", "-c", script], check=False).returncode == 0:
                return
            time.sleep(0.5)
        raise AssertionError(f"{self.name} does not come to: {script}")

    def variables(self) -> dict[str, object]:
        options = f"-o UserKnownHostsFile={self.folder / 'known_hosts'}"
        return {
            "ansible_host": self.address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.folder / "key"),
            "ansible_ssh_common_args": options,
        }

    def page(self) -> str:
        """What a visitor gets of the edge here; an error's text where there is none."""
        resolve = f"shop.example:443:{self.address}"
        return run("curl", "-sSk", "--resolve", resolve, "https://shop.example/accounts/login/", check=False)

    def ends(self) -> None:
        run("docker", "rm", "--force", "--volumes", self.name, check=False)


def held(site: Server, edge: Server, folder: Path, change: Callable[[], None]) -> dict[str, Any]:
    """What clients saw that held on through a change, from beside the edge; `site` is the host with the secret."""
    folder.mkdir()
    for name, source in (("secret", "secrets/probe_secret"), ("ca.pem", "tls/authority.pem")):
        (folder / name).write_text(site.sh(f"cat /var/lib/twinpool/shop/{source}"))
    options = ("--connect", f"{edge.address}:443", "--ca", folder / "ca.pem", "--sockets=40", "--window=6")
    holding = Holding(folder, "https://shop.example", folder / "secret", *options)
    try:
        change()
    finally:
        _, figures, told = holding.end()
    return {**figures, "told": told}


@dataclass
class Team:
    """A project of its own with an inventory, and what its team types."""

    project: Path

    def make(self, verb: str, *, timeout: float = 900, **knobs: str) -> tuple[int, str]:
        given = {"PROJECT": str(self.project), "INVENTORY": "production", **knobs}
        done = make(verb, given, timeout=timeout)
        return done.returncode, done.stdout
