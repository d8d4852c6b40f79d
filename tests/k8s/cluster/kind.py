"""The cluster of `make cluster` where kind's node image can be pulled: one node, the same ports and kubeconfig."""

import subprocess

from build import BIN, build_kubectl, go_build
from host import HERE, HOST_PORTS, KUBECONFIG, STATE, run, say

# The node image of the kind that kind/go.mod pins.
IMAGE = "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
MARK = STATE / "kind"
KIND = (BIN / "kind",)
NAME = ("--name", "twinpool")
ANSWER_SECONDS = 20


def can_be_pulled() -> bool:
    """Whether a registry has the node image for this host; asks for its description alone."""
    try:
        asked = subprocess.run(
            ["docker", "manifest", "inspect", IMAGE], check=False, capture_output=True, timeout=ANSWER_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def stands() -> bool:
    return MARK.exists()


def up() -> None:
    """Makes it, or finds it there. Raises ClusterError with what kind says."""
    STATE.mkdir(parents=True, exist_ok=True)
    if not KIND[0].exists():
        say("build: kind")
        go_build(HERE / "kind", ["sigs.k8s.io/kind"])
    build_kubectl()
    MARK.touch()
    if NAME[1] not in run([*KIND, "get", "clusters"]).split():
        say("up: one node, by kind")
        ports = "".join(
            f"      - {{ containerPort: {port}, hostPort: {port}, listenAddress: 127.0.0.1 }}\n" for port in HOST_PORTS
        )
        config = (
            "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n"
            f"  - role: control-plane\n    extraPortMappings:\n{ports}"
        )
        wanted = ("--image", IMAGE, "--kubeconfig", KUBECONFIG, "--config", "-", "--wait", "120s")
        run([*KIND, "create", "cluster", *NAME, *wanted], stdin=config)
    run([*KIND, "export", "kubeconfig", *NAME, "--kubeconfig", KUBECONFIG])
    say(f"up. Next: make deploy TARGET=k8s; or, for kubectl: export KUBECONFIG={KUBECONFIG}")


def load(images: list[str]) -> None:
    """Copies images of the host's Docker into the node; kind itself leaves out those that are there."""
    run([*KIND, "load", "docker-image", *NAME, *images])
    say("load: the node")


def down() -> None:
    run([*KIND, "delete", "cluster", *NAME])
    KUBECONFIG.unlink(missing_ok=True)
    MARK.unlink(missing_ok=True)
    say("down")
