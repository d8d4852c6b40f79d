"""A cluster under test: kubectl by words, and the cluster of tests/k8s/cluster where none is given."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from program import KIT, run

CLUSTER = Path(__file__).resolve().parent / "cluster" / "cluster.py"
STATE = Path(os.environ.get("CLUSTER_STATE") or Path.home() / ".cache" / "twinpool" / "cluster")
KUBE = STATE / "context" / "bin" / "kube"


class Cluster:
    def __init__(self, kubeconfig: str) -> None:
        self.given = kubeconfig
        self.namespace = ""
        self.probe_secret_file = Path()
        self.url = "http://localhost:30080"

    @property
    def kubeconfig(self) -> str:
        return self.given or str(STATE / "kubeconfig")

    def up(self) -> None:
        if not self.given:
            run(sys.executable, CLUSTER, "up", timeout=1500)

    def down(self) -> None:
        if not self.given:
            run(sys.executable, CLUSTER, "down", timeout=120)

    def stands(self) -> bool:
        return bool(self.given) or (STATE / "kubeconfig").exists()

    def load(self, *images: str) -> None:
        if not self.given:
            run(sys.executable, CLUSTER, "load", *images, timeout=300)

    def node(self, verb: str, name: str) -> None:
        """Takes the power of a node away, or gives it back."""
        if self.given:
            pytest.skip("the nodes of a cluster that was given are not this test's to stop")
        run(sys.executable, CLUSTER, verb, name, timeout=180)

    def program(self) -> str:
        """kubectl for this namespace, as one line of a shell."""
        program = "kubectl" if self.given else f"{KUBE} kubectl --kubeconfig {STATE / 'kubeconfig'}"
        return f"{program} --namespace={self.namespace}" if self.namespace else program

    def kubectl(self, *words: object, timeout: float = 120, check: bool = True) -> str:
        return run(*self.program().split(), *words, timeout=timeout, check=check)

    def started(self, *words: object) -> subprocess.Popen[str]:
        """kubectl under way; its output is the caller's to read."""
        command = [*self.program().split(), *(str(word) for word in words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def removed(self) -> None:
        """The namespace with all that is in it, without the drains of its pods."""
        for made in ("deployments,statefulsets,jobs", "replicasets"):
            self.kubectl("delete", made, "--all", "--cascade=orphan", check=False)
        self.kubectl("delete", "pods", "--all", "--grace-period=0", "--force", check=False)
        self.kubectl("delete", "namespace", self.namespace, "--ignore-not-found", timeout=180)

    def settled(self, *what: str, timeout: int = 240) -> None:
        """Waits until rollouts are at their end; old pods may still be draining."""
        for one in what:
            self.kubectl("rollout", "status", one, f"--timeout={timeout}s", timeout=timeout + 20)

    def keep_probe_secret(self, folder: Path) -> None:
        """The site's probe secret as a file, for the suites and clients that prove it."""
        secret = json.loads(self.kubectl("get", "secret", "site", "--output=json"))
        self.probe_secret_file = folder / "probe_secret"
        self.probe_secret_file.write_bytes(base64.b64decode(secret["data"]["probe_secret"]))

    def suite(self, folder: str, *options: object, timeout: float = 600) -> None:
        """Another folder of tests/ against the site."""
        given = ["--url", self.url, "--probe-secret-file", self.probe_secret_file, *options]
        run(sys.executable, "-m", "pytest", KIT / "tests" / folder, "-q", *given, timeout=timeout)
