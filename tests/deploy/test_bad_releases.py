"""A release that cannot serve never does: the old one goes on, the reason is shown, nothing is left."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .breakages import BREAKAGES
from .site import Site, run


def test_an_awkward_project(awkward: Site) -> None:
    awkward.split("awkward")


@pytest.fixture
def good(awkward: Site) -> Site:
    return awkward


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_bad_release_changes_nothing(good: Site, tmp_path: Path, breakage: Callable[[Path], str]) -> None:
    from .site import copy_of

    containers, state, edge = good.containers(), good.state(), good.edge()
    bad = Site(good.name, copy_of(good.project, tmp_path / "bad"), port=good.port)
    reason = breakage(bad.project)
    # What it wants of the edge is not there either, before it serves.
    (bad.project / "deploy").mkdir(exist_ok=True)
    (bad.project / "deploy" / "routes.conf").write_text("location / { include handlers/asgi-http.conf; }\n")
    done = bad.make("deploy", READY_TIMEOUT="15", HOSTS="localhost", BODY_LIMIT="1")
    assert done.returncode != 0, done.stdout
    assert reason in done.stdout, done.stdout
    assert f"{state['current']} serves on" in done.stdout, done.stdout
    assert good.containers() == containers
    assert good.edge() == edge
    assert good.state()["current"] == state["current"]
    assert good.who("wsgi")["release"] == state["current"]
    everything = run(
        "docker", "ps", "--all", "--filter", f"label=twinpool.site={good.name}", "--format", "{{.Names}}"
    ).stdout.split()
    assert sorted(everything) == sorted(line.split()[1] for line in containers)


@pytest.mark.parametrize("step", ["The new generation starts", "Each pool of the release answers"])
def test_a_deploy_that_was_killed_can_be_run_again(good: Site, step: str) -> None:
    """Before the switch nothing has happened; after it, the new release serves and the old one is drained."""
    import os
    import signal
    import subprocess
    import sys

    from .site import KIT, QUICK

    with (next(good.project.rglob("urls.py"))).open("a") as file:
        file.write(f"\n# killed at: {step}\n")
    given = {"PROJECT": str(good.project), "NAME": good.name, "PORT": str(good.port), **QUICK}
    environment = {**os.environ, **given, "TWINPOOL_MAKE": " ".join(f"{n}={v}" for n, v in given.items())}
    process = subprocess.Popen(
        [sys.executable, "ansible/play.py", "deploy"], cwd=KIT, env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout
    for line in process.stdout:
        if step in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    held = good.hold("--sockets", "10", "--rate", "10", "--window", QUICK["DRAIN_WINDOW"])
    told = good.deploy()
    code, _, printed = held.end()
    assert "is up" in told
    assert code == 0, printed
    releases = {line.split()[1].split("-app-")[0] for line in good.containers() if "-app-" in line}
    assert releases == {f"{good.name}-{good.state()['current']}"}
