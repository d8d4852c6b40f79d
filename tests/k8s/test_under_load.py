"""What rolls under load loses nothing: a release, a route, a pod that is deleted, a node that is drained."""

import time
from pathlib import Path

import pytest

from .cluster_of_tests import KIT, Cluster, run
from .layer import EDGE, POOLS, ROLLED, WINDOW, Layer, gone, held, moved_whole


def test_a_new_release(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    def release() -> None:
        layer.tag = "second"
        trial.kubectl("apply", "-k", layer.write())
        trial.settled("deployment/app-wsgi", "deployment/app-asgi")
        gone(trial, *POOLS)

    assert moved_whole(held(trial, tmp_path, release)) >= 200


def test_a_changed_route_rolls_the_edge(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    def change() -> None:
        routes = (KIT / "nginx" / "routes.conf").read_text()
        layer.routes = routes + "location = /new/ { include handlers/asgi-http.conf; }\n"
        trial.kubectl("apply", "-k", layer.write())
        trial.settled("deployment/edge")
        gone(trial, *EDGE)

    assert moved_whole(held(trial, tmp_path, change)) >= 200


def test_a_deleted_pod_of_each_kind(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    def delete() -> None:
        for selector in (*POOLS, *EDGE):
            pod = trial.kubectl("get", "pod", "--selector", selector, "--output=jsonpath={.items[0].metadata.name}")
            trial.kubectl("delete", "pod", pod, "--wait=true", timeout=240)
            trial.settled(*ROLLED)

    assert moved_whole(held(trial, tmp_path, delete)) > 0


def test_a_drained_node(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    """The one without PostgreSQL, whose volume could not follow."""
    home = trial.kubectl("get", "pod", "postgres-0", "--output=jsonpath={.spec.nodeName}")
    nodes = trial.kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}").split()
    other = next(node for node in nodes if node != home)

    def drain() -> None:
        words = (
            "--ignore-daemonsets",
            "--delete-emptydir-data",
            "--pod-selector=app.kubernetes.io/name in (app, edge)",
        )
        trial.kubectl("drain", other, *words, "--timeout=300s", timeout=320)
        trial.settled(*ROLLED)

    try:
        figures = held(trial, tmp_path, drain)
    finally:
        trial.kubectl("uncordon", other)
    moved_whole(figures)


def test_a_changed_window_alone_rolls(trial: Cluster, layer: Layer) -> None:
    def hashes() -> str:
        return trial.kubectl("get", "replicasets", "--selector=app.kubernetes.io/component=asgi", "--output=name")

    before = hashes()
    layer.settings["DRAIN_WINDOW"] = str(WINDOW + 1)
    trial.kubectl("apply", "-k", layer.write())
    trial.settled(*ROLLED)
    gone(trial, *POOLS, *EDGE)
    assert hashes() != before


def test_an_edge_that_does_not_wait_fails_requests(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    """What the wait before SIGTERM is for: without it a Service still sends to who no longer listens."""

    def delete() -> None:
        for _ in range(2):
            one = ("--selector", *EDGE, "--field-selector=status.phase=Running")
            pod = trial.kubectl("get", "pod", *one, "--output=jsonpath={.items[0].metadata.name}")
            trial.kubectl("delete", "pod", pod, "--wait=true", timeout=240)
            trial.settled(*ROLLED)

    layer.patches = """  - target: { kind: Deployment, name: edge }
    patch: |-
      - { op: remove, path: /spec/template/spec/containers/0/lifecycle }
"""
    trial.kubectl("apply", "-k", layer.write())
    trial.settled(*ROLLED)
    gone(trial, *EDGE)
    try:
        figures = held(trial, tmp_path, delete, green=False)
    finally:
        layer.patches = ""
        trial.kubectl("apply", "-k", layer.write())
        trial.settled(*ROLLED)
        gone(trial, *EDGE)
    assert figures["failed"] > 0, figures["told"]


def test_pods_that_close_all_at_once_turn_the_receipt_red(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    """What the jitter of the drain is for; taken out of the image that leaves."""
    (tmp_path / "Dockerfile").write_text(
        "FROM twinpool-app:trial\nUSER root\nRUN sed -i 's/(part + rng.random()) \\* window \\/ count/0.0/' "
        "$(find / -path '*twinpool/pools/drain.py' 2> /dev/null) && ! grep -r 'rng.random()) \\* window' "
        "$(find / -path '*twinpool/pools/drain.py' 2> /dev/null)\nUSER 10001\n"
    )
    run("docker", "build", "--quiet", "--tag", "twinpool-app:sudden", tmp_path)
    trial.load("twinpool-app:sudden")
    pools = ROLLED[:2]
    before, layer.tag = layer.tag, "sudden"
    trial.kubectl("apply", "-k", layer.write())
    trial.settled(*pools)
    gone(trial, *POOLS)

    def release() -> None:
        layer.tag = before
        trial.kubectl("apply", "-k", layer.write())
        trial.settled(*pools)
        gone(trial, *POOLS)

    (tmp_path / "held").mkdir()
    figures = held(trial, tmp_path / "held", release, green=False)
    assert "less than half the window" in figures["told"], figures["told"]


def test_an_image_that_is_not_there_changes_nothing(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    """A wrong tag in a layer: the release before serves on, its pod says why, and the tag put back is the way back."""

    def wrong() -> None:
        before, layer.tag = layer.tag, "nowhere"
        trial.kubectl("apply", "-k", layer.write())
        for _ in range(60):
            if "ErrImage" in trial.kubectl("get", "pods") or "ImagePull" in trial.kubectl("get", "pods"):
                break
            time.sleep(1)
        else:
            pytest.fail("no pod says that its image is not there")
        layer.tag = before
        trial.kubectl("apply", "-k", layer.write())
        trial.settled(*ROLLED)
        gone(trial, *POOLS)
        trial.kubectl("delete", "job", "migrate-nowhere")

    assert moved_whole(held(trial, tmp_path, wrong)) == 0


@pytest.mark.parametrize("what", ["statefulset/postgres", "deployment/redis"])
def test_a_deleted_store_comes_back_and_the_site_with_it(trial: Cluster, layer: Layer, what: str) -> None:
    """Requests that need it fail meanwhile, pods stay ready for all that does not, and nobody has to restart a pool."""
    pods = trial.kubectl("get", "pods", "--selector=app.kubernetes.io/name=app", "--output=name")
    name = what.partition("/")[2]
    trial.kubectl("delete", "pod", f"--selector=app.kubernetes.io/name={name}", "--wait=true", timeout=120)
    trial.settled(what)
    # The load client asks both pools, the database by pages and Redis by messages: it is green again.
    figures = held(trial, trial.probe_secret_file.parent / name, lambda: None)
    assert figures["failed"] == 0, figures["told"]
    assert figures["lost"] == 0, figures["told"]
    assert trial.kubectl("get", "pods", "--selector=app.kubernetes.io/name=app", "--output=name") == pods


def test_a_killed_pod_loses_what_it_had_in_hand_and_no_more(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    """SIGKILL, or a node's loss: its sockets see 1006 or 1012 and come back; the other pod's see nothing."""
    pod = trial.kubectl("get", "pod", f"--selector={POOLS[1]}", "--output=jsonpath={.items[0].metadata.name}")

    def kill() -> None:
        trial.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
        trial.settled(*ROLLED)

    figures = held(trial, tmp_path, kill, green=False)
    moved = sum(figures["sockets"]["codes"].values())
    assert 0 < moved < 200, figures["told"]
    assert figures["lost"] == 0, figures["told"]


def test_a_lost_node_and_back(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    """Its pods are made elsewhere; what was not on it, and did not come through it, sees nothing."""
    _, node = trial.kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}").split()

    def lose() -> None:
        trial.node("stop-node", node)
        trial.kubectl("wait", f"node/{node}", "--for=condition=Ready=Unknown", "--timeout=120s", timeout=140)
        for name in ROLLED:
            trial.kubectl("wait", name, "--for=jsonpath={.status.availableReplicas}=1", "--timeout=60s")
        for name in ROLLED:
            trial.kubectl("wait", name, "--for=jsonpath={.status.availableReplicas}=2", "--timeout=180s", timeout=200)
        time.sleep(10)

    try:
        figures = held(trial, tmp_path, lose, green=False)
    finally:
        trial.node("start-node", node)
    assert figures["lost"] == 0, figures["told"]
    assert sum(figures["sockets"]["codes"].values()) < 200, figures["told"]
    trial.settled(*ROLLED)
    gone(trial, *POOLS, *EDGE)
    (tmp_path / "back").mkdir()
    figures = held(trial, tmp_path / "back", lambda: time.sleep(5))
    assert figures["failed"] == 0, figures["told"]
