"""The Lease of a deploy to Kubernetes: one at a time, by what an API server answers; a stand-in for it here."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import cluster
import pytest
from knobs import Refused
from kubernetes import client

PLACE = {"KUBECONFIG": "", "CONTEXT": "", "NAMESPACE": "shop"}


class Server:
    """Keeps one Lease; each look at it is `looked`'s to change."""

    def __init__(self) -> None:
        self.lease: Any = None
        self.looked: Callable[[], None] = lambda: None

    def held(self, by: str, renewed: timedelta) -> None:
        now = datetime.now(UTC)
        spec = client.V1LeaseSpec(
            holder_identity=by, lease_duration_seconds=1, acquire_time=now, renew_time=now - renewed
        )
        self.lease = client.V1Lease(metadata=client.V1ObjectMeta(name=cluster.LEASE, resource_version="1"), spec=spec)

    def read_namespace(self, _name: str) -> None: ...

    def create_namespaced_lease(self, _namespace: str, lease: Any) -> None:
        if self.lease:
            raise client.ApiException(status=409)
        self.lease = lease

    def read_namespaced_lease(self, _name: str, _namespace: str) -> Any:
        if not self.lease:
            raise client.ApiException(status=404)
        seen = SimpleNamespace(metadata=self.lease.metadata, spec=client.V1LeaseSpec(**{
            name: getattr(self.lease.spec, name) for name in self.lease.spec.attribute_map
        }))  # fmt: skip
        self.looked()
        return seen

    def replace_namespaced_lease(self, _name: str, _namespace: str, lease: Any) -> None:
        self.lease = lease

    def patch_namespaced_lease(self, _name: str, _namespace: str, patch: Any) -> None:
        self.lease.spec.renew_time = patch["spec"]["renewTime"]

    def delete_namespaced_lease(self, _name: str, _namespace: str) -> None:
        self.lease = None


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr("kubernetes.config.new_client_from_config", lambda **_: None)
    monkeypatch.setattr("kubernetes.client.CoreV1Api", lambda _: server)
    monkeypatch.setattr("kubernetes.client.CoordinationV1Api", lambda _: server)
    monkeypatch.setattr(cluster, "SECONDS", 0.3)
    return server


def test_it_is_held_while_a_deploy_lives_and_gone_after(server: Server) -> None:
    with cluster.lease(PLACE, "deploy"):
        assert "make deploy" in server.lease.spec.holder_identity
        first = server.lease.spec.renew_time
        time.sleep(0.5)
        assert server.lease.spec.renew_time != first
    assert server.lease is None


def test_the_second_is_told_who_holds_it(server: Server) -> None:
    server.held("ada@desk", timedelta(0))
    with pytest.raises(Refused, match="by ada@desk, since"), cluster.lease(PLACE, "deploy"):
        pytest.fail("it was taken")
    assert server.lease.spec.holder_identity == "ada@desk"


def test_one_that_a_killed_deploy_left_is_taken_over(server: Server) -> None:
    server.held("ada@desk", timedelta(hours=1))
    with cluster.lease(PLACE, "deploy"):
        assert "make deploy" in server.lease.spec.holder_identity


def test_one_that_is_renewed_by_a_clock_that_is_behind_is_not(server: Server) -> None:
    server.held("ada@desk", timedelta(hours=1))

    def renewed() -> None:
        server.lease.spec.renew_time += timedelta(seconds=1)

    server.looked = renewed
    with pytest.raises(Refused, match="by ada@desk"), cluster.lease(PLACE, "deploy"):
        pytest.fail("it was taken")


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_deploy_whose_lease_was_taken_stops(
    server: Server, capsys: pytest.CaptureFixture[str], has_ended: bool
) -> None:
    """While a laptop slept, say."""

    def deploy() -> None:
        with cluster.lease(PLACE, "deploy"):
            server.held("ada@desk", timedelta(0))
            if has_ended:
                server.lease = None
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        deploy()
    assert "has taken shop over" in capsys.readouterr().err
    assert has_ended or server.lease.spec.holder_identity == "ada@desk"
