"""What cannot work is refused in one clear message, before anything changes."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .site import KIT, STATE, Site, run


@pytest.fixture
def nothing_changes() -> Iterator[None]:
    def seen() -> tuple[str, bool]:
        label = "label=twinpool.site=test-refused"
        return run("docker", "ps", "--all", "--quiet", "--filter", label).stdout, (STATE / "test-refused").exists()

    before = seen()
    yield
    assert seen() == before


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({"PRT": "8081"}, "did you mean PORT"),
        ({"PORT": "eighty"}, "a port from 1 to 65535"),
        ({"PROJECT": "/nonexistent"}, "there is no folder"),
        ({"PROJECT": str(KIT / "docs")}, "no manage.py"),
        ({"HOSTS": "shop.example"}, "TLS=local"),
        ({"BIND": "0.0.0.0"}, "TLS=local"),
    ],
)
@pytest.mark.usefixtures("nothing_changes")
def test_bad_input(knobs: dict[str, str], told: str) -> None:
    site = Site("test-refused", KIT / "app")
    done = run(
        "make",
        "-C",
        KIT,
        "deploy",
        *(f"{name}={value}" for name, value in ({"PORT": str(site.port), "NAME": site.name} | knobs).items()),
    )
    assert done.returncode != 0
    assert told in done.stdout, done.stdout
    assert "Traceback" not in done.stdout
    assert len(done.stdout.splitlines()) < 12, done.stdout


def test_a_django_older_than_5_2(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "requirements.txt").write_text("django==4.2.16\n")
    done = Site("test-refused", tmp_path).make("deploy")
    assert done.returncode != 0
    assert "django==4.2.16" in done.stdout
    assert "5.2" in done.stdout


def test_a_taken_port(make_site: Callable[..., Site]) -> None:
    site = make_site("taken", KIT / "app")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", site.port))
        listener.listen()
        done = site.make("deploy")
    assert done.returncode != 0
    assert f"127.0.0.1:{site.port} cannot be listened on" in done.stdout
    assert "PORT=8081" in done.stdout
    assert site.containers() == []


def test_verbs_of_a_site_that_is_not_there() -> None:
    done = run("make", "-C", KIT, "status", "NAME=test-nowhere")
    assert done.returncode != 0
    assert "There is no site test-nowhere" in done.stdout
