"""The cluster of these tests, and the trial on it. Where KUBECONFIG is given, that cluster is used as it is."""

import os
from collections.abc import Iterator

import pytest

from .cluster_of_tests import KIT, Cluster, run
from .layer import EDGE, POOLS, ROLLED, Layer, gone

ORDER = ["test_manifests.py", "test_trial.py", "test_under_load.py", "test_scaling.py", "test_verbs.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On one trial: as it is, then under a layer of a team's own, then under `make`."""
    items.sort(key=lambda item: ORDER.index(item.path.name))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Made for the tests and removed after them, unless it stood before."""
    cluster = Cluster(os.environ.get("KUBECONFIG", ""))
    stood = cluster.stands()
    cluster.up()
    cluster.namespace = "twinpool"
    cluster.removed()  # what an earlier run left, without its drains
    cluster.namespace = ""
    yield cluster
    if not stood:
        cluster.down()


@pytest.fixture(scope="session")
def trial(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The trial overlay from nothing, as a user applies it."""
    cluster.namespace = "twinpool"
    cluster.load("twinpool-app:trial", "twinpool-edge:trial", "twinpool-redis:trial", "twinpool-postgres:trial")
    # The stores stay on the node that no test takes away.
    _, *others = cluster.kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}").split()
    if not cluster.given:
        cluster.kubectl("cordon", *others)
    cluster.kubectl("apply", "-k", KIT / "k8s" / "overlays" / "trial")
    cluster.settled("deployment/redis", "statefulset/postgres")
    if not cluster.given:
        cluster.kubectl("uncordon", *others)
    cluster.settled(*ROLLED)
    cluster.keep_probe_secret(tmp_path_factory.mktemp("trial"))
    return cluster


@pytest.fixture(scope="session")
def layer(trial: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """A team's own layer over the trial, with two pods of each kind; the same image is there as release `second`."""
    layer = Layer(tmp_path_factory.mktemp("layer"))
    trial.kubectl("apply", "-k", layer.write())
    trial.settled(*ROLLED)
    gone(trial, *POOLS, *EDGE)
    run("docker", "tag", "twinpool-app:trial", "twinpool-app:second")
    trial.load("twinpool-app:second")
    return layer
