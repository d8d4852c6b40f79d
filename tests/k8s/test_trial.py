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
    assert "10001" in told.split()
    assert "WRITTEN" not in told
    assert "TOKEN" not in told


WAYS: dict[str, set[str]] = {
    "edge": {"app-wsgi", "app-asgi"},
    "wsgi": {"postgres", "redis"},
    "asgi": {"postgres", "redis"},
    "redis": set(),
    "postgres": set(),
    "migrate": {"postgres", "redis"},
    "receipt": {"edge"},
    # From another namespace, where no policy holds it back.
    "outside": {"edge", "api"},
}
TARGETS = {"app-wsgi": 8000, "app-asgi": 8000, "edge": 80, "postgres": 5432, "redis": 6379}


# Pods that do not stay: one of their label and no other difference stands in.
STANDING_IN = ("migrate", "receipt", "outside")


def stand_in(trial: Cluster, source: str, *where: str) -> None:
    closed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": source, "image": "twinpool-redis:trial", "command": ["sleep", "300"],
                        "securityContext": closed}],
    }  # fmt: skip
    name = f"stands-in-{source}"
    given = (f"--labels=app.kubernetes.io/name={source}", f"--overrides={json.dumps({'spec': spec})}", *where)
    trial.kubectl("run", name, "--image=twinpool-redis:trial", "--restart=Never", *given)
    trial.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=60s", *where)


def reached(trial: Cluster, source: str) -> set[str]:
    """Services that a pod reaches, by packets, to addresses that were looked up elsewhere: it may not ask for names."""
    label = "component" if source in ("wsgi", "asgi") else "name"
    where = ("--namespace=default",) if source == "outside" else ()
    if source in STANDING_IN:
        stand_in(trial, source, *where)
    chosen = ("--selector", f"app.kubernetes.io/{label}={source}", "--field-selector=status.phase=Running")
    pod = trial.kubectl("get", "pod", *where, *chosen, "--output=jsonpath={.items[0].metadata.name}")
    addresses = {name: trial.kubectl("get", "service", name, "--output=jsonpath={.spec.clusterIP}") for name in TARGETS}
    program = (
        "import socket, sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def ask(word):\n"
        "    name, address, port = word.split(',')\n"
        "    try: socket.create_connection((address, int(port)), 2); return name\n"
        "    except OSError: return ''\n"
        "print(*ThreadPoolExecutor().map(ask, sys.argv[1:]), sep='\\n')\n"
    )
    words = [f"{name},{addresses[name]},{port}" for name, port in TARGETS.items()]
    api = trial.kubectl("get", "service", "kubernetes", "--namespace=default", "--output=jsonpath={.spec.clusterIP}")
    told = trial.kubectl("exec", pod, *where, "--", "python3", "-c", program, *words, f"api,{api},443")
    if source in STANDING_IN:
        trial.kubectl("delete", "pod", f"stands-in-{source}", *where, "--grace-period=1")
    own = {"wsgi": "app-wsgi", "asgi": "app-asgi"}.get(source, source)  # a pod always reaches itself
    return set(told.split()) - {own}


@pytest.mark.parametrize("source", WAYS)
def test_each_stated_way_is_open_and_every_other_shut(trial: Cluster, source: str) -> None:
    assert reached(trial, source) == WAYS[source]


def test_without_policies_the_edge_reaches_all(trial: Cluster) -> None:
    """The policies are what shuts: without them the same look finds everything open."""
    trial.kubectl("delete", "networkpolicies", "--all")
    try:
        for _ in range(20):
            if reached(trial, "edge") >= {*TARGETS, "api"} - {"edge"}:
                return
        pytest.fail("a way is still shut")
    finally:
        trial.kubectl("apply", "-k", TRIAL)
