"""A team's own layer over the trial, and the load client beside a change of it."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from holding import Holding

from .cluster_of_tests import KIT, Cluster

POOLS = ("app.kubernetes.io/component=wsgi", "app.kubernetes.io/component=asgi")
ROLLED = ("deployment/app-wsgi", "deployment/app-asgi", "deployment/edge")
EDGE = ("app.kubernetes.io/name=edge",)
# Short windows and waits; the relations of the shipped ones are asserted by test_manifests.
WINDOW = 6
SETTINGS = {"DRAIN_WINDOW": str(WINDOW), "GRACEFUL": "5"}
IDLE, WAIT = 1, 5  # seconds: of the edge's idle connections, twice; before SIGTERM
LOAD = ("--sockets=200", "--streams=20", "--rate=50", f"--window={WINDOW}", "--seconds=240")


@dataclass
class Layer:
    """A team's own layer over the trial: ten lines, as docs/kubernetes.md has them."""

    folder: Path
    tag: str = "trial"
    routes: str = ""
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    components: tuple[str, ...] = ()
    patches: str = ""

    def write(self) -> Path:
        trial = os.path.relpath(KIT / "k8s", self.folder.resolve())
        files = ["- { name: edge-files, behavior: merge, files: [routes.conf] }"] if self.routes else []
        # Where the autoscaler counts, a layer does not.
        counted = ["edge"] if "autoscaling" in self.components else ["app-wsgi", "app-asgi", "edge"]
        (self.folder / "routes.conf").write_text(self.routes)
        kept = (KIT / "nginx" / "proxy" / "keepalive.conf").read_text()
        (self.folder / "keepalive.conf").write_text(re.sub(r"(keepalive_time(?:out)?) \d+s;", rf"\1 {IDLE}s;", kept))
        (self.folder / "twinpool.env").write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        (self.folder / "kustomization.yaml").write_text(f"""
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: twinpool
resources: [{trial}/overlays/trial]
components: [{", ".join(f"{trial}/components/{name}" for name in self.components)}]
transformers: [{trial}/release]
images: [{{ name: twinpool-app, newTag: {self.tag} }}]
replicas: [{", ".join(f"{{ name: {name}, count: 2 }}" for name in counted)}]
configMapGenerator:
  - {{ name: settings, behavior: merge, envs: [twinpool.env] }}
  - {{ name: migrate-settings, behavior: merge, envs: [twinpool.env] }}
  - {{ name: edge-proxy, behavior: merge, files: [keepalive.conf] }}
  {"".join(files)}
patches:
  - target: {{ kind: Deployment, name: app-wsgi|app-asgi|edge }}
    patch: |-
      - {{ op: replace, path: /spec/template/spec/containers/0/lifecycle/preStop/sleep/seconds, value: {WAIT} }}
{self.patches}""")
        return self.folder


def held(
    trial: Cluster, folder: Path, change: Callable[[], None], *options: object, green: bool = True, url: str = ""
) -> dict[str, Any]:
    """The figures of the load client, held through a change; red fails with what it printed."""
    holding = Holding(folder, url or trial.url, trial.probe_secret_file, *LOAD, *options)
    try:
        change()
    finally:
        code, figures, told = holding.end()
    assert code == 0 or not green, told
    return {**figures, "told": told}


def moved_whole(figures: dict[str, Any]) -> int:
    """How many sockets moved; all of them by 1012 and back at the first try, with nothing failed and nothing lost."""
    codes: dict[str, int] = figures["sockets"]["codes"]
    assert (figures["failed"], figures["lost"]) == (0, 0), figures["told"]
    assert set(codes) <= {"1012"}, figures["told"]
    assert figures["sockets"]["first_try"] == sum(codes.values()), figures["told"]
    return sum(codes.values())


def gone(trial: Cluster, *selectors: str) -> None:
    """Waits until no pod of these is ending any more: what it held has moved by then."""
    for selector in selectors:
        for _ in range(200):
            told = trial.kubectl("get", "pods", "--selector", selector,
                                 "--output=jsonpath={.items[*].metadata.deletionTimestamp}")  # fmt: skip
            if not told.strip():
                break
            time.sleep(1)
        else:
            pytest.fail(f"pods of {selector} are still ending")
