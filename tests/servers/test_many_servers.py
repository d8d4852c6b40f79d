"""Two edges, two hosts of both pools, one with the data: from bare to a site, and host by host to the next release."""

import datetime
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import run

from .conftest import inventory, team_of
from .machine import Server, Team, held

STEP = "\n["  # a line of the report: something was changed
# Both systems that a server may have.
SUITES = {"edge1": "bookworm", "edge2": "trixie", "app1": "bookworm", "app2": "trixie", "data1": "bookworm"}
KNOBS = {"DRAIN_WINDOW": "4", "BACKUP": "/srv/store/shop"}
Fleet = dict[str, Server]


def groups(fleet: Fleet) -> dict[str, list[Server]]:
    edges, apps, data = [fleet["edge1"], fleet["edge2"]], [fleet["app1"], fleet["app2"]], [fleet["data1"]]
    return {"edge": edges, "wsgi": apps, "asgi": apps, "redis": data, "postgres": data}


def booted(name: str, folder: Path) -> Server:
    """A bare server; that of the data has a folder of another machine's for its backups."""
    store = [f"--volume={folder}/store:/srv/store"] if name == "data1" else []
    return Server.boot(f"twinpool-test-{name}", SUITES[name], folder, *store)


@pytest.fixture(scope="module")
def fleet(network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    for name in SUITES:
        run("docker", "rm", "--force", "--volumes", f"twinpool-test-{name}", check=False)
    servers = {name: booted(name, folder) for name in SUITES}
    yield servers
    for server in servers.values():
        server.ends()


@pytest.fixture(scope="module")
def fleet_team(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Team:
    return team_of(tmp_path_factory.mktemp("many"), groups(fleet), **KNOBS)


@pytest.fixture(scope="module")
def site(fleet_team: Team) -> str:
    """What the first deploy prints, on servers that were bare."""
    for verb in ("provision", "deploy"):
        code, told = fleet_team.make(verb)
        assert code == 0, told
    return told


def connects(source: Server, target: Server, *ports: int) -> set[int]:
    """Those of the ports of one server that another one can connect to."""
    tries = f"timeout 2 bash -c '< /dev/tcp/{target.address}/'$port 2> /dev/null && echo $port"
    return {int(port) for port in source.sh(f"for port in {' '.join(map(str, ports))}; do {tries}; done; true").split()}


def mark(team: Team, text: str) -> None:
    base = next(team.project.rglob("base.html"))
    plain = re.sub(r"<!-- mark \w+ -->\n", "", base.read_text())
    base.write_text(plain.replace("</body>", f"<!-- mark {text} -->\n</body>"))


def releases(fleet: Fleet) -> dict[str, str]:
    """Which release each host has in rotation, by what the edges send to; both edges the same."""
    told = {fleet[name].sh("sed -n s/^TWINPOOL_SERVING=//p /var/lib/twinpool/shop/edge/edge.env").strip()
            for name in ("edge1", "edge2")}  # fmt: skip
    assert len(told) == 1, told
    return dict(pair.removeprefix("twinpool-test-").split(":") for pair in told.pop().split(","))


def test_the_first_deploy_ends_with_a_site(site: str, fleet: Fleet) -> None:
    assert "shop is up: https://shop.example " in site
    assert site.count("verdict         GREEN") == 4, "of two hosts, through two edges"
    assert releases(fleet) == {"app1": "r1", "app2": "r1"}
    for name in ("edge1", "edge2"):
        assert "csrfmiddlewaretoken" in fleet[name].page()


@pytest.mark.usefixtures("site")
def test_a_second_time_changes_nothing(fleet_team: Team) -> None:
    for verb in ("provision", "deploy"):
        code, told = fleet_team.make(verb)
        assert code == 0, told
        shown = [line for line in told.splitlines() if line.startswith("[") and "Each pool" not in line]
        assert shown == [], told


@pytest.mark.usefixtures("site")
def test_each_host_holds_what_its_groups_say(fleet: Fleet) -> None:
    there = {
        name: {
            line.split("-")[1 if "-app-" not in line else 3]
            for line in server.sh("docker ps --format '{{.Names}}'").split()
        }
        for name, server in fleet.items()
    }
    assert there == {"edge1": {"edge"}, "edge2": {"edge"}, "app1": {"wsgi", "asgi"}, "app2": {"wsgi", "asgi"},
                     "data1": {"redis", "postgres"}}  # fmt: skip
    secrets = {
        name: set(server.sh("ls /var/lib/twinpool/shop/secrets || true").split()) for name, server in fleet.items()
    }
    assert "secret_key" not in secrets["edge1"] | secrets["edge2"] | secrets["data1"]
    assert secrets["data1"] == {"postgres_password", "redis_acl", "backup_key"}
    assert fleet["app2"].sh("find /var/lib/twinpool/shop/secrets -type f ! -perm 600") == ""


@pytest.mark.usefixtures("site")
def test_ports_are_open_to_those_who_need_them(fleet: Fleet) -> None:
    """Pools to edges, data to pools, the edge to all; nobody else, whatever a container publishes."""
    pools, data = (20000, 20032), (5432, 6379)
    assert connects(fleet["edge2"], fleet["app1"], *pools, 22, 80) == {*pools, 22}
    assert connects(fleet["app2"], fleet["data1"], *data, 22) == {*data, 22}
    assert connects(fleet["app2"], fleet["edge1"], 80, 443, 8080) == {80, 443}
    assert connects(fleet["data1"], fleet["app1"], *pools) == set()
    assert connects(fleet["app2"], fleet["app1"], *pools) == set()
    assert connects(fleet["edge1"], fleet["data1"], *data) == set()
    fleet["data1"].sh("nft delete table inet twinpool")
    try:
        assert connects(fleet["edge1"], fleet["data1"], *data) == {*data}, "without the firewall they are open"
    finally:
        fleet["data1"].sh("systemctl restart nftables")


@pytest.mark.usefixtures("site")
def test_it_keeps_every_promise(fleet_team: Team) -> None:
    code, told = fleet_team.make("conformance")
    assert code == 0, told
    assert re.search(r"https://shop\.example: \d\d+ passed", told), told


@pytest.mark.usefixtures("site")
def test_the_verbs_of_every_day(fleet_team: Team) -> None:
    code, told = fleet_team.make("status")
    assert code == 0, told
    assert told.count(" ready ") == 4, told
    assert fleet_team.make("url") == (0, "https://shop.example\n")
    code, told = fleet_team.make("manage", ARGS="showmigrations --plan")
    assert code == 0, told
    assert "[X]  board.0001_initial" in told
    code, told = fleet_team.make("logs", ARGS="--tail=1")
    assert code == 0, told
    assert {"edge-1", "app-wsgi-1", "postgres-1"} <= set(re.findall(r"[a-z]+(?:-[a-z]+)?-1", told)), told


@pytest.mark.usefixtures("site")
def test_a_new_release_and_back_lose_nothing(fleet: Fleet, fleet_team: Team, tmp_path: Path) -> None:
    """Clients at one edge see each host's sockets move in that host's turn, and nothing else."""
    mark(fleet_team, "second")
    for name in ("deploy", "rollback"):
        told = ""

        def verb(name: str = name) -> None:
            nonlocal told
            code, told = fleet_team.make(name)
            assert code == 0, told

        figures = held(fleet["app1"], fleet["edge2"], tmp_path / name, verb)
        assert told.count("verdict         GREEN") == 4, told
        # The receipt of a host ends before the next one's turn: of its clients only those of that host have moved.
        moved = [int(count) for count in re.findall(r"sockets moved +(\d+) of 20", told)]
        assert len(moved) == 4, told
        assert all(0 < count < 20 for count in moved), told
        assert releases(fleet) == dict.fromkeys(("app1", "app2"), "r2" if name == "deploy" else "r1")
        assert ("mark second" in fleet["edge1"].page()) == (name == "deploy")
        assert (figures["failed"], figures["lost"]) == (0, 0), figures["told"]
        assert set(figures["sockets"]["codes"]) == {"1012"}, figures["told"]
        assert figures["sockets"]["moved"] == 40, figures["told"]


@pytest.mark.usefixtures("site")
def test_a_host_that_fails_leaves_the_site_whole(fleet: Fleet, fleet_team: Team) -> None:
    """The second host's disk is full: the first one has the new release by then, the second keeps the old one."""
    mark(fleet_team, "third")
    before = releases(fleet)["app2"]
    last = json.loads(fleet["app1"].sh("cat /var/lib/twinpool/shop/state.json"))["last"]
    full = f"/var/lib/twinpool/shop/releases/r{last + 1}"
    fill = f"mkdir {full} && mount -t tmpfs -o size=4k tmpfs {full} && head -c 8k /dev/zero > {full}/full"
    fleet["app2"].sh(fill, check=False)
    try:
        code, told = fleet_team.make("deploy")
    finally:
        fleet["app2"].sh(f"umount {full} && rmdir {full}")
    assert code != 0, told
    assert "No space left on device" in told, told
    now = releases(fleet)
    assert now["app2"] == before, told
    assert now["app1"] != before, told
    assert f"twinpool-test-app1 serves {now['app1']}, twinpool-test-app2 serves {before}." in told, told
    code, told = fleet_team.make("rollback")
    assert code == 0, told
    assert releases(fleet) == {"app1": before, "app2": before}, told


@pytest.mark.usefixtures("site")
def test_a_bad_release_comes_to_no_host(fleet: Fleet, fleet_team: Team) -> None:
    before, settings = releases(fleet), next(fleet_team.project.rglob("wsgi.py"))
    text = settings.read_text()
    settings.write_text(f"import nowhere\n{text}")
    try:
        code, told = fleet_team.make("deploy")
    finally:
        settings.write_text(text)
    assert code != 0, told
    assert "nowhere" in told, told
    assert releases(fleet) == before
    assert "csrfmiddlewaretoken" in fleet["edge1"].page()


@pytest.mark.usefixtures("site")
def test_a_host_that_is_down_is_named_and_can_be_left_out(fleet: Fleet, fleet_team: Team) -> None:
    """Visitors do not notice; the others get the release, and the host gets it when it is back."""
    mark(fleet_team, "fourth")
    down = fleet["app2"].name
    run("docker", "stop", "--time=30", down)
    code, told = fleet_team.make("deploy")
    assert code != 0
    assert f"{down} cannot be worked on" in told, told
    assert f"SKIP={down}" in told, told
    code, told = fleet_team.make("deploy", SKIP=down)
    assert code == 0, told
    new = releases(fleet)["app1"]
    assert releases(fleet) == {"app1": new}
    assert "mark fourth" in fleet["edge1"].page()
    run("docker", "start", down)
    fleet["app2"].until("docker info > /dev/null 2>&1")
    code, told = fleet_team.make("deploy")
    assert code == 0, told
    assert releases(fleet) == {"app1": new, "app2": new}, told


@pytest.mark.usefixtures("site")
def test_a_reboot_of_each_host_brings_everything_back(fleet: Fleet, fleet_team: Team) -> None:
    for name in ("data1", "app1", "edge1"):
        run("docker", "restart", "--time=30", fleet[name].name)
    for _ in range(90):
        if all("csrfmiddlewaretoken" in fleet[name].page() for name in ("edge1", "edge2")):
            break
        time.sleep(1)
    code, told = fleet_team.make("status")
    assert code == 0, told
    assert told.count(" ready ") == 4, told


def test_a_deploy_that_is_killed_can_be_run_again(site: str, fleet: Fleet, fleet_team: Team) -> None:
    """Between the two hosts; the next one ends with one release everywhere and no other left."""
    mark(fleet_team, "fifth")
    killed = threading.Thread(target=fleet_team.make, args=("deploy",))
    before = releases(fleet)["app2"]
    killed.start()
    # The second edge is switched last: from then on the first host serves the new release.
    switched = f"! grep -q 'SERVING=twinpool-test-app1:{before},' /var/lib/twinpool/shop/edge/edge.env"
    fleet["edge2"].until(switched, seconds=200)
    run("pkill", "--signal=KILL", "--full", f"ansible-playbook.*{fleet_team.project}")
    killed.join()
    code, told = fleet_team.make("deploy")
    assert code == 0, told
    now = releases(fleet)
    assert now["app1"] == now["app2"] != before, told
    for name in ("app1", "app2"):
        fleet[name].until("test $(docker ps --quiet | wc -l) = 2")


def people(team: Team) -> str:
    ask = "from django.contrib.auth.models import User; print(*User.objects.values_list('username', flat=True))"
    code, told = team.make("manage", ARGS=f'shell -v0 -c "{ask}"')
    assert code == 0, told
    return told


def joins(team: Team, name: str) -> None:
    """A person of that name, in a database that takes notice of when."""
    add = f"from django.contrib.auth.models import User; User.objects.create(username='{name}')"
    code, told = team.make("manage", ARGS=f'shell -v0 -c "{add}"')
    assert code == 0, told
    time.sleep(1)


def test_a_database_that_is_lost_comes_back_as_it_was(site: str, fleet: Fleet, fleet_team: Team) -> None:
    """At a moment between two changes, on a bare server; and not over a database that is there."""
    postgres = "docker exec shop-postgres-1"
    joins(fleet_team, "ada")
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
    time.sleep(1)
    joins(fleet_team, "bob")
    fleet["data1"].sh(f"{postgres} psql --host=/run/postgresql --dbname=postgres --command='SELECT pg_switch_wal()'")
    fleet["data1"].until(f"test $({postgres} sh -c 'ls /var/lib/postgresql/data/cluster/pg_wal/archive_status/*.ready "
                         "2> /dev/null | wc -l') = 0")  # fmt: skip
    code, told = fleet_team.make("restore", FROM=moment)
    assert code != 0
    assert "There is a database here already" in told, told
    assert "FORCE=1" in told, told

    folder = fleet["data1"].folder
    fleet["data1"].ends()
    fleet["data1"] = booted("data1", folder)
    shutil.rmtree(fleet_team.project / "deploy" / "inventory")
    inventory(fleet_team.project, groups(fleet), **KNOBS)
    code, told = fleet_team.make("provision")
    assert code == 0, told
    code, told = fleet_team.make("restore", FROM="yesterday")
    assert code != 0
    assert "expected a moment as" in told, told
    code, told = fleet_team.make("restore", FROM=moment)
    assert code == 0, told
    assert told.count("verdict         GREEN") == 4, told
    assert "ada" in people(fleet_team)
    assert "bob" not in people(fleet_team)


def test_backups_are_made_and_proven_to_restore(site: str, fleet: Fleet, fleet_team: Team) -> None:
    assert "twinpool-shop-run.timer" in fleet["data1"].sh("systemctl list-timers")
    assert "twinpool-shop-prove.timer" in fleet["data1"].sh("systemctl list-timers")
    code, told = fleet_team.make("backup")
    assert code == 0, told
    assert re.search(r"\d backups in /srv/store/shop", told), told
    fleet["data1"].sh("systemctl start twinpool-shop-prove")
    code, told = fleet_team.make("status")
    assert code == 0, told
    assert re.search(r"restored for proof: \d{4}-\d\d-\d\d", told), told
    # What lies there can be read by nobody without the key.
    found = fleet["data1"].sh("grep --recursive --files-with-matches --text django_migrations /srv/store; true")
    assert found == "", found


@pytest.mark.usefixtures("site")
def test_a_site_that_is_destroyed_leaves_nothing(fleet: Fleet, fleet_team: Team) -> None:
    """But for its backups."""
    code, told = fleet_team.make("destroy", YES="1")
    assert code == 0, told
    left = "docker ps --all --quiet; docker volume ls --quiet; ls /var/lib/twinpool"
    assert {name: server.sh(left) for name, server in fleet.items()} == dict.fromkeys(fleet, "")
    assert fleet["data1"].sh("ls /srv/store/shop").split() == ["archive", "backup", "proven"]
