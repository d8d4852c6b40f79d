"""What an inventory says of a host, and the lock that a change of a site takes there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hosts
import pytest
from knobs import KIT, Refused

GROUPS = ("edge", "wsgi", "asgi", "redis", "postgres")


def inventory(folder: Path, **host: object) -> Path:
    groups = {name: {"hosts": {"web1": None}} for name in GROUPS}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"web1": host}}, "site": {"children": groups}}))
    return folder


def test_this_machine_is_the_smallest_inventory(tmp_path: Path) -> None:
    here = hosts.Servers((hosts.Host("localhost"),), hosts.Host("localhost"))
    assert hosts.of(hosts.inventory("", KIT / "app")) == here
    copied = shutil.copytree(hosts.LOCAL, tmp_path / "local")
    assert hosts.of(copied) == here, "what is known by heart is what is written there"


def test_the_example_is_one() -> None:
    host = hosts.of(KIT / "ansible" / "inventory" / "example").lead
    assert (host.name, host.command("true")[-3:]) == ("web1", ["203.0.113.10", "--", "true"])


def test_a_command_goes_where_the_inventory_says(tmp_path: Path) -> None:
    given: dict[str, Any] = {"ansible_host": "192.0.2.1", "ansible_port": 2222, "ansible_user": "ada"}
    more = {"ansible_ssh_private_key_file": "/keys/one", "ansible_ssh_common_args": "-J jump", "ansible_become": True}
    words = hosts.of(inventory(tmp_path, **given, **more)).lead.command("cat", "a file")
    text = " ".join(words)
    for part in ("-p 2222", "-l ada", "-i /keys/one", "-J jump", "192.0.2.1 -- sudo -n cat 'a file'"):
        assert part in text


def several(folder: Path, **changed: list[str]) -> Path:
    """An inventory of four hosts, with some groups changed."""
    groups = {
        "edge": ["one"],
        "wsgi": ["two", "three"],
        "asgi": ["two", "three"],
        "redis": ["four"],
        "postgres": ["four"],
    }
    names = {name: {"ansible_host": f"192.0.2.{number}"} for number, name in enumerate(("one", "two", "three", "four"))}
    children = {name: {"hosts": dict.fromkeys(found)} for name, found in (groups | changed).items()}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": names}, "site": {"children": children}}))
    return folder


def test_the_lead_host_is_the_first_with_a_pool_that_is_not_left_out(tmp_path: Path) -> None:
    found = hosts.of(several(tmp_path))
    assert ([host.name for host in found.every], found.lead.name) == (["one", "two", "three", "four"], "two")
    found = hosts.of(tmp_path, skip="two")
    assert ([host.name for host in found.every], found.lead.name) == (["one", "three", "four"], "three")
    # A pool that is off needs no host.
    found = hosts.of(several(tmp_path, wsgi=[], asgi=["three"]), pools="asgi")
    assert found.lead.name == "three"


@pytest.mark.parametrize(
    ("changed", "skip", "told"),
    [
        ({"wsgi": []}, "", "has no host in wsgi"),
        ({"postgres": ["three", "four"]}, "", "has several hosts in postgres"),
        ({"edge": ["one", "web.example"]}, "", "gives no IPv4 address of web.example"),
        ({}, "five", "has no host five to leave out"),
        ({}, "four", "has four alone in redis, postgres"),
    ],
)
def test_an_inventory_that_cannot_do_is_refused(
    tmp_path: Path, changed: dict[str, list[str]], skip: str, told: str
) -> None:
    with pytest.raises(Refused, match=told):
        hosts.of(several(tmp_path, **changed), skip=skip)


def test_an_inventory_of_the_project_is_found_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "deploy" / "inventory" / "stage"
    folder.mkdir(parents=True)
    assert hosts.inventory("stage", tmp_path) == folder
    with pytest.raises(Refused, match=r"INVENTORY=live: found neither .* \(in .*: stage\)"):
        hosts.inventory("live", tmp_path)


def test_files_are_read_and_written_whole_and_closed(tmp_path: Path) -> None:
    host = hosts.Host("localhost")
    assert host.read(tmp_path / "none") == ""
    host.write(tmp_path / "some", "a 'text'\n")
    assert host.read(tmp_path / "some") == "a 'text'\n"
    assert (tmp_path / "some").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["some"]


def test_the_second_is_told_who_and_the_third_may_again(tmp_path: Path) -> None:
    host, site = hosts.Host("localhost"), tmp_path / "shop"
    with (
        host.lock(site, "ada (make deploy)"),
        pytest.raises(Refused, match=r"shop is being changed by ada \(make deploy\)"),
        host.lock(site, "bob"),
    ):
        pass
    with host.lock(site, "cleo"):
        assert (site / "lock").read_text() == "cleo\n"


def test_a_killed_command_leaves_no_lock(tmp_path: Path) -> None:
    program = (
        "import sys, time, hosts; from pathlib import Path\n"
        "with hosts.Host('localhost').lock(Path(sys.argv[1]), 'ada'): print('held', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(KIT / "ansible")}
    command = [sys.executable, "-c", program, str(tmp_path / "shop")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)
    for _ in range(50):  # the one that holds it ends as its input does
        try:
            with hosts.Host("localhost").lock(tmp_path / "shop", "bob"):
                return
        except Refused:
            time.sleep(0.1)
    pytest.fail("the lock is still held")
