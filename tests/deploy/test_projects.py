"""Projects that the kit has never seen deploy unchanged, and each view is answered by the pool it needs."""

import sys
from collections.abc import Callable
from pathlib import Path

from .site import KIT, Site, copy_of, free_port, run


def split(site: Site, project: str, pools: str = "both") -> None:
    pool = "asgi" if pools == "both" else pools
    metrics = f"docker exec {site.container(pool)} twinpool ask /-/metrics"
    site.suite("split", "--project", project, "--pools", pools, "--metrics-command", metrics)


def test_a_plain_project_with_one_pool(plain: Site) -> None:
    names = {line.split()[1].removeprefix(f"{plain.name}-") for line in plain.containers()}
    assert names == {"edge-1", "postgres-1", f"{plain.state()['current']}-app-wsgi-1"}
    split(plain, "plain", "wsgi")
    plain.suite("conformance", "--pools", "wsgi")


def test_an_awkward_project(awkward: Site) -> None:
    split(awkward, "awkward")


def test_a_project_of_undeclared_streams(make_site: Callable[..., Site]) -> None:
    site = make_site("streams", KIT / "tests" / "projects" / "streams")
    site.deploy()
    split(site, "streams")
    site.make("down")


def test_the_noticeboard(noticeboard: Site) -> None:
    split(noticeboard, "app")


def test_the_noticeboard_in_a_browser(noticeboard: Site) -> None:
    password = noticeboard.folder / "admin-password"
    kill = f"docker kill {noticeboard.container('asgi')} && docker start {noticeboard.container('asgi')}"
    admin = ["--admin-user", "admin", "--admin-password-file", password]
    suite = [sys.executable, "-m", "pytest", "tests/app/browser", "-q", "--url", noticeboard.url]
    told = run(*suite, *admin, "--kill-asgi", kill, timeout=400, cwd=KIT)
    assert told.returncode == 0, told.stdout[-6000:]


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
