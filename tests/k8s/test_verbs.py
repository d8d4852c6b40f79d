"""`make … TARGET=k8s`: the verbs of a Docker host on the cluster; over a trial that kubectl applied."""

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deploy.breakages import broken_import, failing_migration, failing_page, never_ready
from deploy.site import certificate, copy_of, run, serial
from program import make

from .cluster_of_tests import KIT, Cluster
from .layer import held, moved_whole

KNOBS = {"TARGET": "k8s", "NAME": "noticeboard", "DRAIN_WINDOW": "6", "GRACEFUL": "5", "READY_TIMEOUT": "60"}


class Shop:
    """A project beside the kit, and what its team types."""

    def __init__(self, project: Path, trial: Cluster) -> None:
        self.project, self.trial = project, trial

    def make(self, verb: str, **knobs: str) -> tuple[int, str]:
        given = {"PROJECT": str(self.project), **KNOBS, **knobs}
        # KUBECONFIG is read where CONTEXT is typed.
        done = make(verb, given, timeout=500, KUBECONFIG=self.trial.kubeconfig)
        return done.returncode, done.stdout

    def mark(self, text: str) -> None:
        file = next(self.project.rglob("base.html"))
        file.write_text(file.read_text().replace("</body>", f"<!-- mark {text} -->\n</body>"))

    def seen(self) -> dict[str, object]:
        """All that a deploy could have left or changed. Of ReplicaSets without pods a Deployment keeps a few."""
        kinds = "deployments,replicasets,statefulsets,jobs,configmaps,leases,services,serviceaccounts,roles"
        kinds += ",rolebindings,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers"
        items = json.loads(self.trial.kubectl("get", kinds, "--output=json"))["items"]
        return {
            f"{one['kind']} {one['metadata']['name']}": one.get("spec", {}).get("template", one.get("data"))
            for one in items
        }

    def page(self) -> str:
        return run("curl", "-sS", f"{self.trial.url}/accounts/login/").stdout


@pytest.fixture(scope="module")
def shop(trial: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(copy_of(KIT / "app", tmp_path_factory.mktemp("shop") / "project"), trial)


def test_a_bad_release_over_what_kubectl_applied_takes_nothing_away(shop: Shop, tmp_path: Path) -> None:
    """Of such a site only a part is known to `make`."""
    before = shop.seen()
    bad = Shop(copy_of(shop.project, tmp_path / "project"), shop.trial)
    reason = broken_import(bad.project)
    code, told = bad.make("deploy")
    assert code != 0, told
    assert reason in told, told
    assert set(shop.seen()) == set(before)


def test_a_deploy_over_what_kubectl_applied_loses_nothing(shop: Shop) -> None:
    shop.mark("first")
    code, told = shop.make("deploy", HOLD_SOCKETS="50")
    assert code == 0, told
    assert "GREEN" in told
    # Each of them once at least: one that comes back to another pod of the old release moves again.
    assert "50 of 50, closed with 1012 x" in told, told
    assert " → " in told, "the receipt begins with what ran before"
    assert "mark first" in shop.page()


def test_a_repeat_changes_nothing_and_a_dry_run_says_so(shop: Shop) -> None:
    before = shop.seen()
    code, told = shop.make("deploy", DRY="1")
    assert code == 0, told
    assert "nothing would change" in told
    code, told = shop.make("deploy")
    assert code == 0, told
    assert "receipt" not in told
    assert shop.seen() == before


def test_a_dry_run_shows_what_would_change_and_changes_nothing(shop: Shop) -> None:
    before = shop.seen()
    code, told = shop.make("deploy", DRY="1", DRAIN_WINDOW="7")
    assert code == 0, told
    assert '+  DRAIN_WINDOW: "7"' in told
    assert shop.seen() == before


def test_status_and_url(shop: Shop) -> None:
    code, told = shop.make("status")
    assert code == 0, told
    assert told.count(" ready ") == 2, told
    assert shop.make("url") == (0, f"{shop.trial.url}\n")


@pytest.mark.parametrize("breakage", [broken_import, failing_migration, never_ready, failing_page])
def test_a_bad_release_changes_nothing(shop: Shop, tmp_path: Path, breakage: Callable[[Path], str]) -> None:
    def pods() -> set[str]:
        return set(shop.trial.kubectl("get", "pods", "--selector=app.kubernetes.io/name=app", "--output=name").split())

    before, page, ran = shop.seen(), shop.page(), pods()
    bad = Shop(copy_of(shop.project, tmp_path / "project"), shop.trial)
    reason = breakage(bad.project)
    code, told = bad.make("deploy", READY_TIMEOUT="40")
    assert code != 0, told
    assert reason in told, told
    assert ("serves again; visitors met" if breakage is failing_page else "serves on, unchanged") in told, told
    assert breakage is failing_page or pods() == ran, "no pool has served it"
    after = shop.seen()
    assert set(after) - set(before) == set()
    assert all(name.startswith("ReplicaSet ") for name in set(before) - set(after))
    assert {name: before[name] for name in after} == after
    assert ("mark first" in shop.page()) == ("mark first" in page)


def test_one_pool_instead_of_two_leaves_nothing_of_the_other(shop: Shop) -> None:
    shop.mark("second")
    code, told = shop.make("deploy", POOLS="wsgi")
    assert code == 0, told
    assert "GREEN" in told
    assert "mark second" in shop.page()
    kinds = "deployments,services,poddisruptionbudgets,serviceaccounts,networkpolicies,pods"
    names = shop.trial.kubectl("get", kinds, "--output=name").split()
    assert [name for name in names if "asgi" in name or "redis" in name] == []


def test_a_rollback_loses_nothing_and_brings_back_what_the_release_had(shop: Shop) -> None:
    code, told = shop.make("rollback")
    assert code == 0, told
    assert "GREEN" in told
    assert "mark second" not in shop.page()
    assert "mark first" in shop.page()
    code, told = shop.make("status")
    assert told.count(" ready ") == 2, told


def test_what_a_layer_lacks_is_said_before_anything_changes(shop: Shop) -> None:
    """Production's own Secrets, in a namespace that has none."""
    code, told = shop.make("deploy", OVERLAY="production", NAMESPACE="empty", HOSTS="shop.example")
    try:
        assert code != 0, told
        assert "Secret site: secret_key, database_url, redis_url, probe_secret" in told, told
        assert "Secret edge-tls" in told, told
        kinds = "deployments,services,jobs,networkpolicies"
        assert "No resources found" in shop.trial.kubectl("get", kinds, "--namespace=empty")
    finally:
        shop.trial.kubectl("delete", "namespace", "empty", timeout=180)


def test_a_number_that_an_autoscaler_decides_is_refused(shop: Shop, tmp_path: Path) -> None:
    there = os.path.relpath(KIT / "k8s", tmp_path.resolve())
    text = f"resources: [{there}/overlays/trial]\ncomponents: [{there}/components/autoscaling]\n"
    (tmp_path / "kustomization.yaml").write_text(text)
    before = shop.seen()
    code, told = shop.make("deploy", OVERLAY=str(tmp_path), NAMESPACE="twinpool", WSGI_REPLICAS="4")
    assert code != 0
    assert "lets an autoscaler decide how many pods there are of" in told.replace("\n", " "), told
    assert shop.seen() == before


def test_a_second_deployer_is_told_who_holds_the_site(shop: Shop, tmp_path: Path) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    held = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "twinpool-deploy"},
        "spec": {"holderIdentity": "ada@desk (make deploy, process 1)", "leaseDurationSeconds": 600,
                 "acquireTime": now, "renewTime": now},
    }  # fmt: skip
    (tmp_path / "lease.json").write_text(json.dumps(held))
    shop.trial.kubectl("create", "--filename", tmp_path / "lease.json")
    try:
        before = shop.seen()
        code, told = shop.make("deploy")
        assert code != 0
        assert "ada@desk (make deploy" in told
        assert shop.seen() == before
    finally:
        shop.trial.kubectl("delete", "lease", "twinpool-deploy")


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({"CONTEXT": "nowhere"}, "CONTEXT"),
        ({"OVERLAY": "stage"}, "expected trial, production or a folder"),
        ({"APP_MEMORY": "1024"}, "stands in a layer"),
        ({"GRACEFUL": "100"}, "app-wsgi has 60 s and may need 117"),
        ({"REGISTRY": "localhost:1/shop"}, "localhost:1"),
    ],
)
def test_what_cannot_work_is_refused(shop: Shop, knobs: dict[str, str], told: str) -> None:
    code, said = shop.make("deploy", **knobs)
    assert code != 0
    assert told in said, said
    assert "Traceback" not in said
    assert len([line for line in said.splitlines() if not line.startswith("[")]) < 12, said


@pytest.mark.parametrize(("project", "pools"), [("streams", "both"), ("plain", "wsgi"), ("awkward", "both")])
def test_a_foreign_project_in_a_layer_of_its_own(cluster: Cluster, tmp_path: Path, project: str, pools: str) -> None:
    """Unchanged, beside the other site: a namespace and a port of its own, and a folder as OVERLAY."""
    there = os.path.relpath(KIT / "k8s", tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(f"""
resources: [{there}/overlays/trial]
configMapGenerator:
  - {{ name: settings, behavior: merge, literals: [PORT=30443] }}
  - {{ name: migrate-settings, behavior: merge, literals: [PORT=30443] }}
patches:
  - patch: |-
      apiVersion: v1
      kind: Service
      metadata: {{ name: edge }}
      spec: {{ ports: [{{ port: 80, nodePort: 30443 }}] }}
""")
    site = Cluster(cluster.given)
    site.namespace, site.url = f"foreign-{project}", "http://localhost:30443"
    mine = Shop(KIT / "tests" / "projects" / project, site)
    try:
        code, told = mine.make("deploy", NAME=project, OVERLAY=str(tmp_path), NAMESPACE=site.namespace, POOLS=pools)
        assert code == 0, told
        assert "GREEN" in told
        site.keep_probe_secret(tmp_path)
        asked = "asgi" if pools == "both" else pools
        metrics = f"{site.program()} exec deployment/app-{asked} -- twinpool ask /-/metrics"
        site.suite("split", "--project", project, "--pools", pools, "--metrics-command", metrics)
        if project == "plain":
            site.suite("conformance", "--pools", pools)
    finally:
        site.removed()


def replaced_certificate(site: Cluster, pair: Path) -> None:
    """Replaces the Secret and waits until it is shown: two minutes at most, nearly all of it the kubelet's."""

    assert serial(30443) == "serial=01"
    data = {name: base64.b64encode((pair / name).read_bytes()).decode() for name in ("tls.crt", "tls.key")}
    site.kubectl("patch", "secret", "edge-tls", f"--patch={json.dumps({'data': data})}")
    for _ in range(120):
        if serial(30443) == "serial=02":
            return
        time.sleep(1)
    pytest.fail("the new certificate is not shown after two minutes")


@pytest.fixture
def registry(trial: Cluster, tmp_path: Path) -> Iterator[str]:
    """A registry that nodes and this host know by one name; for a cluster that was given, REGISTRY."""
    if trial.given:
        yield os.environ["REGISTRY"]
        return
    packages = "apt-get update && apt-get install --yes --no-install-recommends docker-registry"
    (tmp_path / "Dockerfile").write_text(
        f"FROM twinpool-redis:trial\nUSER root\nRUN {packages}\nCOPY registry.yml /etc/registry.yml\n"
    )
    (tmp_path / "registry.yml").write_text(
        "{ version: 0.1, storage: { filesystem: { rootdirectory: /var/lib/registry } }, http: { addr: ':5000' } }"
    )
    name, host = "twinpool-test-registry", "localhost:5001"
    run("docker", "build", "--quiet", "--tag", name, tmp_path)
    options = ("--publish=127.0.0.1:5001:5000", "--entrypoint=docker-registry")
    serve = (name, "serve", "/etc/registry.yml")
    run("docker", "run", "--detach", "--rm", "--name", name, "--network=cluster", *options, *serve)
    try:
        inspect = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = run("docker", "inspect", "--format", inspect, name).stdout.strip()
        hosts = f'[host."http://{address}:5000"]\ncapabilities = ["pull", "resolve"]'
        folder = f"/etc/containerd/certs.d/{host}"
        for node in trial.kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}").split():
            run("docker", "exec", node, "sh", "-c", f"mkdir -p {folder} && echo '{hosts}' > {folder}/hosts.toml")
        yield f"{host}/team"
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def test_production_in_a_layer(shop: Shop, registry: str, tmp_path: Path) -> None:
    """Three edges, two of each pool, policies and TLS, by a registry, a context and Secrets of a team's own.

    The stores are in the cluster.
    """
    there = os.path.relpath(KIT / "k8s", tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(f"""
resources: [{there}/overlays/production]
namespace: production
components: [{there}/components/redis, {there}/components/postgres]
configMapGenerator:
  - {{ name: settings, behavior: merge, literals: [TLS_PORT=30443, HOSTS=localhost] }}
  - {{ name: migrate-settings, behavior: merge, literals: [TLS_PORT=30443, HOSTS=localhost] }}
patches:
  - patch: |-
      apiVersion: v1
      kind: Service
      metadata: {{ name: edge }}
      spec: {{ ports: [{{ port: 443, nodePort: 30443 }}] }}
""")
    site = Cluster(shop.trial.given)
    site.kubectl("create", "namespace", "production")
    site.namespace, site.url = "production", "https://localhost:30443"
    secrets = tmp_path / "secrets"
    pair, second = (certificate(tmp_path / f"tls-{number}", number) for number in (1, 2))
    run(sys.executable, KIT / "docker" / "secrets" / "credentials.py", secrets, "0")
    site.kubectl("create", "secret", "generic", "site", f"--from-file={secrets}")
    files = (f"--from-file={pair / name}" for name in ("tls.crt", "tls.key"))
    site.kubectl("create", "secret", "generic", "edge-tls", *files, f"--from-file=ca.crt={pair / 'tls.crt'}")
    mine = Shop(shop.project, site)
    try:
        named = {"OVERLAY": str(tmp_path), "CONTEXT": site.kubectl("config", "current-context").strip()}
        code, told = mine.make("deploy", **named, REGISTRY=registry)
        assert code == 0, told
        assert "GREEN" in told
        assert "production is up: https://localhost:30443" in told
        assert f"REGISTRY={registry}" in told, "the next commands are whole"
        pool = site.kubectl("get", "deployment", "app-wsgi", "--output=jsonpath={..image}")
        assert pool.startswith(f"{registry}/twinpool-noticeboard:")
        assert "@sha256:" in pool
        assert mine.make("url", **named) == (0, f"{site.url}\n")
        code, told = mine.make("deploy", **named, REGISTRY=registry, DRY="1")
        assert "nothing would change" in told, told
        site.kubectl("patch", "secret", "site", '--patch={"stringData": {"spare": "another"}}')
        code, told = mine.make("deploy", **named, REGISTRY=registry, DRY="1")
        assert "twinpool/secret" in told, "another content of the Secret rolls the pools"
        pods = site.kubectl("get", "pods", "--selector=app.kubernetes.io/name in (app, edge)", "--output=name").split()
        assert len(pods) == 3 + 2 + 2
        site.keep_probe_secret(tmp_path)
        site.suite("conformance", "--ca", pair / "tls.crt")
        authorities = tmp_path / "authorities.pem"
        authorities.write_text((pair / "tls.crt").read_text() + (second / "tls.crt").read_text())
        tls = ("--ca", authorities, "--connect", "127.0.0.1:30443")
        (tmp_path / "held").mkdir()
        figures = held(site, tmp_path / "held", lambda: replaced_certificate(site, second), *tls)
        assert moved_whole(figures) == 0, figures["told"]
    finally:
        site.removed()
