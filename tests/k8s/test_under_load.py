"""What rolls under load loses nothing: a release, a route, a pod that is deleted, a node that is drained."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .cluster_of_tests import KIT, Cluster, run
from .conftest import ROLLED

# Short windows; the relations of the shipped ones are asserted by test_manifests.
WINDOW = 6
SETTINGS = {"DRAIN_WINDOW": str(WINDOW), "GRACEFUL": "5"}
LOAD = ("--sockets=200", "--streams=20", "--rate=50", f"--window={WINDOW}", "--seconds=240")


@dataclass
class Layer:
    """A team's own layer over the trial: ten lines, as docs/kubernetes.md has them."""

    folder: Path
    tag: str = "trial"
    routes: str = ""
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))

    def write(self) -> Path:
        trial = os.path.relpath(KIT / "k8s", self.folder.resolve())
        files = ["- { name: edge-files, behavior: merge, files: [routes.conf] }"] if self.routes else []
        (self.folder / "routes.conf").write_text(self.routes)
        (self.folder / "twinpool.env").write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        (self.folder / "kustomization.yaml").write_text(f"""
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: twinpool
resources: [{trial}/overlays/trial]
transformers: [{trial}/release]
images: [{{ name: twinpool-app, newTag: {self.tag} }}]
replicas: [{{ name: app-wsgi, count: 2 }}, {{ name: app-asgi, count: 2 }}, {{ name: edge, count: 2 }}]
configMapGenerator:
  - {{ name: settings, behavior: merge, envs: [twinpool.env] }}
  - {{ name: migrate-settings, behavior: merge, envs: [twinpool.env] }}
  {"".join(files)}
""")
        return self.folder


@pytest.fixture(scope="module")
def layer(trial: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Layer:
    layer = Layer(tmp_path_factory.mktemp("layer"))
    trial.kubectl("apply", "-k", layer.write())
    trial.settled(*ROLLED)
    for tag in ("second",):
        run("docker", "tag", "twinpool-app:trial", f"twinpool-app:{tag}")
        trial.load(f"twinpool-app:{tag}")
    return layer


def held(trial: Cluster, folder: Path, change: Callable[[], None]) -> dict[str, object]:
    """The figures of the load client, held through a change; red fails with what it printed."""
    given = ["--probe-secret-file", trial.probe_secret_file, *LOAD, "--json", folder / "receipt.json"]
    files = ["--ready-file", folder / "ready", "--stop-file", folder / "stop"]
    command = [str(word) for word in (sys.executable, "-m", "twinpool", "hold", trial.url, *given, *files)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while not (folder / "ready").exists():
        assert process.poll() is None, process.communicate()[0]
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    try:
        change()
    finally:
        (folder / "stop").touch()
        told = process.communicate(timeout=120)[0]
    assert process.returncode == 0, told
    figures: dict[str, object] = json.loads((folder / "receipt.json").read_text())
    figures["told"] = told
    return figures


def gone(trial: Cluster, *selectors: str) -> None:
    """Waits until no pod of these is ending any more: what it held has moved by then."""
    for selector in selectors:
        for _ in range(200):
            told = trial.kubectl("get", "pods", "--selector", selector,
                                 "--output=jsonpath={.items[*].metadata.deletionTimestamp}")  # fmt: skip
            if not told.strip():
                break
            subprocess.run(["sleep", "1"], check=True)


POOLS = ("app.kubernetes.io/component=wsgi", "app.kubernetes.io/component=asgi")
EDGE = ("app.kubernetes.io/name=edge",)


def test_a_new_release(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    def release() -> None:
        layer.tag = "second"
        trial.kubectl("apply", "-k", layer.write())
        trial.settled("deployment/app-wsgi", "deployment/app-asgi")
        gone(trial, *POOLS)

    figures = held(trial, tmp_path, release)
    assert figures["failed"] == 0, figures["told"]
    assert figures["lost"] == 0, figures["told"]
    assert set(figures["sockets"]["codes"]) == {"1012"}, figures["told"]
    assert figures["sockets"]["first_try"] == sum(figures["sockets"]["codes"].values()), figures["told"]


def test_a_changed_route_rolls_the_edge(trial: Cluster, layer: Layer, tmp_path: Path) -> None:
    def change() -> None:
        routes = (KIT / "nginx" / "routes.conf").read_text()
        layer.routes = routes + "location = /new/ { include handlers/asgi-http.conf; }\n"
        trial.kubectl("apply", "-k", layer.write())
        trial.settled("deployment/edge")
        gone(trial, *EDGE)

    figures = held(trial, tmp_path, change)
    assert set(figures["sockets"]["codes"]) == {"1012"}, figures["told"]


@pytest.mark.parametrize("selector", [*POOLS, *EDGE])
def test_a_deleted_pod(trial: Cluster, layer: Layer, tmp_path: Path, selector: str) -> None:
    def delete() -> None:
        pod = trial.kubectl("get", "pod", "--selector", selector, "--output=jsonpath={.items[0].metadata.name}")
        trial.kubectl("delete", "pod", pod, "--wait=true", timeout=240)
        trial.settled(*ROLLED)

    figures = held(trial, tmp_path, delete)
    assert set(figures["sockets"]["codes"]) <= {"1012"}, figures["told"]


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
    assert set(figures["sockets"]["codes"]) <= {"1012"}, figures["told"]
