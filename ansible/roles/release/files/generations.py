"""What a deploy does to a site's generations on one Docker host, apart from compose: look, leave, bring back, remove.

generations.py SITE FOLDER VERB [ARGUMENT…]      FOLDER holds state.json and releases/
known HOST [HOST:RELEASE…]  one JSON object: current, previous, last, running (containers of current), fingerprint,
                            pools, hosts, window, secrets (a hash over them), adopted (the release that a deploy which
                            did not end had switched to; it is current now: an edge sends to it, as the pairs say),
                            ports (published ones by release and pool), free (the first that no release has)
leftovers                   removes containers of releases that do not serve, and clients of a receipt; prints names
containers RELEASE          ids, those that have ended too
leave RELEASE               out of rotation; waits as long as its own settings allow; cuts what is left, unless
                            DRAIN_LEAVE grants it more
back RELEASE                starts ended containers again; prints ids
remove RELEASE              containers, folder, and the image unless another release has it
keep RELEASE…               removes ended containers, and all other releases but those that still run
down                        ends and removes all containers of the site: the edge first, then pools, then what they use
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Ports that generations are published on where a site has several hosts: below those that a kernel gives away.
FIRST_PORT, LAST_PORT, PORTS_A_RELEASE = 20000, 31999, 64
# Secrets that a pool reads: another one of them makes another release.
OF_A_POOL = ("secret_key", "database_url", "redis_url", "probe_secret")


def docker(*arguments: str, check: bool = True) -> str:
    """What docker prints. Raises CalledProcessError; its own words go to standard error."""
    return subprocess.run(["docker", *arguments], check=check, stdout=subprocess.PIPE, text=True).stdout


class Generations:
    def __init__(self, site: str, folder: Path) -> None:
        self.site, self.folder, self.releases = site, folder, folder / "releases"

    def ids(self, release: str, *options: str) -> list[str]:
        project = f"label=com.docker.compose.project={self.site}-{release}"
        return docker("ps", "--no-trunc", "--quiet", "--filter", project, *options).split()

    def state(self) -> dict[str, Any]:
        file = self.folder / "state.json"
        return json.loads(file.read_text()) if file.exists() else {"current": "", "previous": "", "last": 0}

    def adopt(self, host: str, served: Sequence[str]) -> str:
        """A release that an edge was given by a deploy that did not end becomes the current one; its name, or none."""
        state = self.state()
        mine = {pair.removeprefix(f"{host}:") for pair in served if pair.startswith(f"{host}:r")}
        last = max(mine - {state["current"]}, key=lambda name: int(name[1:]), default="")
        if not last or not self.ids(last):
            return ""
        taken = {"current": last, "previous": state["current"], "last": max(state["last"], int(last[1:]))}
        (self.folder / "state.json").write_text(json.dumps(taken))
        return last

    def known(self, host: str, *served: str) -> None:
        adopted = self.adopt(host, served)
        state: dict[str, Any] = {**self.state(), "adopted": adopted}
        fingerprint = self.releases / state["current"] / "fingerprint"
        state["fingerprint"] = fingerprint.read_text().strip() if fingerprint.is_file() else ""
        files = [self.folder / "secrets" / name for name in OF_A_POOL]
        state["secrets"] = hashlib.sha256(b"\0".join(file.read_bytes() for file in files if file.is_file())).hexdigest()
        state["pools"] = self.setting(state["current"], "POOLS") if state["current"] else ""
        state["hosts"] = self.setting(state["current"], "HOSTS").replace(" ", "") if state["current"] else ""
        state["window"] = self.setting(state["current"], "DRAIN_WINDOW") if state["current"] else ""
        state["running"] = len(self.ids(state["current"])) if state["current"] else 0
        state["ports"] = self.ports()
        state["free"] = self.free()
        print(json.dumps(state))

    def ports(self) -> dict[str, dict[str, list[int]]]:
        """Published ports of each release by pool."""
        return {
            path.name: {pool: self.published(path.name, pool) for pool in ("wsgi", "asgi")}
            for path in (self.releases.iterdir() if self.releases.is_dir() else ())
        }

    def published(self, release: str, pool: str) -> list[int]:
        first, _, last = self.setting(release, f"{pool.upper()}_PORTS").partition("-")
        return list(range(int(first), int(last or first) + 1)) if first else []

    def free(self) -> int:
        """The first of the ports that no release of any site on this host has, kept ones included."""
        told = [file.read_text() for file in self.folder.parent.glob("*/releases/*/release.env")]
        taken = {int(port) for text in told for port in re.findall(r"(?m)^(?:WSGI|ASGI)_PORTS=(\d+)", text)}
        blocks = {(port - FIRST_PORT) // PORTS_A_RELEASE for port in taken}
        first = next(number for number in range(len(blocks) + 1) if number not in blocks)
        port = FIRST_PORT + first * PORTS_A_RELEASE
        if port + PORTS_A_RELEASE > LAST_PORT:
            sys.exit(f"All ports from {FIRST_PORT} to {LAST_PORT} are taken by releases in {self.folder.parent}.")
        return port

    def leftovers(self) -> None:
        """A killed deploy's generation that never served, and an old one that was draining or leaving."""
        state = self.state()
        if any(not self.is_leaving(identity) for identity in self.ids(state["previous"])):
            self.leave(state["previous"])  # one that served: its sockets move in order
        told = docker("ps", "--all", "--filter", f"label=twinpool.site={self.site}",
                      "--format", '{{.ID}} {{.Names}} {{.Label "com.docker.compose.project"}} {{.State}}')  # fmt: skip
        if clients := docker("ps", "--all", "--quiet", "--filter", f"name=^{self.site}-hold-").split():
            print(docker("rm", "--force", *clients), end="")
        for line in told.splitlines():
            identity, name, project, run = line.split()
            release = project.removeprefix(f"{self.site}-")
            if project == self.site or release == state["current"]:
                continue
            if run == "running" and self.is_leaving(identity):
                continue  # an old one that ends by itself: it drains, or is left alone by DRAIN_LEAVE
            docker("rm", "--force", identity)
            print(name)

    @staticmethod
    def is_leaving(identity: str) -> bool:
        return docker("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", identity).strip() == "no"

    def containers(self, release: str) -> None:
        print("\n".join(self.ids(release, "--all")))

    def leave(self, release: str) -> None:
        if not (running := self.ids(release)):
            return
        # An engine that restarts, or the host's reboot, must not bring back what leaves.
        docker("update", "--restart=no", *running)
        docker("kill", "--signal=USR1", *running)
        # The window, requests under way, and the runtime's own margins (serve.py), as release.env.j2 adds them up.
        bound = float(self.setting(release, "STOP_GRACE").rstrip("s") or 75)
        try:
            subprocess.run(["docker", "wait", *running], check=False, stdout=subprocess.DEVNULL, timeout=bound)
        except subprocess.TimeoutExpired:
            leave = self.setting(release, "DRAIN_LEAVE")
            if leave and int(leave):
                print(f"{release} goes on with sockets that were open, for at most {leave} s; make status shows it")
            else:
                docker("stop", "--time=5", *self.ids(release))

    def back(self, release: str) -> None:
        found = self.ids(release, "--all")
        docker("update", "--restart=unless-stopped", *found)
        # One that is draining would not take requests again: it is ended, and starts afresh.
        if draining := [identity for identity in self.ids(release) if self.drains(identity)]:
            docker("stop", "--time=1", *draining)
        docker("start", *found)
        print("\n".join(found))

    @staticmethod
    def drains(identity: str) -> bool:
        told = subprocess.run(
            ["docker", "exec", identity, "twinpool", "ask", "/-/ready"], check=False, capture_output=True
        )
        return told.returncode != 0

    def remove(self, release: str) -> None:
        if found := self.ids(release, "--all"):
            docker("rm", "--force", *found)
        image = self.image(release)
        shutil.rmtree(self.releases / release, ignore_errors=True)
        if image and image not in [self.image(path.name) for path in self.releases.iterdir()]:
            subprocess.run(["docker", "rmi", image], check=False, capture_output=True)

    def image(self, release: str) -> str:
        return self.setting(release, "IMAGE")

    def setting(self, release: str, name: str) -> str:
        file = self.releases / release / "release.env"
        lines = file.read_text().splitlines() if file.is_file() else []
        return next((line.partition("=")[2] for line in lines if line.startswith(f"{name}=")), "")

    def keep(self, *kept: str) -> None:
        for release in kept:
            if ended := self.ids(release, "--all", "--filter=status=exited"):
                docker("rm", *ended)
        for release in [path.name for path in self.releases.iterdir() if path.name not in kept]:
            if not self.ids(release):
                self.remove(release)

    def down(self) -> None:
        for services in (["edge"], ["app-wsgi", "app-asgi", "task"], ["redis", "postgres"]):
            label = f"label=twinpool.site={self.site}"
            found = [
                identity
                for service in services
                for identity in docker("ps", "--all", "--quiet", "--filter", label,
                                       "--filter", f"label=com.docker.compose.service={service}").split()
            ]  # fmt: skip
            if found:
                docker("stop", *found)
                print(docker("rm", *found), end="")


if __name__ == "__main__":
    site, folder, verb, *arguments = sys.argv[1:]
    try:
        getattr(Generations(site, Path(folder)), verb)(*arguments)
    except subprocess.CalledProcessError as error:
        sys.exit(f"docker {' '.join(error.cmd[1:3])} failed; the lines above say why.")
