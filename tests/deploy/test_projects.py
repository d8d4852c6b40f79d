"""Projects that the kit has never seen deploy unchanged, on defaults; and each view is answered by the pool it needs."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .site import KIT, Site, free_port, run

PROJECTS = KIT / "tests" / "projects"


@pytest.fixture
def site(make_site: Callable[..., Site], request: pytest.FixtureRequest) -> Iterator[Site]:
    """Deployed for one test, and stopped after it: each of these holds hundreds of connections."""
    name, knobs = request.param
    made = make_site(name, PROJECTS / name, **knobs)
    made.deploy()
    yield made
    made.make("down")


def split(site: Site, project: str, pools: str = "both") -> None:
    pool = "asgi" if pools == "both" else pools
    site.suite(
        "split",
        "--project",
        project,
        "--pools",
        pools,
        "--metrics-command",
        f"docker exec {site.container(pool)} twinpool ask /-/metrics",
    )


@pytest.mark.parametrize("site", [("plain", {"POOLS": "wsgi"})], indirect=True, ids=["plain"])
def test_a_plain_project_with_one_pool(site: Site) -> None:
    names = {line.split()[1].removeprefix(f"{site.name}-") for line in site.containers()}
    assert names == {"edge-1", "postgres-1", "r1-app-wsgi-1"}
    split(site, "plain", "wsgi")
    site.suite("conformance", "--pools", "wsgi")


@pytest.mark.parametrize("site", [("awkward", {})], indirect=True, ids=["awkward"])
def test_an_awkward_project(site: Site) -> None:
    split(site, "awkward")
    site.suite("conformance")


@pytest.mark.parametrize("site", [("streams", {})], indirect=True, ids=["streams"])
def test_a_project_of_undeclared_streams(site: Site) -> None:
    split(site, "streams")


def test_the_noticeboard(noticeboard: Site) -> None:
    split(noticeboard, "app")


def test_the_noticeboard_in_a_browser(noticeboard: Site) -> None:
    password = noticeboard.folder / "admin-password"
    kill = f"docker kill {noticeboard.container('asgi')} && docker start {noticeboard.container('asgi')}"
    told = run(sys.executable, "-m", "pytest", "tests/app/browser", "-q", "--url", noticeboard.url, "--admin-user", "admin",
               "--admin-password-file", password, "--kill-asgi", kill, timeout=400, cwd=KIT)  # fmt: skip
    assert told.returncode == 0, told.stdout[-6000:]


def test_two_names_stand_side_by_side_and_the_folder_may_be_elsewhere(
    noticeboard: Site, make_site: Callable[..., Site], tmp_path: Path
) -> None:
    other = make_site("beside", PROJECTS / "plain", POOLS="wsgi")
    containers = noticeboard.containers()
    other.deploy()
    assert noticeboard.containers() == containers
    assert other.get("/")[0] == 200
    moved = Site(other.name, other.project.rename(tmp_path / "moved"), port=other.port, knobs=other.knobs)
    assert "nothing to do" in moved.deploy()
    assert moved.make("down").returncode == 0
    assert moved.containers() == []
    assert "is up" in moved.deploy()


def test_tls_with_a_local_authority(make_site: Callable[..., Site]) -> None:
    tls = free_port()
    site = make_site("tls", KIT / "app", TLS="local", TLS_PORT=str(tls))
    told = site.deploy()
    assert f"https://localhost:{tls}" in told
    assert "HTTP/2" in told
    authority = site.folder / "tls" / "authority.pem"
    answer = run(
        "curl",
        "-sS",
        "--cacert",
        authority,
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
        f"https://localhost:{tls}/accounts/login/",
    )
    assert answer.stdout == "2 200"
    site.suite("conformance", "--ca", str(authority), url=f"https://localhost:{tls}")
