"""Takes from Debian's archive what a Docker host needs, by the host's own mirror and checked by apt's keys.

debian.py plugin buildx|compose   one Docker CLI plugin out of trixie's package (static, runs on Debian 12 too)
debian.py rootfs IMAGE            a minimal trixie, imported as IMAGE
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

SUITE = "trixie"
PACKAGES = {"buildx": "docker-buildx", "compose": "docker-compose"}
PLUGINS = Path("/usr/local/lib/docker/cli-plugins")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCES = (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*"))


def archives() -> list[str]:
    """Addresses in this host's apt sources, in their order, without those of other vendors."""
    text = "\n".join(path.read_text() for path in SOURCES if path.is_file())
    found = re.findall(r"^(?:deb\s+(?:\[[^\]]*\]\s+)?|URIs:\s*)(\S+)", text, re.MULTILINE)
    return [address for address in found if "debian" in address]


def mirror() -> str:
    if found := [address for address in archives() if "security" not in address]:
        return found[0]
    sys.exit(
        "Found no Debian archive in /etc/apt; expected one to take packages from. Install docker-buildx and docker-compose "
        "(version 2) by hand, and name an image of Debian trixie: make deploy BASE_IMAGE=debian:trixie-slim"
    )


def security() -> str:
    """The mirror's security archive where the host has one, else none: the image's upgrade then takes main's alone."""
    return next((address for address in archives() if "security" in address), "")


def plugin(name: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "lists").mkdir()
        (folder / "sources").write_text(f"deb [signed-by={KEYRING}] {mirror()} {SUITE} main\n")
        apt = ["apt-get", "-qq", f"-oDir::Etc::SourceList={folder}/sources", "-oDir::Etc::SourceParts=-",
               f"-oDir::State::Lists={folder}/lists", "-oAPT::Sandbox::User=root", "-oAcquire::Languages=none"]  # fmt: skip
        subprocess.run([*apt, "update"], check=True)
        subprocess.run([*apt, "download", PACKAGES[name]], check=True, cwd=folder)
        (package,) = folder.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package, folder / "out"], check=True)
        (found,) = (folder / "out").rglob(f"cli-plugins/docker-{name}")
        PLUGINS.mkdir(parents=True, exist_ok=True)
        target = PLUGINS / f"docker-{name}"
        target.write_bytes(found.read_bytes())
        target.chmod(0o755)


def rootfs(image: str) -> None:
    lines = [f"deb {mirror()} {SUITE} main", f"deb {mirror()} {SUITE}-updates main"]
    if security():
        lines.append(f"deb {security()} {SUITE}-security main")
    cut = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")]
    make = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", *cut, SUITE, "-", "-"]
    with subprocess.Popen(make, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as made:
        assert made.stdin
        made.stdin.write("\n".join(lines).encode() + b"\n")
        made.stdin.close()
        load = [
            "docker",
            "import",
            "--change",
            "LABEL org.opencontainers.image.title=twinpool-rootfs",
            "-",
            f"{image}-part",
        ]
        loaded = subprocess.run(load, stdin=made.stdout, check=False, stdout=subprocess.DEVNULL)
    if made.returncode or loaded.returncode:
        sys.exit("The base image could not be made from this host's Debian mirror; the lines above say why.")
    subprocess.run(["docker", "tag", f"{image}-part", image], check=True)
    subprocess.run(["docker", "rmi", f"{image}-part"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    {"plugin": plugin, "rootfs": rootfs}[sys.argv[1]](sys.argv[2])
