"""What a newcomer types on a fresh Debian 12 machine, in the order of a first day."""

import re

import pytest

from .conftest import Machine

# A PATH with all programs of the machine but those named.
WITHOUT = """mkdir -p {folder}
for file in /usr/sbin/* /usr/bin/*; do case $file in {names}) ;; *) ln -sf $file {folder}/ ;; esac; done"""


def without(machine: Machine, *names: str) -> str:
    folder = "/srv/without-" + "-".join(names)
    patterns = "|".join(f"*/{name}*" for name in names)
    assert machine.sh(WITHOUT.format(folder=folder, names=patterns)).returncode == 0
    return folder


@pytest.fixture(scope="module")
def first(fresh: Machine) -> str:
    """What the first `make deploy` of the machine prints."""
    code, told = fresh.make("deploy", timeout=1500)
    assert code == 0, told[-6000:]
    return told


def test_a_user_is_told_who_can_install_what(fresh: Machine) -> None:
    fresh.sh("useradd --create-home ada && cp -r /opt/twinpool /home/ada/ && chown -R ada: /home/ada/twinpool")
    done = fresh.sh("cd /home/ada/twinpool && make deploy", user="ada")
    assert done.returncode != 0
    assert re.search(r"lacks venv or ensurepip. Run make as root .*, which installs python3\.\d+-venv", done.stdout)


def test_without_apt_it_says_what_to_install_and_installs_nothing(fresh: Machine) -> None:
    code, told = fresh.make("deploy", path=without(fresh, "apt"))
    assert code != 0
    assert "lacks venv or ensurepip, and there is no apt-get" in told
    assert fresh.sh("test -e /opt/twinpool/.venv").returncode != 0


def test_it_says_before_it_installs(first: str) -> None:
    lines = first.splitlines()

    def place(text: str) -> int:
        return next(number for number, line in enumerate(lines) if text in line)

    for said, done in [
        ("Missing: python3.11-venv. Installing it now", "python3.11-venv is installed"),
        ("Missing: a Docker engine, Docker's client, Docker's plugin buildx", "Docker's engine is installed"),
        ("from this host's Debian sources: docker.io", "Docker's engine is installed"),
        ("Starting the engine", "Docker's engine is started"),
        ("out of Debian's packages, into /usr/local/lib/docker", "Docker's plugins are installed"),
        ("Missing: mmdebstrap", "The tool that makes the base is installed"),
    ]:
        assert place(said) < place(done), first


def test_the_first_deploy_ends_with_a_site(fresh: Machine, first: str) -> None:
    assert "noticeboard is up: http://localhost:8080" in first
    assert "GREEN" in first
    assert "Traceback" not in first
    for host in ("127.0.0.1", "localhost"):
        assert fresh.sh(f"curl -sS -o /dev/null -w '%{{http_code}}' http://{host}:8080/").stdout in ("200", "302")
    assert "rollback" not in first  # there is nothing to go back to


@pytest.mark.usefixtures("first")
def test_the_engine_has_every_cpu(fresh: Machine) -> None:
    """What starts it may be held to one, and all containers inherit that."""
    told = fresh.sh("grep -h Cpus_allowed_list /proc/1/status /proc/$(pidof dockerd)/status").stdout.splitlines()
    assert len(told) == 2
    assert told[0] == told[1]


@pytest.mark.usefixtures("first")
def test_a_repeat_has_nothing_to_do(fresh: Machine) -> None:
    before = fresh.engine()
    code, told = fresh.make("deploy")
    assert code == 0, told
    assert "nothing to do" in told
    assert "Missing" not in told
    assert "building" not in told
    assert fresh.engine() == before


@pytest.mark.usefixtures("first")
def test_missing_plugins_leave_a_working_engine_alone(fresh: Machine) -> None:
    before = fresh.engine()
    assert fresh.sh("rm -r /usr/local/lib/docker/cli-plugins").returncode == 0
    code, told = fresh.make("deploy", timeout=300)
    assert code == 0, told
    assert "Missing: Docker's plugin buildx, Docker's plugin compose." in told
    assert "nothing to do" in told
    assert fresh.engine() == before


@pytest.mark.usefixtures("first")
def test_a_stopped_engine_is_started_and_the_site_with_it(fresh: Machine) -> None:
    # The edge has been reloaded before: that must not count as stopped by hand.
    assert fresh.make("deploy BODY_LIMIT=11")[0] == 0
    fresh.sh("kill $(pidof dockerd); while pidof dockerd; do sleep 0.2; done")
    code, told = fresh.make("deploy BODY_LIMIT=11", timeout=300)
    assert code == 0, told
    assert "Missing: a running Docker engine (one is installed, but stopped)." in told
    assert "Installing" not in told
    assert "The edge runs" not in told  # the engine itself has started it again
    assert "nothing to do" in told
    assert fresh.sh("curl -sS -o /dev/null -w '%{http_code}' http://localhost:8080/").stdout in ("200", "302")


@pytest.mark.usefixtures("first")
def test_an_edge_that_was_stopped_comes_back_with_a_deploy(fresh: Machine) -> None:
    fresh.sh("docker stop noticeboard-edge-1")
    code, told = fresh.make("deploy BODY_LIMIT=11")
    assert code == 0, told
    assert "The edge runs" in told
    assert fresh.sh("curl -sS -o /dev/null -w '%{http_code}' http://localhost:8080/").stdout in ("200", "302")


@pytest.mark.usefixtures("first")
def test_a_host_that_is_not_debian_is_told_what_to_install(fresh: Machine) -> None:
    before = fresh.engine()
    code, told = fresh.make("deploy", path=without(fresh, "apt", "docker"))
    assert code != 0
    assert "install Docker 20.10 or newer and its plugins buildx and compose" in told
    assert "Nothing was installed" in told
    assert fresh.engine() == before


@pytest.mark.usefixtures("first")
def test_a_full_disk_is_said_before_anything_is_built(fresh: Machine) -> None:
    full = (
        "mkdir -p /srv/full && printf '#!/bin/sh\\necho Avail\\necho 1500\\n' > /srv/full/df && chmod +x /srv/full/df"
    )
    assert fresh.sh(full).returncode == 0
    code, told = fresh.make("deploy NAME=other PORT=8090", path="/srv/full:/usr/sbin:/usr/bin")
    assert code != 0
    assert "Docker's disk has 1500 MiB free; a build and two releases want 2048" in told
    assert fresh.sh("docker ps --all --quiet --filter label=twinpool.site=other").stdout == ""


@pytest.mark.usefixtures("first")
def test_a_user_of_a_prepared_machine_is_told_to_be_root(fresh: Machine) -> None:
    fresh.sh("cp -r /opt/twinpool/.venv /home/ada/twinpool/ && chown -R ada: /home/ada/twinpool")
    done = fresh.sh("cd /home/ada/twinpool && make deploy", user="ada")
    assert done.returncode != 0
    assert "Found user ada; expected root" in done.stdout
    assert "sudo make deploy" in done.stdout
