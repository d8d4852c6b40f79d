"""One server that holds everything: provisioned from bare, deployed to, in the order of a first day."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from program import KIT, run

from .machine import NETWORK, Server, Team

NAME = "twinpool-test-web1"
GROUPS = ("edge", "wsgi", "asgi", "redis", "postgres")
KNOBS = {"NAME": "shop", "HOSTS": "shop.example", "BIND": "0.0.0.0", "TLS": "local", "PORT": "80", "TLS_PORT": "443",
         "DRAIN_WINDOW": "6", "GRACEFUL": "5"}  # fmt: skip


def inventory(project: Path, groups: Mapping[str, Sequence[Server]], **knobs: str) -> None:
    """As docs/servers.md has it: a folder below deploy/inventory, with the hosts and what differs there."""
    folder = project / "deploy" / "inventory" / "production"
    folder.mkdir(parents=True)
    every = {server.name: server.variables() for servers in groups.values() for server in servers}
    children = {name: {"hosts": {server.name: None for server in servers}} for name, servers in groups.items()}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": every}, "site": {"children": children}}))
    (folder / "twinpool.env").write_text("".join(f"{name}={value}\n" for name, value in (KNOBS | knobs).items()))


def team_of(folder: Path, groups: Mapping[str, Sequence[Server]], **knobs: str) -> Team:
    project = folder / "shop"
    shutil.copytree(KIT / "app", project, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    inventory(project, groups, **knobs)
    return Team(project)


@pytest.fixture(scope="session")
def network() -> Iterator[str]:
    run("docker", "network", "create", NETWORK, check=False)
    yield NETWORK
    run("docker", "network", "rm", NETWORK, check=False)


@pytest.fixture(scope="session")
def bare(network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    run("docker", "rm", "--force", "--volumes", NAME, check=False)
    server = Server.boot(NAME, "bookworm", tmp_path_factory.mktemp("server"))
    yield server
    server.ends()


@pytest.fixture(scope="session")
def team(bare: Server, tmp_path_factory: pytest.TempPathFactory) -> Team:
    return team_of(tmp_path_factory.mktemp("shop"), {group: [bare] for group in GROUPS})


@pytest.fixture(scope="session")
def provisioned(bare: Server, team: Team) -> str:
    """What `make provision` prints on a bare server."""
    code, told = team.make("provision")
    assert code == 0, told
    return told


@pytest.fixture(scope="session")
def first(provisioned: str, team: Team) -> str:
    """What the first `make deploy` prints."""
    code, told = team.make("deploy")
    assert code == 0, told
    return told
