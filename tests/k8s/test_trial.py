"""The trial overlay: from nothing to a site that keeps every promise, and the same again changes nothing."""

import json

import pytest

from .cluster_of_tests import KIT, Cluster

TRIAL = KIT / "k8s" / "overlays" / "trial"


def test_conformance(trial: Cluster) -> None:
    trial.suite("conformance")


def test_a_second_apply_changes_nothing(trial: Cluster) -> None:
    """By what the API server holds: kubectl says `configured` of a budget whose patch changes nothing."""

    def held() -> dict[str, object]:
        items = json.loads(trial.kubectl("get", "-k", TRIAL, "--output=json"))["items"]
        found = [(item["kind"], item["metadata"]) for item in items]
        return {f"{kind} {meta['name']}": meta.get("generation") or meta["resourceVersion"] for kind, meta in found}

    before = held()
    trial.kubectl("apply", "-k", TRIAL)
    assert held() == before
    assert len(before) > 30


@pytest.mark.parametrize("selector", ["app.kubernetes.io/component=wsgi", "app.kubernetes.io/component=asgi",
                                      "app.kubernetes.io/name=edge", "app.kubernetes.io/name=redis",
                                      "app.kubernetes.io/name=postgres"])  # fmt: skip
def test_no_container_can_write_is_root_or_has_a_token(trial: Cluster, selector: str) -> None:
    pod = trial.kubectl("get", "pod", "--selector", selector, "--output=jsonpath={.items[0].metadata.name}")
    asked = "id -u; touch /owned && echo WRITTEN; ls /var/run/secrets/kubernetes.io 2>/dev/null && echo TOKEN; true"
    told = trial.kubectl("exec", pod, "--", "sh", "-c", asked)
    assert told.split()[0] == "10001"
    assert "WRITTEN" not in told
    assert "TOKEN" not in told
