"""The machine that a site is on: this one, or the one of an inventory; its files, and the lock that a change takes.

What an inventory says of a host (address, user, port, key) is Ansible's own; it is read by `ansible-inventory`.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knobs import KIT, Refused

LOCAL = KIT / "ansible" / "inventory" / "local"
# Systems that a server may have. Ubuntu is not in the tests: no image of it can be made from Debian's archive.
SYSTEMS = [("debian", "12"), ("debian", "13"), ("ubuntu", "22.04"), ("ubuntu", "24.04")]
# Variables of a host that say how it is reached.
READ = ("connection", "host", "port", "user", "ssh_private_key_file", "ssh_common_args", "ssh_extra_args", "become")
# Groups that have to have a host, by what POOLS says; and those of them that have one alone.
GROUPS = {"wsgi": ("edge", "wsgi", "postgres"), "asgi": ("edge", "asgi", "redis", "postgres"),
          "both": ("edge", "wsgi", "asgi", "redis", "postgres")}  # fmt: skip
SINGLE = ("redis", "postgres")
# Holds a lock until its input ends: with the connection, or with the one who asked.
HOLD = """
import fcntl, os, sys
site, who = sys.argv[1:]
os.makedirs(site, 0o755, exist_ok=True)
file = open(os.path.join(site, "lock"), "a+")
try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    file.seek(0)
    sys.exit("held by " + (file.read().strip() or "someone"))
file.truncate(0)
print(who, file=file, flush=True)
print("taken", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Host:
    """`name` as the inventory has it; `reach` is what goes before a command: nothing for this machine."""

    name: str
    reach: tuple[str, ...] = ()

    def command(self, *words: object, terminal: bool = False) -> list[str]:
        """A command as this machine has to start it."""
        plain = [str(word) for word in words]
        if not self.reach:
            return plain
        options = ["-t"] if terminal else []
        return [self.reach[0], *options, *self.reach[1:], shlex.join(plain)]

    def run(self, *words: object, text: str = "") -> str:
        """What a command prints there. Raises Refused where the host cannot be reached, CalledProcessError else."""
        done = subprocess.run(self.command(*words), check=False, input=text, capture_output=True, text=True)
        if done.returncode == 255 and self.reach:
            raise Refused(unreachable(self.name, done.stderr))
        done.check_returncode()
        return done.stdout

    def read(self, path: Path) -> str:
        """A file's text; empty where there is none."""
        return self.run("sh", "-c", 'test ! -e "$1" || cat "$1"', "read", path)

    def write(self, path: Path, text: str) -> None:
        """For its owner alone, whole or not at all."""
        self.run("sh", "-c", 'umask 077 && cat > "$1.new" && mv "$1.new" "$1"', "write", path, text=text)

    @contextmanager
    def lock(self, site: Path, who: str) -> Iterator[None]:
        """Held by the kernel for as long as this process lives and reaches the host. Raises Refused."""
        python = "python3" if self.reach else sys.executable
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen(self.command(python, "-c", HOLD, site, who), text=True, **pipes) as holder:
            if (holder.stdout.readline() if holder.stdout else "").strip() != "taken":
                told = holder.communicate()[1].strip()
                if not told.startswith("held by "):
                    raise Refused(unreachable(self.name, told))
                raise Refused(
                    f"{site.name} is being changed by {told.removeprefix('held by ')}. "
                    "Nothing was done here. Wait for that to end, then try again."
                )
            try:
                yield
            finally:
                holder.communicate()


def unreachable(name: str, told: str) -> str:
    said = (told.strip().splitlines() or ["it said nothing"])[-1]
    return (
        f"{name} cannot be worked on: {said}\nExpected a host that ssh lets in without a password, as the inventory "
        "names it, with Python 3 on it. Look by hand with ssh, and prepare a bare server by make provision. "
        f"Where there are others and {name} is down, leave it out: SKIP={name}. Nothing was changed."
    )


def prepare(host: Host, *, dry: bool) -> bool:
    """A server that Ansible can work on: one that is known, with Python. Raises Refused; False where a dry run ends.

    Ansible itself needs Python on the other side, so this is done by ssh alone.
    """
    if not host.reach:
        raise Refused("make provision prepares servers, this machine is not touched. Name yours: INVENTORY=production.")
    told = dict(
        line.split("=", 1) for line in host.run("cat", "/etc/os-release").replace('"', "").splitlines() if "=" in line
    )
    if (system := (told.get("ID", "?"), told.get("VERSION_ID", "?"))) not in SYSTEMS:
        raise Refused(
            f"{host.name} runs {told.get('PRETTY_NAME', ' '.join(system))}; expected "
            f"{', '.join(' '.join(one) for one in SYSTEMS)}. Nothing was changed there."
        )
    if host.run("id", "-u").strip() != "0":
        raise Refused(f"{host.name} is reached as a user who is not root. Add ansible_become: true to the inventory.")
    if host.run("sh", "-c", "command -v python3 > /dev/null && dpkg-query -W python3-apt 2> /dev/null || true"):
        return True
    if dry:
        print(f"Would install on {host.name}: python3, python3-apt. What else would change can be seen after that.")
        return False
    print(f"Installing on {host.name}, for Ansible: python3, python3-apt.", flush=True)
    install = "apt-get -qq update && apt-get -qq install --yes --no-install-recommends python3 python3-apt"
    host.run("env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", install)
    return True


def inventory(name: str, project: Path) -> Path:
    """The file or folder that INVENTORY means. Raises Refused where there is none."""
    if not name:
        return LOCAL
    mine = project / "deploy" / "inventory"
    for path in (mine / name, mine / f"{name}.yml", Path(name).expanduser()):
        if path.exists() and (os.sep in name or path.parent == mine):
            return path.resolve()
    there = ", ".join(sorted(path.stem for path in mine.iterdir())) if mine.is_dir() else "no such folder"
    raise Refused(
        f"INVENTORY={name}: found neither {mine / name} nor a file of that path (in {mine}: {there}). "
        f"Expected the name of an inventory there; {KIT / 'ansible/inventory/example'} shows one."
    )


@dataclass(frozen=True)
class Servers:
    """The hosts of a site in the order of its inventory. The lead one holds a pool, and what the site has once:
    its lock, the knobs it was deployed with, the number of its release."""

    every: tuple[Host, ...]
    lead: Host


def of(path: Path, pools: str = "both", skip: str = "") -> Servers:
    """The hosts of an inventory, less the one that is left out. Raises Refused for an inventory that cannot be read or
    has not what a site needs."""
    if path == LOCAL:  # known without Ansible, which takes a second to say so
        return Servers((Host("localhost"),), Host("localhost"))
    command = [Path(sys.executable).with_name("ansible-inventory"), "--inventory", path, "--list"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(KIT / "ansible" / "ansible.cfg")}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        said = "\n".join(line for line in done.stderr.splitlines() if "WARNING" not in line)
        raise Refused(f"The inventory {path} cannot be read:\n{said.strip()[:1500]}")
    told = json.loads(done.stdout)
    variables: Mapping[str, Mapping[str, Any]] = told.get("_meta", {}).get("hostvars", {})

    def hosts(group: str) -> list[str]:
        found = told.get(group, {})
        inside = [*found.get("hosts", []), *(host for child in found.get("children", []) for host in hosts(child))]
        return list(dict.fromkeys(inside))

    groups = {name: hosts(name) for name in GROUPS[pools]}
    every = list(dict.fromkeys(host for group in groups.values() for host in group))
    if wrong := _wrong(groups, hosts("site"), skip):
        raise Refused(f"The inventory {path} {wrong}; {KIT / 'ansible/inventory/example'} shows how.")
    if len(every) > 1 and (nameless := [host for host in every if not address(host, variables.get(host, {}))]):
        raise Refused(
            f"The inventory {path} gives no IPv4 address of {', '.join(nameless)}. With several hosts each needs the "
            "one by which the others reach it: address: 10.0.0.2, else ansible_host is taken."
        )
    reached = {name: Host(name, ssh(name, variables.get(name, {}))) for name in every if name != skip}
    lead = next(name for name in groups["asgi" if pools == "asgi" else "wsgi"] if name != skip)
    return Servers(tuple(reached.values()), reached[lead])


def _wrong(groups: Mapping[str, list[str]], site: list[str], skip: str) -> str:
    every = {host for group in groups.values() for host in group}
    if empty := [group for group in groups if not groups[group]]:
        return f"has no host in {', '.join(empty)}. Expected at least one in each of {', '.join(groups)}"
    if several := [group for group in SINGLE if len(groups.get(group, [])) > 1]:
        return f"has several hosts in {', '.join(several)}. Expected one, which all others share"
    if outside := sorted(every - {*site}):
        return f"does not have {', '.join(outside)} in the group site. Expected every group among its children"
    if skip and skip not in every:
        return f"has no host {skip} to leave out. Expected one of {', '.join(sorted(every))}"
    if skip and (alone := [group for group, found in groups.items() if found == [skip]]):
        return f"has {skip} alone in {', '.join(alone)}: without it there is no site. Expected another to be left out"
    return ""


def address(name: str, variables: Mapping[str, Any]) -> str:
    """The IPv4 address by which the other hosts reach this one; empty where there is none."""
    found = str(variables.get("address", variables.get("ansible_host", name)))
    return found if re.fullmatch(r"\d+(\.\d+){3}", found) else ""


def ssh(name: str, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """What goes before a command for a host with these variables; nothing where Ansible works on this machine."""
    if variables.get("ansible_connection") == "local":
        return ()
    words = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    for option, variable in (("-p", "port"), ("-l", "user"), ("-i", "ssh_private_key_file")):
        if value := variables.get(f"ansible_{variable}"):
            words += [option, str(value)]
    for more in ("common", "extra"):
        words += shlex.split(str(variables.get(f"ansible_ssh_{more}_args", "")))
    become = ["sudo", "-n"] if variables.get("ansible_become") else []
    return (*words, str(variables.get("ansible_host", name)), "--", *become)
