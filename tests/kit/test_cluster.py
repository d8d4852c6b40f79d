"""`make cluster` takes kind where its node image can be pulled, else it builds its own; by stand-ins for both."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

IMAGE = "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
CLUSTER = Path(__file__).resolve().parents[1] / "k8s" / "cluster" / "cluster.py"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder first in PATH: docker knows the images in `registry`, kind writes down what it is told."""
    script(
        tmp_path / "docker", f'case "$*" in "manifest inspect "*) exec grep -qs "$3" {tmp_path}/registry;; esac; exit 1'
    )
    (tmp_path / "state/context/bin").mkdir(parents=True)
    script(tmp_path / "state/context/bin/kubectl", "exit 0")
    noted = f'echo "$*" >> {tmp_path}/told; cat >> {tmp_path}/told'
    script(tmp_path / "state/context/bin/kind", f'[ "$1 $2" = "get clusters" ] && exit; {noted}')
    # The cluster takes the compiler that is beside its Python.
    (tmp_path / "python").symlink_to(sys.executable)
    script(tmp_path / "go", "echo no compiler here >&2; exit 9")
    return tmp_path


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def cluster(host: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{host}:{os.environ['PATH']}", "CLUSTER_STATE": str(host / "state")}
    command = [host / "python", CLUSTER, *words]
    return subprocess.run(command, check=False, text=True, capture_output=True, env=environment, timeout=60)


def test_kind_where_its_node_image_can_be_pulled(host: Path) -> None:
    (host / "registry").write_text(f"{IMAGE}\n")
    done = cluster(host, "up", "--or-kind")
    assert done.returncode == 0, done.stdout + done.stderr
    told = (host / "told").read_text()
    assert f"create cluster --name twinpool --image {IMAGE} " in told
    assert "containerPort: 30080, hostPort: 30080, listenAddress: 127.0.0.1" in told
    assert cluster(host, "load", "--new", "twinpool-app:trial").returncode == 0
    assert "load docker-image --name twinpool twinpool-app:trial" in (host / "told").read_text()
    assert "make cluster-down" in cluster(host, "up").stderr, "the tests want their own"
    assert cluster(host, "down").returncode == 0
    assert "delete cluster --name twinpool" in (host / "told").read_text()


def test_the_cluster_of_the_tests_where_it_cannot(host: Path) -> None:
    done = cluster(host, "up", "--or-kind")
    assert done.returncode != 0
    assert "no compiler here" in done.stderr, "it begins to build its own"
    assert not (host / "told").exists()
