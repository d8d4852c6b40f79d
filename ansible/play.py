"""Runs one verb of the Makefile: checks the knobs and the project, takes the site's lock, hands over to the playbook.

What the user typed after `make` arrives in TWINPOOL_MAKE, as make quotes it; names only, the values are in the
environment, where make puts them.
"""

import ctypes
import datetime
import getpass
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cluster
import hosts
import knobs
import project
from knobs import KIT, Refused

STATE = Path("/var/lib/twinpool")
CHANGING = {"provision", "deploy", "rollback", "restore", "down", "destroy"}
NEEDS_PROJECT = {"deploy", "restore", "routes", "check", "image"}
ATTACHED = {"manage", "shell", "logs"}


def typed() -> dict[str, str]:
    """Variables of the command line. Raises Refused for something that is no assignment."""
    words = shlex.split(os.environ.get("TWINPOOL_MAKE", ""))
    names = [word.partition("=")[0].rstrip(":+?") for word in words]
    return {name: os.environ.get(name, "") for name in names}


def clean_environment() -> dict[str, str]:
    """This process's environment without what compose.yaml reads: compose prefers it to a site's own file."""
    told = "".join(file.read_text() for file in (KIT / "docker").glob("compose*.yaml"))
    read = {*re.findall(r"\$\{([A-Z_]+)", told), *knobs.read_list(), "MAKEFLAGS", "MAKEOVERRIDES"}
    return {name: value for name, value in os.environ.items() if name not in read}


def end_with_me() -> None:
    """In the child: it is told to end when this process does, however that is: the lock ends with it."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, prctl(2)


def sweep() -> None:
    """Removes what a play that was killed left of its knobs."""
    for file in Path("/run").glob("twinpool-*-*.json"):
        if not Path("/proc", file.name.split("-")[1]).exists():
            file.unlink(missing_ok=True)


def again(values: dict[str, str]) -> str:
    """How to name this site to the next command, where it is not the one that make means by itself."""
    meant = {"NAME": values["NAME"] if values["NAME"] != knobs.gather({})["NAME"] else ""}
    if values["INVENTORY"]:  # it lies in the project, and the site gets its name from there
        meant = {"PROJECT": values["PROJECT"], "INVENTORY": values["INVENTORY"]}
    return "".join(f" {name}={shlex.quote(value)}" for name, value in meant.items() if value)


def play(verb: str, values: dict[str, str], more: Mapping[str, object] | None = None) -> int:
    site = STATE / values["NAME"]
    own = {name.removeprefix("ENV_"): value for name, value in values.items() if name.startswith("ENV_")}
    extra = values | {"SITE": str(site), "PROJECT_VARIABLES": own, "VERB": verb, "AGAIN": again(values), **(more or {})}
    # In memory and closed: it may hold what is nobody's business, and a play that is killed cleans up nothing.
    sweep()
    folder = "/run" if os.access("/run", os.W_OK) else None
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=f"twinpool-{os.getpid()}-", suffix=".json") as file:
        json.dump(extra, file)
        file.flush()
        environment = clean_environment() | {
            "ANSIBLE_CONFIG": str(KIT / "ansible" / "ansible.cfg"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(KIT / "ansible"),
            "ANSIBLE_STRATEGY": "resident",
        }
        command = [Path(sys.executable).with_name("ansible-playbook"), KIT / "ansible" / "playbooks" / f"{verb}.yml",
                   "--inventory", hosts.inventory(values["INVENTORY"], Path(values["PROJECT"])),
                   *(["--limit", f"all:!{values['SKIP']}"] if values["SKIP"] else []),
                   *(["--check"] if values["DRY"] == "1" and verb in ("provision", "dry") else []),
                   "--extra-vars", f"@{file.name}"]  # fmt: skip
        return subprocess.run(
            command, check=False, env=environment, cwd=KIT / "ansible", preexec_fn=end_with_me
        ).returncode


def deployed(verb: str, host: hosts.Host, values: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """The knobs that the site was deployed with, under those typed now. Raises Refused where there is no such site."""
    site = STATE / values["NAME"]
    if not (remembered := host.read(site / "knobs.json")):
        where = "this machine" if not host.reach else host.name
        raise Refused(
            f"There is no site {values['NAME']} on {where}. Deploy it: make deploy{again(values)}, "
            "or name another: NAME=…"
        )
    if verb not in ("destroy", "down") and not host.read(site / "state.json"):
        raise Refused(
            f"The first deploy of {values['NAME']} did not come to its end, so there is nothing to look at yet. "
            f"Run make deploy{again(values)} again, or make destroy{again(values)} to remove what it left."
        )
    return values | json.loads(remembered) | given


def kept(host: hosts.Host, values: dict[str, str]) -> dict[str, str]:
    """The knobs with which the release before ran; a rollback brings back its settings with its code."""
    site = STATE / values["NAME"]
    if not (previous := json.loads(host.read(site / "state.json"))["previous"]):
        return {}
    lines = host.read(site / "releases" / previous / "release.env").splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    # Of the edge, what does not need its restart.
    edge = host.read(site / "releases" / previous / "edge" / "edge.env").splitlines()
    pairs = (line.removeprefix("TWINPOOL_").split("=", 1) for line in edge if "=" in line)
    found |= {name: value for name, value in pairs if name in ("BODY_LIMIT", "TRUST")}
    return {name: value for name, value in found.items() if name in knobs.read_list() and name != "NAME"}


def remember(host: hosts.Host, values: dict[str, str]) -> None:
    """For the verbs after a deploy, but for what was meant for one command; closed, for a project's own variables."""
    once = {name for name, knob in knobs.read_list().items() if knob.command_line_only} - {"PROJECT"}
    values = {name: value for name, value in values.items() if name not in once}
    host.write(STATE / values["NAME"] / "knobs.json", json.dumps(values, indent=1))


def main(verb: str) -> int:
    given = typed()
    values = knobs.gather(given)
    if values["TARGET"] == "k8s":
        return on_kubernetes(verb, values, given)
    if values["DRY"] == "1" and verb not in ("provision", "deploy"):
        raise Refused(f"DRY=1 shows what make provision and make deploy would change; make {verb} would do it.")
    servers = hosts.of(hosts.inventory(values["INVENTORY"], Path(values["PROJECT"])), values["POOLS"], values["SKIP"])
    host = servers.lead
    if os.geteuid() != 0 and not host.reach:
        raise Refused(
            f"Found user {getpass.getuser()}; expected root, who owns {STATE} and the secrets in it. "
            f"Run it as root, or: sudo make {verb}"
        )
    if verb == "provision":
        knobs.together(values)
        with ThreadPoolExecutor() as pool:
            ready = list(pool.map(lambda one: hosts.prepare(one, dry=values["DRY"] == "1"), servers.every))
        if not all(ready):
            return 0
    elif verb in NEEDS_PROJECT:
        knobs.together(values)
        values["WORKDIR"] = project.look(Path(values["PROJECT"]))
    else:
        values = deployed(verb, host, values, given)
        values |= kept(host, values) if verb == "rollback" else {}
    if verb in ("backup", "restore") and not values["BACKUP"]:
        raise Refused(
            f"{values['NAME']} has no place for backups. Name a folder where its database is, then deploy: BACKUP=…"
        )
    if verb == "restore":
        values["FROM"] = moment(values["FROM"])
    if verb == "destroy" and values["YES"] != "1":
        ask(values)
    if verb in ATTACHED:
        return attach(servers, values, verb)
    if len(servers.every) > 1:
        knobs.among(values)
        for one in servers.every:  # all of them, before anything is done to one
            one.run("true")
    if verb not in CHANGING:
        return play(verb, values)
    if verb == "deploy" and values["DRY"] == "1":
        return play("dry", values)
    site = STATE / values["NAME"]
    who = f"{getpass.getuser()} (make {verb}, process {os.getpid()}, since {time.strftime('%H:%M:%S')})"
    with host.lock(site, who):
        code = play(verb, values)
        made = bool(host.read(site / "base.env"))
        # A first deploy that failed half-way can be looked at and destroyed; one that was refused leaves nothing.
        if verb in ("deploy", "restore", "rollback") and (not code or (made and not host.read(site / "knobs.json"))):
            remember(host, values)
        elif not made:
            host.run("rm", "-rf", site)
        return code


def moment(text: str) -> str:
    """As PostgreSQL takes it, of UTC; or `latest`. Raises Refused."""
    if text == "latest":
        return text
    try:
        told = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"FROM: found {text!r}; expected a moment as '2026-11-27 18:00:00' (of UTC, or with its own zone: "
            "'2026-11-27 19:00:00+01:00'), or latest. Nothing was changed."
        ) from None
    known = told if told.tzinfo else told.replace(tzinfo=datetime.UTC)
    return known.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")


def on_kubernetes(verb: str, values: dict[str, str], given: dict[str, str]) -> int:
    """The same verbs for a cluster. Nothing of it is kept on this machine, so nobody has to be root."""
    if verb == "deploy":
        values["WORKDIR"] = project.look(Path(values["PROJECT"]))
    place = cluster.meant(verb, values, given)
    if verb not in cluster.CHANGING or values["DRY"] == "1":
        return play(cluster.PLAYBOOKS[verb], values, place)
    with cluster.lease(place, verb):
        return play(cluster.PLAYBOOKS[verb], values, place)


def attach(servers: hosts.Servers, values: dict[str, str], verb: str) -> int:
    """Commands that talk to the person at the terminal: compose runs them in the release that serves."""
    site, spread, lead = STATE / values["NAME"], len(servers.every) > 1, servers.lead
    release = json.loads(lead.read(site / "state.json"))["current"]
    folder = (site / "kit" if lead.reach else KIT) / "docker"
    files = [word for name in ("compose.yaml", *(["compose.spread.yaml"] if spread else []))
             for word in ("--file", folder / name)]  # fmt: skip
    base, of_release = site / "base.env", site / "releases" / release / "release.env"
    start = ("docker", "compose", "--progress", "quiet")
    words, environment = shlex.split(values["ARGS"]), clean_environment()
    if verb == "logs":  # the edge and the pools, side by side, of every host
        there = ("sh", "-c", 'file=$1; shift; test ! -e "$file" || exec "$@"', "logs")
        commands = [
            host.command(*there, file, *start, "--project-name", name, "--env-file", file, *files, "logs", *words)
            for host in servers.every
            for name, file in ((values["NAME"], base), (f"{values['NAME']}-{release}", of_release))
        ]
        running = [subprocess.Popen(command, env=environment) for command in commands]
        return max(process.wait() for process in running)
    terminal = sys.stdin.isatty()
    project = ("--project-name", f"{values['NAME']}-{release}", "--env-file", of_release, *files)
    run = ["run", "--rm", "--no-deps", *([] if terminal else ["--no-TTY"]), "task", "manage"]
    inside = ["shell"] if verb == "shell" else []
    command = lead.command(*start, *project, *run, *inside, *words, terminal=terminal)
    return subprocess.run(command, check=False, env=environment).returncode


def ask(values: dict[str, str]) -> None:
    """`make destroy` deletes the database too, so it asks, and never without a terminal."""
    name = values["NAME"]
    if not sys.stdin.isatty():
        raise Refused(
            f"make destroy deletes {name} with its database. Without a terminal to ask at it wants: "
            f"make destroy{again(values)} YES=1"
        )
    if input(f"Delete {name} with its database, secrets and releases? Type its name: ").strip() != name:
        raise Refused("Nothing was deleted.")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except Refused as refused:
        sys.exit(f"twinpool: {refused}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"twinpool: {' '.join(map(str, error.cmd[-3:]))} failed: {error.stderr}")
    except KeyboardInterrupt:
        told = "What it had begun is put in order by the next make deploy; make status shows what runs."
        print(f"\ntwinpool: make {sys.argv[1]} was interrupted. {told}", file=sys.stderr)
        sys.exit(130)
