"""The shipped files, by what kubectl makes of them: what the API server takes, how their numbers add up."""

import os
import re
import sys
import textwrap
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from .cluster_of_tests import KIT, Cluster, run

COMPONENTS = sorted(path.parent.name for path in (KIT / "k8s" / "components").glob("*/kustomization.yaml"))
# The Gateway API's kinds are no part of Kubernetes: as much of one as a dry run needs.
HTTP_ROUTE = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: httproutes.gateway.networking.k8s.io, annotations: { api-approved.kubernetes.io: unapproved } }
spec:
  group: gateway.networking.k8s.io
  names: { kind: HTTPRoute, plural: httproutes }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
"""


def layer(folder: Path, overlay: str, *components: str) -> Path:
    """A layer in a folder of its own, as a team would write it."""
    k8s = os.path.relpath(KIT / "k8s", folder.resolve())
    lines = [f"resources: [{k8s}/overlays/{overlay}]", "namespace: dry-run"]
    lines += [f"components: [{', '.join(f'{k8s}/components/{name}' for name in components)}]"] if components else []
    (folder / "kustomization.yaml").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="session")
def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The cluster, with a namespace in which restricted is enforced, as production's is to be."""
    file = tmp_path_factory.mktemp("crd") / "crd.yaml"
    file.write_text(HTTP_ROUTE)
    cluster.kubectl("apply", "--filename", file)
    cluster.kubectl("create", "namespace", "dry-run", check=False)
    cluster.kubectl("label", "namespace", "dry-run", "pod-security.kubernetes.io/warn=restricted", "--overwrite")
    return cluster


NO_PORT = """
patches:
  - patch: |-
      apiVersion: v1
      kind: Service
      metadata: { name: edge }
      spec: { ports: [{ port: 80, nodePort: null }] }
"""
# What an overlay has already.
WITHIN = {"production": ("network-policies", "tls"), "trial": ("network-policies", "postgres", "redis")}
COMBINATIONS = [
    (overlay, chosen)
    for overlay, within in WITHIN.items()
    for number in range(3)
    for chosen in combinations([name for name in COMPONENTS if name not in within], number)
    if chosen != ("asgi-only", "wsgi-only")
]


@pytest.mark.parametrize(("overlay", "components"), COMBINATIONS, ids=str)
def test_the_api_server_takes(server: Cluster, tmp_path: Path, overlay: str, components: tuple[str, ...]) -> None:
    made = layer(tmp_path, overlay, *components)
    told = server.kubectl("apply", "--dry-run=server", "--kustomize", made)
    assert "deployment.apps/edge created" in told
    assert "would violate PodSecurity" not in told


def examples(page: Path) -> list[str]:
    """The pieces of a kustomization that a page shows, as text."""
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?m)(?:^ {4}.*\n)+", page.read_text())]
    return [block for block in blocks if re.match(r"(resources|components|configMapGenerator|patches): ?", block)]


PIECES = [
    (path.parent.name, text)
    for path in sorted((KIT / "k8s" / "components").glob("*/README.md"))
    for text in examples(path)
]


def test_the_layer_of_the_docs_is_one(server: Cluster, tmp_path: Path) -> None:
    """In a team's own repository beside the kit: all that `kubectl apply -k ../shop/deploy`, Argo CD and Flux need."""
    (example,) = examples(KIT / "docs" / "kubernetes.md")
    (tmp_path / "twinpool").symlink_to(KIT)
    deploy = tmp_path / "shop" / "deploy"
    deploy.mkdir(parents=True)
    (deploy / "kustomization.yaml").write_text(example.replace("namespace: shop", "namespace: dry-run"))
    (deploy / "kubernetes.env").write_text("HOSTS=shop.example\n")
    (deploy / "routes.conf").write_text("location = /feed/ { include handlers/asgi-sse.conf; }\n")
    told = server.kubectl("apply", "--dry-run=server", "--kustomize", deploy)
    assert "deployment.apps/app-wsgi created" in told
    assert "job.batch/migrate-r42 created" in told
    made = list(yaml.safe_load_all(server.kubectl("kustomize", deploy)))
    pool = named(made, "Deployment", "app-asgi")["spec"]["template"]["spec"]["containers"][0]
    assert pool["image"] == "registry.example/shop:r42"
    assert {"name": "TWINPOOL_RELEASE", "value": "r42"} in pool["env"]
    ways = named(made, "NetworkPolicy", "migrate")["spec"]["egress"]
    assert {"ipBlock": {"cidr": "10.9.0.0/24"}} in [to for way in ways for to in way.get("to", [])]
    assert any("location = /feed/" in str(one.get("data")) for one in made)


@pytest.mark.parametrize(("component", "text"), PIECES, ids=[component for component, _ in PIECES])
def test_what_a_component_asks_of_a_layer_can_be_written(
    cluster: Cluster, tmp_path: Path, component: str, text: str
) -> None:
    folder = layer(tmp_path, "production", *([] if component in WITHIN["production"] else [component]))
    with (folder / "kustomization.yaml").open("a") as file:
        file.write("\n" + text)
    assert "kind: Deployment" in cluster.kubectl("kustomize", folder)


def test_the_linter_finds_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """The trial, and production with every component, in a layer that names namespace, tag and digest."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "trial.yaml").write_text(cluster.kubectl("kustomize", KIT / "k8s" / "overlays" / "trial"))
    more = [name for name in COMPONENTS if not name.endswith("-only") and name not in WITHIN["production"]]
    folder = layer(tmp_path, "production", *more)
    names = [f"{{ name: {name}, newName: registry.example/{name}, newTag: r1@sha256:{'0' * 64} }}"
             for name in ("app", "edge", "redis", "postgres")]  # fmt: skip
    with (folder / "kustomization.yaml").open("a") as file:
        file.write(f"\nimages: [{', '.join(names)}]\n")
    (made / "production.yaml").write_text(cluster.kubectl("kustomize", folder))
    checkov = Path(sys.executable).with_name("checkov")
    told = run(sys.executable, checkov, "--config-file", KIT / "tests/k8s/checkov.yaml", "--directory", made)
    assert "FAILED" not in told, told


def documents(cluster: Cluster, overlay: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(cluster.kubectl("kustomize", KIT / "k8s" / "overlays" / overlay)))


def named(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(one for one in found if one["kind"] == kind and one["metadata"]["name"] == name)


@pytest.mark.parametrize("overlay", ["trial", "production"])
def test_the_waits_add_up(cluster: Cluster, overlay: str) -> None:
    found = documents(cluster, overlay)
    settings = next(one["data"] for one in found if one["metadata"]["name"] == "migrate-settings")
    window, graceful = int(settings["DRAIN_WINDOW"]), int(settings["GRACEFUL"])
    keepalive = (KIT / "nginx/proxy/keepalive.conf").read_text()
    idle = sum(int(value) for value in re.findall(r"^keepalive_(?:time|timeout) (\d+)s;", keepalive, re.MULTILINE))
    needed = {"app-wsgi": graceful + 5, "app-asgi": window + 6 + graceful + 5, "edge": window + 6}
    for name, seconds in needed.items():
        spec = named(found, "Deployment", name)["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert wait > idle, name
        assert wait + seconds < spec["terminationGracePeriodSeconds"], name


def test_an_asgi_process_weighs_four_times_a_wsgi_process(cluster: Cluster) -> None:
    found = documents(cluster, "production")

    def cpu(name: str) -> int:
        (container,) = named(found, "Deployment", name)["spec"]["template"]["spec"]["containers"]
        assert "cpu" not in container["resources"]["limits"]
        return int(container["resources"]["requests"]["cpu"].removesuffix("m"))

    processes = 2  # WORKERS, as docker/twinpool.env has it
    assert cpu("app-asgi") == 4 * cpu("app-wsgi") / processes


@pytest.mark.parametrize("overlay", ["trial", "production"])
def test_every_container_has_probes_requests_and_no_rights(cluster: Cluster, overlay: str) -> None:
    for one in documents(cluster, overlay):
        if one["kind"] not in ("Deployment", "StatefulSet", "Job"):
            continue
        name, spec = one["metadata"]["name"], one["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is (name == "make-secrets"), name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"], name
            assert container["resources"]["limits"].keys() == {"memory"}, name
            if one["kind"] != "Job":
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), name
                assert all(port["name"] for port in container["ports"]), name


def test_the_edge_has_every_file_of_the_nginx_folder(cluster: Cluster) -> None:
    found = documents(cluster, "trial")
    maps = {
        re.sub(r"-[a-z0-9]{10}$", "", one["metadata"]["name"]): one["data"]
        for one in found
        if one["kind"] == "ConfigMap"
    }
    for path in (KIT / "nginx").rglob("*.*"):
        if path.name != "kustomization.yaml":
            folder = path.parent.name if path.parent.name != "nginx" else "files"
            assert maps[f"edge-{folder}"][path.name] == path.read_text(), path
