"""One server that holds everything, in the order of a first day: provisioned, deployed to, restarted, rebooted."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import run

from .machine import NETWORK, Server, Team, held, image

STEP = "\n["  # a line of the report: something was changed


def neighbour(bare: Server, *ports: int, address: str = "") -> set[int]:
    """Those of the ports that a machine beside the server can connect to; or of another address, by way of it."""
    way = f"ip route add {address} via {bare.address}; " if address else ""
    tries = f"timeout 2 bash -c '< /dev/tcp/{address or bare.address}/'$port 2> /dev/null && echo $port"
    script = f"{way}for port in {' '.join(map(str, ports))}; do {tries}; done; true"
    beside = ("--network", NETWORK, "--cap-add=NET_ADMIN")
    return {
        int(port) for port in run("docker", "run", "--rm", *beside, image("bookworm"), "bash", "-c", script).split()
    }


def up_again(bare: Server) -> None:
    for _ in range(120):
        if "csrfmiddlewaretoken" in bare.page():
            return
        time.sleep(1)
    pytest.fail(f"the site does not come back:\n{bare.sh('docker ps --all', check=False)}")


def test_a_dry_run_shows_and_changes_nothing(bare: Server, team: Team) -> None:
    """Before Python is there, and after that."""
    code, told = team.make("provision", DRY="1")
    assert code == 0, told
    assert "Would install on" in told
    bare.sh("apt-get -qq update && apt-get -qq install --yes --no-install-recommends python3 python3-apt > /dev/null")
    code, told = team.make("provision", DRY="1")
    assert code == 0, told
    assert "Packages of the baseline are installed" in told
    assert "was not changed" in told
    assert bare.sh("ls -d /etc/twinpool /etc/docker 2> /dev/null; command -v docker; true") == ""
    bare.sh("apt-get -qq purge --yes --auto-remove python3 python3-apt > /dev/null 2>&1")
    bare.sh("""mkdir /etc/docker && echo '{"labels": ["rack=7"]}' > /etc/docker/daemon.json""")


@pytest.mark.usefixtures("provisioned")
def test_what_the_engine_was_told_before_stays(bare: Server) -> None:
    told = json.loads(bare.sh("cat /etc/docker/daemon.json"))
    assert told["labels"] == ["rack=7"]
    assert told["live-restore"] is True


def test_it_says_before_it_installs(provisioned: str) -> None:
    lines = provisioned.splitlines()

    def place(text: str) -> int:
        return next(number for number, line in enumerate(lines) if text in line)

    assert place("for Ansible: python3, python3-apt") < place("Packages of the baseline are installed")
    assert place("Open to others: ssh (22), the edge (80, 443)") < place("The firewall takes its rules")
    assert place("Missing: a Docker engine") < place("Docker's engine is installed")
    assert "is ready: make deploy PROJECT=" in lines[-1]


@pytest.mark.usefixtures("provisioned")
def test_a_second_time_changes_nothing(team: Team) -> None:
    code, told = team.make("provision")
    assert code == 0, told
    assert STEP not in f"\n{told}", told


def test_the_first_deploy_ends_with_a_site(first: str, bare: Server) -> None:
    assert "shop is up: https://shop.example " in first
    assert "GREEN" in first
    assert "Traceback" not in first
    assert "csrfmiddlewaretoken" in bare.page()


@pytest.mark.usefixtures("first")
def test_a_repeat_sends_and_changes_nothing(team: Team) -> None:
    code, told = team.make("deploy")
    assert code == 0, told
    assert "nothing to do" in told
    assert "sending" not in told


@pytest.mark.usefixtures("first")
def test_it_keeps_every_promise(team: Team) -> None:
    code, told = team.make("conformance")
    assert code == 0, told
    assert re.search(r"https://shop\.example: \d\d+ passed", told), told


@pytest.mark.usefixtures("first")
def test_ports_are_shut_but_those_stated(bare: Server) -> None:
    """Of programs and of containers alike, and still after a reload of nftables; without its table they are open."""
    bare.sh("docker run --detach --rm --name published --publish 9001:8080 --entrypoint python3 "
            "$(docker images --quiet 'twinpool-shop' | head -1) -m http.server 8080")  # fmt: skip
    bare.sh("systemd-run --unit=listener python3 -m http.server 9000")
    try:
        bare.until("ss -ltn | grep -q :9000 && ss -ltn | grep -q :9001")
        stated, shut = {22, 80, 443}, {9000, 9001, 5432, 6379, 8000, 8080}
        assert neighbour(bare, *stated, *shut) == stated
        bare.sh("systemctl reload nftables")
        assert neighbour(bare, *stated, *shut) == stated
        assert "csrfmiddlewaretoken" in bare.page()
        inside = bare.sh("docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' published")
        assert neighbour(bare, 8080, address=inside.strip()) == set(), "a container by its own address"
        bare.sh("nft delete table inet twinpool")
        assert neighbour(bare, *stated, *shut) == stated | {9000, 9001}
        assert neighbour(bare, 8080, address=inside.strip()) == {8080}
    finally:
        bare.sh("systemctl reload nftables; docker rm --force published; systemctl stop listener", check=False)


@pytest.mark.usefixtures("first")
def test_secrets_are_closed(bare: Server) -> None:
    """In no environment, no command line, nothing that docker tells, and in files of mode 0600 alone."""
    found = bare.sh("""
cd /var/lib/twinpool/shop/secrets
find . -type f ! -perm 600
for file in secret_key postgres_password redis_password probe_secret; do
    grep -rlaFf $file /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2> /dev/null
    docker ps --quiet | xargs docker inspect | grep -cFf $file | grep -v '^0$'
    journalctl --no-pager | grep -cFf $file | grep -v '^0$'
done; true""")
    assert found == ""


@pytest.mark.usefixtures("first")
def test_a_new_release_and_back_lose_nothing(team: Team, bare: Server, tmp_path: Path) -> None:
    base = next(team.project.rglob("base.html"))
    base.write_text(base.read_text().replace("</body>", "<!-- mark second -->\n</body>"))

    def verb(name: str) -> None:
        code, told = team.make(name)
        assert code == 0, told
        assert "GREEN" in told

    for name in ("deploy", "rollback"):
        figures = held(bare, bare, tmp_path / name, lambda name=name: verb(name))  # type: ignore[misc]
        assert ("mark second" in bare.page()) == (name == "deploy")
        assert (figures["failed"], figures["lost"]) == (0, 0), figures["told"]
        assert figures["sockets"]["codes"] == {"1012": 40}, figures["told"]
        assert figures["sockets"]["first_try"] == 40, figures["told"]


@pytest.mark.usefixtures("first")
def test_the_verbs_of_every_day(team: Team) -> None:
    code, told = team.make("status")
    assert code == 0, told
    assert told.count(" ready ") == 2, told
    assert team.make("url") == (0, "https://shop.example\n")
    code, told = team.make("manage", ARGS="showmigrations --plan")
    assert code == 0, told
    assert "[X]  board.0001_initial" in told
    code, told = team.make("logs", ARGS="--tail=1")
    assert code == 0, told
    assert "edge-1" in told


@pytest.mark.usefixtures("first")
def test_an_engine_that_restarts_leaves_the_site_alone(bare: Server, tmp_path: Path) -> None:
    """All that is open goes on; for about a second, while the engine writes its rules, new connections are refused."""

    def restart() -> None:
        bare.sh("systemctl restart docker")
        time.sleep(5)

    figures = held(bare, bare, tmp_path / "held", restart)
    assert (figures["lost"], figures["sockets"]["codes"], figures["streams"]["codes"]) == (0, {}, {}), figures["told"]
    assert all("connection refused" in reason for reason in figures["failures"]), figures["told"]


@pytest.mark.usefixtures("first")
def test_a_reboot_brings_everything_back(bare: Server, team: Team) -> None:
    run("docker", "restart", "--time=30", bare.name)
    up_again(bare)
    assert neighbour(bare, 22, 443, 8000) == {22, 443}
    code, told = team.make("status")
    assert code == 0, told
    assert told.count(" ready ") == 2, told


@pytest.mark.usefixtures("first")
def test_two_at_once_the_second_is_told_who(bare: Server, team: Team) -> None:
    script = "flock --nonblock 9 && echo 'ada (make deploy, process 1, since 10:00:00)' >&9 && sleep 60"
    bare.sh(f'systemd-run --unit=ada sh -c "exec 9>/var/lib/twinpool/shop/lock; {script}"')
    try:
        bare.until("grep -q ada /var/lib/twinpool/shop/lock")
        code, told = team.make("deploy")
        assert code != 0
        assert "shop is being changed by ada (make deploy" in told
    finally:
        bare.sh("systemctl stop ada")


def hosts(team: Team, change: Callable[[dict[str, Any]], object], name: str) -> None:
    """An inventory beside production's that differs from it."""
    folder = team.project / "deploy" / "inventory"
    inventory = json.loads((folder / "production" / "hosts.yml").read_text())
    change(inventory)
    (folder / name).mkdir()
    (folder / name / "hosts.yml").write_text(json.dumps(inventory))
    (folder / name / "twinpool.env").write_text((folder / "production" / "twinpool.env").read_text())


def first_host(inventory: dict[str, Any]) -> dict[str, Any]:
    return next(iter(inventory["all"]["hosts"].values()))


def second_host(inventory: dict[str, Any]) -> None:
    inventory["site"]["children"]["redis"]["hosts"] = {"web2": None}


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("no-ssh", lambda one: first_host(one).update(ansible_port=9), "port 9: Connection timed out"),
        ("no-key", lambda one: first_host(one).pop("ansible_ssh_private_key_file"), "Permission denied"),
        ("no-redis", lambda one: one["site"]["children"].pop("redis"), "has no host in redis"),
        ("two", second_host, "gives no IPv4 address of web2"),
        ("stage", None, "INVENTORY=stage: found neither"),
    ],
)
def test_what_cannot_work_is_refused(
    bare: Server, team: Team, name: str, change: Callable[[dict[str, Any]], object] | None, told: str
) -> None:
    if change:
        hosts(team, change, name)
    code, said = team.make("deploy", INVENTORY=name)
    assert code != 0
    assert told in said, said
    assert "Traceback" not in said
    assert len(said.splitlines()) < 12, said


def test_a_system_that_is_not_known_is_refused(bare: Server, team: Team) -> None:
    other = "ID=fedora\nVERSION_ID=41\n"
    bare.sh(f"mv /etc/os-release /tmp/os-release; printf '{other}' > /etc/os-release")
    try:
        code, told = team.make("provision")
        assert code != 0
        assert "fedora 41; expected debian 12, debian 13" in told
    finally:
        bare.sh("mv /tmp/os-release /etc/os-release")


@pytest.mark.usefixtures("first")
def test_a_site_that_is_destroyed_leaves_nothing(bare: Server, team: Team) -> None:
    code, told = team.make("destroy")
    assert code != 0
    assert "YES=1" in told
    code, told = team.make("destroy", YES="1")
    assert code == 0, told
    left = (
        "docker ps --all --quiet",
        "docker volume ls --quiet",
        "ls /var/lib/twinpool",
        "docker images -q twinpool-shop",
    )
    assert bare.sh("; ".join(left)) == ""
