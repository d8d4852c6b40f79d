"""Takes from Debian's archive what a Docker host needs, by the host's own mirror and checked by apt's keys.

debian.py install PACKAGE…         installs those that this release knows
debian.py plugins buildx|compose…  Docker CLI plugins out of trixie's packages (static, they run on Debian 12 too)
debian.py rootfs IMAGE             a minimal trixie, imported as IMAGE; another SUITE and more PACKAGEs may follow
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SUITE = "trixie"
PLUGINS = Path("/usr/local/lib/docker/cli-plugins")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT = ("apt-get", "-qq", "-oDpkg::Use-Pty=0", "-oAPT::Sandbox::User=root", "-oAcquire::Languages=none")


def apt(*words: str, **options: object) -> None:
    """Raises CalledProcessError; apt's own words go where this program's go."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*APT, *words], check=True, env=environment, **options)  # type: ignore[call-overload]


def archive(label: str) -> str:
    """Address that this host's apt has for Debian's archive of that label; empty where it has none.

    By what the archives say of themselves: the addresses of other vendors name Debian too.
    """
    ask = [*APT, "indextargets", "--format", "$(ORIGIN);$(LABEL);$(COMPONENT);$(REPO_URI)", "Created-By: Packages"]
    for line in subprocess.run(ask, check=True, capture_output=True, text=True).stdout.splitlines():
        address = line.removeprefix(f"Debian;{label};main;")
        if address == line:
            continue
        if address.startswith("mirror+file:"):  # Debian's cloud images keep their mirrors in a list
            address = Path(address.removeprefix("mirror+file:").rstrip("/")).read_text().split()[0]
        if address.startswith("http"):
            return address.rstrip("/")
    return ""


def mirror() -> str:
    if not archive("Debian"):
        apt("update")
    return archive("Debian") or sys.exit(
        "Found no Debian archive among this host's apt sources; expected one to take packages from. Install Docker's "
        "plugins buildx and compose (version 2) by hand, and name an image of Debian trixie to build on: "
        "make deploy BASE_IMAGE=debian:trixie-slim"
    )


def install(*packages: str) -> None:
    apt("update")
    known = [
        name
        for name in packages
        if subprocess.run(["apt-cache", "show", name], check=False, capture_output=True).returncode == 0
    ]
    apt("install", "--yes", "--no-install-recommends", *known)


def plugins(*names: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "lists").mkdir()
        (folder / "sources").write_text(f"deb [signed-by={KEYRING}] {mirror()} {SUITE} main\n")
        trixie = (
            f"-oDir::Etc::SourceList={folder}/sources",
            "-oDir::Etc::SourceParts=-",
            f"-oDir::State::Lists={folder}/lists",
        )
        apt(*trixie, "update")
        apt(*trixie, "download", *(f"docker-{name}" for name in names), cwd=folder)
        for name in names:
            (package,) = folder.glob(f"docker-{name}_*.deb")
            subprocess.run(["dpkg-deb", "-x", package, folder / name], check=True)
            (found,) = (folder / name).rglob(f"cli-plugins/docker-{name}")
            PLUGINS.mkdir(parents=True, exist_ok=True)
            target = PLUGINS / f"docker-{name}"
            target.write_bytes(found.read_bytes())
            target.chmod(0o755)


def rootfs(image: str, suite: str = SUITE, *packages: str) -> None:
    main, security = mirror(), archive("Debian-Security")
    lines = [f"deb {main} {suite} main", f"deb {main} {suite}-updates main"]
    # Without it, the image's upgrade takes main's alone.
    lines += [f"deb {security} {suite}-security main"] if security else []
    cut = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")]
    # Nothing of a tree that is thrown away needs to be safe on the disk: a third of the time.
    cut.append("--dpkgopt=force-unsafe-io")
    include = f"--include={','.join(('ca-certificates', *packages))}"
    make = ["mmdebstrap", "--quiet", "--variant=minbase", include, *cut, suite, "-", *lines]
    label = "LABEL org.opencontainers.image.title=twinpool-rootfs"
    load = ["docker", "import", "--change", label, "-", f"{image}-part"]
    # /tmp is small or without the right to execute on many hosts; where packages live, neither can be.
    with (
        tempfile.TemporaryDirectory(dir="/var/lib", prefix="twinpool-rootfs-") as folder,
        subprocess.Popen(make, stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": folder}) as made,
    ):
        loaded = subprocess.run(load, stdin=made.stdout, check=False, stdout=subprocess.DEVNULL)
    if made.returncode or loaded.returncode:
        sys.exit("The base image could not be made from this host's Debian mirror; the lines above say why.")
    subprocess.run(["docker", "tag", f"{image}-part", image], check=True)
    subprocess.run(["docker", "rmi", f"{image}-part"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    try:
        {"install": install, "plugins": plugins, "rootfs": rootfs}[sys.argv[1]](*sys.argv[2:])
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"Failed: {' '.join(map(str, error.cmd[:1]))}, with exit code {error.returncode}; the lines above say why."
        )
