"""Says what of Docker is missing on this host and what would be done about it, as JSON; changes nothing.

missing   what is not there, in words           packages   Debian packages to install
start     the engine is to be started           plugins    plugins to take out of Debian's packages
systemd   whether it starts this host's services
refuse    why this host cannot be prepared; empty where it can
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

# Debian knows docker-cli since trixie; before, the client is in docker.io. The engine opens ports by iptables.
ENGINE = ("docker.io", "docker-cli", "iptables")
# Without its parser an engine starts no container where the kernel has AppArmor.
APPARMOR = Path("/sys/kernel/security/apparmor")


def works(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def refusal(missing: list[str], engine: bool) -> str:
    if not engine and (elsewhere := os.environ.get("DOCKER_HOST")):
        return (
            f"DOCKER_HOST is {elsewhere}, where no Docker engine answers. Start that one, or unset DOCKER_HOST to use "
            "this machine's own. Nothing was installed."
        )
    if shutil.which("apt-get") and os.geteuid() == 0:
        return ""
    return (
        f"Missing: {', '.join(missing)}. Found no apt-get, or no root; expected Debian as root, where Twinpool puts "
        "in what is missing. On this system, install Docker 20.10 or newer and its plugins buildx and compose (version "
        "2) by its own tools, start the engine, then run the command again. Nothing was installed."
    )


def look() -> dict[str, object]:
    client, server = shutil.which("docker"), shutil.which("dockerd")
    engine = works("docker", "version")
    plugins = [name for name in ("buildx", "compose") if not works("docker", name, "version")]
    missing = []
    if not engine:
        missing.append("a running Docker engine (one is installed, but stopped)" if server else "a Docker engine")
    if not client:
        missing.append("Docker's client")
    missing += [f"Docker's plugin {name}" for name in plugins]
    packages = [*ENGINE, *(["apparmor"] if APPARMOR.is_dir() and not shutil.which("apparmor_parser") else [])]
    return {
        "missing": missing,
        "packages": [] if client and (server or engine) else packages,
        "start": not engine,
        "systemd": Path("/run/systemd/system").is_dir(),
        "plugins": plugins,
        "refuse": refusal(missing, engine),
    }


if __name__ == "__main__":
    print(json.dumps(look()))
