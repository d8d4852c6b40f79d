"""A second deploy under load loses nothing; and the receipt turns red when a guard is taken away."""

import re
import shutil
from pathlib import Path

import pytest

from .site import KIT, QUICK, Site, run

LOAD = ("--sockets", "200", "--streams", "20", "--rate", "50", "--page", "/")


def change(site: Site, mark: str) -> None:
    """Changed code: a template of the project says something else."""
    file = next(path for path in site.project.rglob("base.html"))
    text = re.sub(r"<!-- mark .* -->\n", "", file.read_text())
    file.write_text(text.replace("</body>", f"<!-- mark {mark} -->\n</body>"))


def test_a_deploy_under_load_loses_nothing(rolling: Site) -> None:
    change(rolling, "second")
    rolling.first_edge = rolling.edge()  # type: ignore[attr-defined]
    rolling.knobs["BODY_LIMIT"] = "5"
    held = rolling.hold(*LOAD, "--window", QUICK["DRAIN_WINDOW"])
    told = rolling.deploy()
    code, receipt, printed = held.end()
    assert code == 0, printed
    assert "mark second" in rolling.get("/accounts/login/")[2]
    assert "green" in told.lower()
    figures = receipt
    assert figures["failed"] == 0, printed
    assert figures["lost"] == 0, printed
    assert figures["missing"] == 0, printed
    assert figures["sockets"]["codes"] == {"1012": 200}, printed
    assert figures["sockets"]["first_try"] == 200, printed
    assert figures["sockets"]["spread"] >= 0.9 * float(QUICK["DRAIN_WINDOW"]), printed


def test_a_rollback_under_load_loses_nothing(rolling: Site) -> None:
    state = rolling.state()
    held = rolling.hold(*LOAD, "--window", QUICK["DRAIN_WINDOW"])
    done = rolling.make("rollback")
    code, _, printed = held.end()
    assert done.returncode == 0, done.stdout
    assert code == 0, printed
    assert rolling.state()["current"] == state["previous"]
    assert rolling.edge() == rolling.first_edge  # type: ignore[attr-defined]
    assert "mark second" not in rolling.get("/accounts/login/")[2]


def mutated(place: Path, file: str, old: str, new: str) -> Path:
    """A copy of the kit in which one guard is off."""
    kit = place / "kit"
    shutil.copytree(
        KIT, kit, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", "tests", "__pycache__", ".*_cache")
    )
    (kit / ".venv").symlink_to(KIT / ".venv")
    text = (kit / file).read_text()
    assert old in text, f"{file} has changed; the mutation no longer fits"
    (kit / file).write_text(text.replace(old, new))
    return kit


GENERATION = "ansible/roles/release/tasks/generation.yml"
SWITCH = "    - name: Switch the edge\n"
OLD = "docker ps --quiet --filter label=com.docker.compose.project={{ release_site }}-{{ release_current }}"
SABOTAGE = {
    "the old generation stops before the edge was switched": (
        f"    - name: Too early\n      ansible.builtin.shell: {OLD} | xargs docker stop --time 1\n" + SWITCH
    ),
    "SIGTERM two seconds before the edge has let go": (
        f"    - name: Too early\n      ansible.builtin.shell: {OLD} | xargs docker kill --signal TERM\n"
        "    - name: Two seconds\n      ansible.builtin.wait_for: { timeout: 2 }\n" + SWITCH
    ),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_a_broken_hand_over_turns_the_receipt_red_and_the_old_release_is_restored(
    rolling: Site, tmp_path: Path, what: str
) -> None:
    state = rolling.state()
    change(rolling, f"broken-{len(what)}")
    done = rolling.make("deploy", kit=mutated(tmp_path, GENERATION, SWITCH, SABOTAGE[what]), HOLD_RATE="40")
    assert done.returncode != 0, done.stdout
    assert "RED" in done.stdout, done.stdout
    assert f"{state['current']} serves again" in done.stdout, done.stdout
    assert rolling.state()["current"] == state["current"]
    for pool in ("wsgi", "asgi"):
        assert rolling.who(pool)["release"] == state["current"], done.stdout
    assert not any(f"{rolling.name}-r{state['last'] + 1}-" in line for line in rolling.containers())


def test_sockets_closed_all_at_once_turn_the_receipt_red(rolling: Site, tmp_path: Path) -> None:
    """The old generation closes them, so the guard is taken out of the release before."""
    change(rolling, "without-spread")
    kit = mutated(tmp_path, "docker/twinpool/pools/drain.py", "(part + rng.random()) * window / count", "0.0")
    rolling.make("deploy", kit=kit)
    state = rolling.state()
    change(rolling, "with-spread")
    done = rolling.make("deploy")
    assert done.returncode != 0, done.stdout
    assert "spread" in done.stdout, done.stdout
    assert rolling.who("asgi")["release"] == state["current"]


def test_exactly_one_release_is_kept_whatever_was_deployed(rolling: Site) -> None:
    state = rolling.state()
    kept = sorted([state["current"], state["previous"]])
    assert sorted(path.name for path in (rolling.folder / "releases").iterdir()) == kept
    assert len(run("docker", "images", "--quiet", f"twinpool-{rolling.name}").stdout.split()) == 2
