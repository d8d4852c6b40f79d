"""More pods where there is more to do, and fewer again without a loss; and each pool's share of a node that is busy."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.site import certificate

from .cluster_of_tests import Cluster
from .layer import EDGE, POOLS, ROLLED, Layer, gone, held, moved_whole

HERE = Path(__file__).resolve().parent
# Of the shipped autoscalers the numbers alone: as few sockets and as little CPU as a test has, and waits of seconds.
SMALL = """  - target: { kind: HorizontalPodAutoscaler, name: app-asgi }
    patch: |-
      - { op: replace, path: /spec/maxReplicas, value: 3 }
      - { op: replace, path: /spec/metrics/0/pods/target/averageValue, value: "60" }
      - { op: replace, path: /spec/behavior/scaleDown/stabilizationWindowSeconds, value: 0 }
      - { op: replace, path: /spec/behavior/scaleDown/policies/0/periodSeconds, value: 15 }
  - target: { kind: HorizontalPodAutoscaler, name: app-wsgi }
    patch: |-
      - { op: replace, path: /spec/maxReplicas, value: 5 }
      - { op: replace, path: /spec/metrics/0/containerResource/target/averageUtilization, value: 10 }
      - { op: replace, path: /spec/behavior/scaleDown/stabilizationWindowSeconds, value: 0 }
"""
# Targets that nothing here comes near.
IDLE: dict[str, tuple[str, object]] = {
    "app-asgi": ("pods/target/averageValue", "1000"),
    "app-wsgi": ("containerResource/target/averageUtilization", 5000),
}


BURN = """
import multiprocessing, os, sys, time

def burn(end):
    os.sched_setaffinity(0, {0})  # all on one CPU: it has less than they want
    while time.time() < end:
        pass
    print(time.process_time(), flush=True)

processes = [multiprocessing.Process(target=burn, args=(float(sys.argv[1]),)) for _ in range(int(sys.argv[2]))]
[process.start() for process in processes]
[process.join() for process in processes]
"""


def test_a_busy_asgi_process_gets_four_times_a_busy_wsgi_process(trial: Cluster, layer: Layer) -> None:
    """Measured in the shipped containers of one node, as many busy processes in each as it has servers."""
    pods = json.loads(trial.kubectl("get", "pods", "--selector=app.kubernetes.io/name=app", "--output=json"))["items"]
    by_node: dict[str, dict[str, str]] = {}
    for pod in pods:
        pool = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        by_node.setdefault(pod["spec"]["nodeName"], {})[pool] = pod["metadata"]["name"]
    here = next(pools for pools in by_node.values() if len(pools) == 2)
    end = str(time.time() + 10)
    burning = {
        pool: trial.started("exec", here[pool], "--", "python3", "-c", BURN, end, processes)
        for pool, processes in (("asgi", 1), ("wsgi", 2))
    }
    used = {
        pool: [float(line) for line in process.communicate(timeout=60)[0].split()] for pool, process in burning.items()
    }
    assert len(used["wsgi"]) == 2
    ratio = used["asgi"][0] / max(used["wsgi"])
    assert 3 < ratio < 5.5, used


@pytest.fixture
def autoscaled(trial: Cluster, layer: Layer, tmp_path: Path) -> Iterator[None]:
    """The component, with a metrics adapter that knows twinpool_connections."""
    whole = Cluster(trial.given)
    whole.kubectl("create", "namespace", "metrics", check=False)
    pair = certificate(tmp_path / "adapter", 1)
    made = (
        ("configmap", "adapter", f"--from-file={HERE / 'adapter.py'}"),
        ("secret", "generic", "adapter", f"--from-file={pair / 'tls.crt'}", f"--from-file={pair / 'tls.key'}"),
    )
    for words in made:
        whole.kubectl("create", *words, "--namespace=metrics")
    whole.kubectl("apply", "--filename", HERE / "adapter.yaml")
    whole.kubectl("wait", "apiservice/v1beta2.custom.metrics.k8s.io", "--for=condition=Available", "--timeout=90s")
    layer.components, layer.patches = ("autoscaling",), SMALL
    trial.kubectl("apply", "-k", layer.write())
    yield
    layer.components, layer.patches = (), ""
    trial.kubectl("delete", "hpa", "--all")
    whole.kubectl("delete", "--ignore-not-found", "--filename", HERE / "adapter.yaml", timeout=180)
    trial.kubectl("apply", "-k", layer.write())
    trial.settled(*ROLLED)
    gone(trial, *POOLS, *EDGE)


def test_pools_grow_by_what_they_do_and_shrink_without_a_loss(
    trial: Cluster, layer: Layer, autoscaled: None, tmp_path: Path
) -> None:
    """WSGI by the CPU of its containers, ASGI by what it holds open. An apply keeps their number."""

    def wait(name: str, what: str) -> None:
        words = (f"deployment/{name}", f"--for=jsonpath={what}", "--timeout=180s")
        trial.kubectl("wait", *words, timeout=200)

    def change() -> None:
        visits = f"while curl -sS -o /dev/null {trial.url}/accounts/login/; do sleep 0.05; done"
        visitors = [subprocess.Popen(["sh", "-c", visits]) for _ in range(2)]
        try:
            wait("app-asgi", "{.status.readyReplicas}=3")
            wait("app-wsgi", "{.status.readyReplicas}=5")
            trial.kubectl("apply", "-k", layer.write())
            assert trial.kubectl("get", "deployment", "app-wsgi", "--output=jsonpath={.spec.replicas}") == "5"
        finally:
            for visitor in visitors:
                visitor.kill()
                visitor.wait()
        # The newest would go first, which holds nothing.
        oldest = "--sort-by=.metadata.creationTimestamp", "--output=jsonpath={.items[0].metadata.name}"
        for selector in POOLS:
            pod = trial.kubectl("get", "pods", f"--selector={selector}", *oldest)
            trial.kubectl("annotate", "pod", pod, "controller.kubernetes.io/pod-deletion-cost=-100")
        for name, (path, value) in IDLE.items():
            patch = [{"op": "replace", "path": f"/spec/metrics/0/{path}", "value": value}]
            trial.kubectl("patch", "hpa", name, "--type=json", f"--patch={json.dumps(patch)}")
        for name in IDLE:
            wait(name, "{.spec.replicas}=2")
        gone(trial, *POOLS)

    assert moved_whole(held(trial, tmp_path, change)) > 0
