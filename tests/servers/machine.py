"""A bare server: a container that boots systemd, with sshd and nothing else of what a site needs; and its site.

Its root file system is made once, by the kit's own means, and kept as an image of this host.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import index

KIT = Path(__file__).resolve().parents[2]
# What a hosting company's image of Debian has; `make provision` brings the rest.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "procps")
NETWORK = "twinpool-test-servers"
# An engine in a container, on a host that may itself lack CAP_SYS_RESOURCE: what --privileged would give, without that.
RIGHTS = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *(f"--security-opt={name}=unconfined" for name in ("seccomp", "apparmor", "systempaths")),
    *("--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec", "--volume=/var/lib/docker", "--env=container=docker"),
)


def run(*command: object, timeout: float = 120, check: bool = True) -> str:
    """Both outputs of a program; fails with them."""
    done = subprocess.run(
        [str(word) for word in command], check=False, text=True, timeout=timeout,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0 or not check, f"{' '.join(map(str, command))}\n{done.stdout[-6000:]}"
    return done.stdout


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
    def boot(cls, name: str, suite: str, folder: Path) -> "Server":
        here = index.of_this_machine(sys.executable)
        trusted = [f"--volume={here.certificates}:{index.BUNDLE}:ro"] if here.certificates else []
        run("docker", "run", "--detach", "--name", name, "--hostname", name, f"--network={NETWORK}", *RIGHTS, *trusted,
            image(suite), "/sbin/init")  # fmt: skip
        server = cls(name, folder)
        server.until("systemctl is-system-running | grep -Eq 'running|degraded'")
        key = folder / "key"
        if not key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        public = key.with_suffix(".pub").read_text()
        server.sh(f"mkdir -p -m 700 /root/.ssh && echo '{public}' > /root/.ssh/authorized_keys")
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

    def ends(self) -> None:
        run("docker", "rm", "--force", "--volumes", self.name, check=False)


@dataclass
class Team:
    """A project of its own with an inventory, and what its team types."""

    project: Path

    def make(self, verb: str, *, timeout: float = 900, **knobs: str) -> tuple[int, str]:
        given = {"PROJECT": str(self.project), "INVENTORY": "production", **knobs}
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MAKELEVEL", "TWINPOOL_MAKE", "CI")}  # fmt: skip
        words = [f"{name}={value}" for name, value in given.items()]
        done = subprocess.run(
            ["make", "--no-print-directory", "-C", str(KIT), verb, *words], check=False, text=True, timeout=timeout,
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout
