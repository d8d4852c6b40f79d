"""The first deploy and what stands after it: the newcomer's view."""

import fcntl
import json
import re
import stat
import sys
from pathlib import Path

import pytest

from .site import KIT, Site, copy_of, run


def test_the_summary_says_what_runs_where_and_what_to_do_next(noticeboard: Site) -> None:
    told = noticeboard.first  # type: ignore[attr-defined]
    assert f"http://localhost:{noticeboard.port}" in told
    assert re.search(r"wsgi +test-noticeboard-r1-app-wsgi-1", told)
    assert re.search(r"asgi +test-noticeboard-r1-app-asgi-1", told)
    assert re.search(r"release +r1", told)
    assert "receipt" in told
    assert told.rstrip().count("make ") >= 3


def test_both_loopback_names_answer_and_nothing_else_listens(noticeboard: Site) -> None:
    for host in ("localhost", "127.0.0.1"):
        assert run(
            "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://{host}:{noticeboard.port}/"
        ).stdout in ("200", "302")
    ports = run(
        "docker", "ps", "--filter", f"label=twinpool.site={noticeboard.name}", "--format", "{{.Ports}}"
    ).stdout.split()
    assert [port for port in ports if "->" in port] == [f"127.0.0.1:{noticeboard.port}->8080/tcp"]


def test_a_repeat_changes_nothing(noticeboard: Site) -> None:
    def seen() -> tuple[object, ...]:
        releases = sorted(path.name for path in (noticeboard.folder / "releases").iterdir())
        reloads = run("docker", "logs", f"{noticeboard.name}-edge-1").stdout.count("reloading")
        return noticeboard.containers(), noticeboard.state(), releases, reloads, noticeboard.edge()

    before = seen()
    assert "nothing to do" in noticeboard.deploy()
    assert seen() == before


def test_a_dry_run_shows_what_would_change_and_changes_nothing(noticeboard: Site) -> None:
    before = noticeboard.containers(), noticeboard.state(), noticeboard.edge()
    told = noticeboard.deploy(DRY="1")
    assert "nothing would change" in told, told
    told = noticeboard.deploy(DRY="1", THREADS="9", BODY_LIMIT="8")
    assert "-THREADS=8" in told, told
    assert "+THREADS=9" in told, told
    assert "the edge's files and routes would be taken" in told, told
    assert (noticeboard.containers(), noticeboard.state(), noticeboard.edge()) == before


def test_a_changed_limit_is_the_edges_alone(noticeboard: Site) -> None:
    containers, state = noticeboard.containers(), noticeboard.state()
    noticeboard.knobs["BODY_LIMIT"] = "9"
    assert "only the edge had to take new files" in noticeboard.deploy()
    assert (noticeboard.containers(), noticeboard.state()) == (containers, state)
    assert "TWINPOOL_BODY_LIMIT=9" in (noticeboard.folder / "edge" / "edge.env").read_text()


def test_the_login_of_the_summary_opens_the_admin(noticeboard: Site) -> None:
    file = noticeboard.folder / "admin-password"
    assert str(file) in noticeboard.first  # type: ignore[attr-defined]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ask = (
        "from django.contrib.auth import authenticate; "
        "print(authenticate(username='admin', password=input()) is not None)"
    )
    container = noticeboard.container("wsgi")
    done = run("sh", "-c", f'docker exec -i {container} twinpool manage shell -v 0 -c "{ask}" < {file}')
    assert "True" in done.stdout, done.stdout


def test_conformance(noticeboard: Site) -> None:
    noticeboard.suite("conformance")


@pytest.fixture(scope="module")
def inspected(noticeboard: Site) -> dict[str, dict[str, object]]:
    ids = [line.split()[0] for line in noticeboard.containers()]
    return {told["Name"].lstrip("/"): told for told in json.loads(run("docker", "inspect", *ids).stdout)}


def test_no_container_has_more_rights_than_it_needs(inspected: dict[str, dict[str, object]]) -> None:
    assert len(inspected) == 5
    for name, told in inspected.items():
        host, config = told["HostConfig"], told["Config"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert config["User"] not in ("", "0", "root"), name
        assert run("docker", "exec", name, "touch", "/owned").returncode != 0, name


def test_the_edge_reaches_neither_database_nor_redis(noticeboard: Site) -> None:
    addresses = [
        run(
            "docker",
            "inspect",
            "-f",
            "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}",
            f"{noticeboard.name}-{part}-1",
        ).stdout.strip()
        for part in ("postgres", "redis")
    ]
    connect = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"
    for target, port in zip(addresses, ("5432", "6379"), strict=True):
        done = run("docker", "exec", f"{noticeboard.name}-edge-1", "python3", "-c", connect, target, port)
        assert done.returncode != 0, f"the edge reached {target}:{port}"
        reached = run("docker", "exec", noticeboard.container("wsgi"), "python", "-c", connect, target, port)
        assert reached.returncode == 0, reached.stdout


def test_secrets_are_closed_files_and_stand_nowhere_else(
    noticeboard: Site, inspected: dict[str, dict[str, object]]
) -> None:
    secrets = noticeboard.folder / "secrets"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    values = []
    for file in secrets.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        values.append(file.read_text().strip())
    everything = json.dumps(inspected) + run("ps", "-eo", "args").stdout + noticeboard.first  # type: ignore[attr-defined]
    for name in inspected:
        everything += run("docker", "logs", name).stdout
    image = next(told["Image"] for name, told in inspected.items() if "app-wsgi" in name)
    everything += run("docker", "history", "--no-trunc", str(image)).stdout
    assert [value[:4] for value in values if value in everything] == []


def test_redis_wants_the_password(noticeboard: Site) -> None:
    assert "NOAUTH" in run("docker", "exec", f"{noticeboard.name}-redis-1", "redis-cli", "get", "x").stdout


def test_the_asgi_pool_weighs_four_times_a_wsgi_process(inspected: dict[str, dict[str, object]]) -> None:
    shares = {
        name.rpartition("-app-")[2]: told["HostConfig"]["CpuShares"]
        for name, told in inspected.items()
        if "-app-" in name
    }
    assert shares["asgi-1"] == 4 * (shares["wsgi-1"] / 2)


def test_status_names_pools_health_and_release(noticeboard: Site) -> None:
    told = noticeboard.make("status").stdout
    release = noticeboard.state()["current"]
    assert re.search(rf"{release}-app-wsgi-1 +wsgi +ready +0 +0", told), told
    assert re.search(rf"{release}-app-asgi-1 +asgi +ready +\d+ +\d+", told), told
    assert f"release {release}" in told


def test_url_prints_the_address_and_nothing_else(noticeboard: Site) -> None:
    assert noticeboard.make("url").stdout == f"{noticeboard.url}\n"


def test_manage_runs_in_the_release(noticeboard: Site) -> None:
    done = noticeboard.make("manage", ARGS="showmigrations --plan board")
    assert done.returncode == 0
    assert "[X]  board.0001_initial" in done.stdout


def test_logs_are_one_json_object_a_request(noticeboard: Site) -> None:
    noticeboard.get("/?seen-in-the-log", X_Request_ID="from-the-test-1")
    told = run("docker", "logs", "--tail", "50", f"{noticeboard.name}-edge-1").stdout
    line = next(json.loads(line) for line in told.splitlines() if "seen-in-the-log" in line)
    assert line["pool"] == "wsgi"
    assert line["request_id"] == "from-the-test-1"
    assert line["status"] < 400


@pytest.mark.parametrize("verb", ["routes", "check"])
def test_the_project_is_judged_without_being_deployed(noticeboard: Site, verb: str) -> None:
    containers = noticeboard.containers()
    done = noticeboard.make(verb)
    assert done.returncode == 0, done.stdout
    assert {"routes": "/glance/", "check": "DATABASES"}[verb] in done.stdout.replace("glance/", "/glance/")
    assert noticeboard.containers() == containers


def test_a_second_deployer_is_told_who_holds_the_site(noticeboard: Site) -> None:
    with (noticeboard.folder / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write("ada (make deploy, process 1, since 10:00)")
        lock.flush()
        done = noticeboard.make("deploy")
    assert done.returncode != 0
    assert "ada (make deploy" in done.stdout


def test_destroy_asks_and_without_a_terminal_does_nothing(noticeboard: Site) -> None:
    containers = noticeboard.containers()
    done = noticeboard.make("destroy")
    assert done.returncode != 0
    assert "YES=1" in done.stdout
    assert noticeboard.containers() == containers


def test_the_noticeboard(noticeboard: Site) -> None:
    noticeboard.split("app")


def test_the_noticeboard_in_a_browser(noticeboard: Site) -> None:
    password = noticeboard.folder / "admin-password"
    kill = f"docker kill {noticeboard.container('asgi')} && docker start {noticeboard.container('asgi')}"
    admin = ["--admin-user", "admin", "--admin-password-file", password]
    suite = [sys.executable, "-m", "pytest", "tests/app/browser", "-q", "--url", noticeboard.url]
    told = run(*suite, *admin, "--kill-asgi", kill, timeout=400, cwd=KIT)
    assert told.returncode == 0, told.stdout[-6000:]


def test_a_plain_project_with_one_pool(plain: Site) -> None:
    names = {line.split()[1].removeprefix(f"{plain.name}-") for line in plain.containers()}
    assert names == {"edge-1", "postgres-1", f"{plain.state()['current']}-app-wsgi-1"}
    plain.split("plain", "wsgi")
    plain.suite("conformance", "--pools", "wsgi")


def test_two_names_stand_side_by_side_and_the_folder_may_be_elsewhere(
    noticeboard: Site, plain: Site, tmp_path: Path
) -> None:
    containers = noticeboard.containers()
    moved = Site(plain.name, copy_of(plain.project, tmp_path / "moved"), port=plain.port, knobs=plain.knobs)
    assert "nothing to do" in moved.deploy()
    assert moved.get("/")[0] == 200
    assert moved.make("down").returncode == 0
    assert moved.containers() == []
    assert "is up" in moved.deploy()
    assert moved.get("/")[0] == 200
    assert noticeboard.containers() == containers
