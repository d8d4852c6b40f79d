"""The Kubernetes side of play.py: which cluster is meant, and the Lease that one deployer at a time holds there."""

import getpass
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from knobs import KIT, Refused, read_list

PLAYBOOKS = {
    "deploy": "kubernetes",
    "rollback": "kubernetes-rollback",
    "status": "kubernetes-status",
    "url": "kubernetes-url",
}
CHANGING = {"deploy", "rollback"}
# Where tests/k8s/cluster keeps the cluster of `make cluster`.
STATE = Path(os.environ.get("CLUSTER_STATE") or Path.home() / ".cache" / "twinpool" / "cluster")
# What tells the next command that it is about the same site.
NAMED = ("PROJECT", "NAME", "TARGET", "OVERLAY", "CONTEXT", "REGISTRY", "NAMESPACE")
LEASE, SECONDS = "twinpool-deploy", 30
# Knobs that say where or how many; on Kubernetes the layer says it.
NOT_HERE = {"BIND", "PORT", "TLS_PORT", "TLS", "APP_MEMORY", "REDIS_MEMORY", "POSTGRES_MEMORY", "DRAIN_LEAVE"}
# Settings of pools and edge, by the names of docker/twinpool.env, that a layer passes on.
SETTINGS = (
    "HOSTS", "ORIGINS", "TRUST", "WORKERS", "THREADS", "ASGI_THREADS", "SOCKETS", "DB_POOL",
    "BODY_LIMIT", "DRAIN_WINDOW", "SOCKET_AGE", "GRACEFUL",
)  # fmt: skip


def meant(verb: str, values: Mapping[str, str], given: Mapping[str, str]) -> dict[str, Any]:
    """What the playbooks know of the cluster and the layer, by name. Raises Refused."""
    if verb not in PLAYBOOKS:
        raise Refused(
            f"make {verb} is for Docker hosts; with TARGET=k8s there are {', '.join(PLAYBOOKS)}. "
            "kubectl does the rest, for example: kubectl logs deployment/app-wsgi"
        )
    defaults = read_list()
    changed = {name for name, value in values.items() if name in defaults and value != defaults[name].default}
    changed |= defaults.keys() & given.keys()  # typed with its default it is meant, against the layer's
    if wrong := sorted(NOT_HERE & set(given)):  # a project's own file may name them, for its Docker hosts
        raise Refused(
            f"{', '.join(wrong)}: on Kubernetes this stands in a layer, not in a knob; see docs/kubernetes.md."
        )
    overlay = {"on": "trial", "off": "trial"}.get(values["OVERLAY"], values["OVERLAY"])
    folder = KIT / "k8s" / "overlays" / overlay if overlay in ("trial", "production") else Path(overlay).expanduser()
    if not (folder / "kustomization.yaml").is_file():
        raise Refused(f"OVERLAY: found {overlay!r}; expected trial, production or a folder with a kustomization.yaml.")
    settings = {
        name: value
        for name, value in values.items()
        if name.startswith("ENV_") or name in changed.intersection(SETTINGS)
    }
    if broken := sorted(name for name, value in settings.items() if "\n" in value):
        raise Refused(f"{', '.join(broken)}: found a line break; a setting on Kubernetes is one line.")
    if values["OVERLAY"] == "off":
        settings["OVERLAY"] = "off"
    return {
        **connection(verb, values),
        "KUBECTL": str(kubectl()),
        "LAYER_BASE": str(folder.resolve()),
        "NAMESPACE": values["NAMESPACE"] or namespace(folder) or values["NAME"],
        "SETTINGS_GIVEN": settings,
        "REPLICAS": {f"app-{pool}": int(values[f"{pool.upper()}_REPLICAS"]) for pool in ("wsgi", "asgi")
                     if f"{pool.upper()}_REPLICAS" in changed and values["POOLS"] in ("both", pool)},
        "AGAIN": "".join(f" {name}={given[name]}" for name in NAMED if name in given),
    }  # fmt: skip


def namespace(layer: Path) -> str:
    """That which a layer states; empty where it leaves it open."""
    read = yaml.safe_load((layer / "kustomization.yaml").read_text())
    return str(read.get("namespace") or "") if isinstance(read, dict) else ""


def kubectl() -> Path | str:
    found = shutil.which("kubectl") or STATE / "context" / "bin" / "kubectl"
    if not Path(found).exists():
        raise Refused("Found no kubectl; TARGET=k8s wants it in PATH, 1.30 or newer. `make cluster` builds one.")
    return found


def connection(verb: str, values: Mapping[str, str]) -> dict[str, str]:
    """KUBECONFIG (empty: kubectl's own) and CONTEXT (empty: the file's only one). Raises Refused."""
    from kubernetes import config

    if values["CONTEXT"]:
        try:
            contexts, _ = config.list_kube_config_contexts()
        except config.ConfigException as error:
            raise Refused(f"CONTEXT={values['CONTEXT']}: kubectl has no configuration here ({error}).") from None
        names = [context["name"] for context in contexts]
        if values["CONTEXT"] not in names:
            raise Refused(f"CONTEXT: found {values['CONTEXT']!r}; kubectl's configuration has {', '.join(names)}.")
        if verb == "deploy" and not values["REGISTRY"]:
            raise Refused(
                f"The cluster of CONTEXT={values['CONTEXT']} has to get the images from somewhere: name a registry "
                "that it can pull from, REGISTRY=registry.example/team."
            )
        return {"KUBECONFIG": "", "CONTEXT": values["CONTEXT"]}
    if not (STATE / "kubeconfig").exists():
        raise Refused(
            "TARGET=k8s without CONTEXT means the cluster of `make cluster`, and there is none. Make it, or name a "
            "context of kubectl's configuration and a registry: CONTEXT=… REGISTRY=…"
        )
    return {"KUBECONFIG": str(STATE / "kubeconfig"), "CONTEXT": ""}


@contextmanager
def lease(place: Mapping[str, Any], verb: str) -> Iterator[None]:
    """Held in the site's namespace, renewed while this process lives: a killed deploy's ends by itself in 30 s.

    Makes the namespace where there is none. Raises Refused where somebody else holds it, or nobody answers.
    """
    from kubernetes import client, config
    from urllib3.exceptions import HTTPError

    whose = config.new_client_from_config(config_file=place["KUBECONFIG"] or None, context=place["CONTEXT"] or None)
    core, api, namespace = client.CoreV1Api(whose), client.CoordinationV1Api(whose), place["NAMESPACE"]
    me = f"{getpass.getuser()}@{socket.gethostname()} (make {verb}, process {os.getpid()})"
    now = datetime.now(UTC)
    spec = client.V1LeaseSpec(holder_identity=me, lease_duration_seconds=SECONDS, acquire_time=now, renew_time=now)
    mine = client.V1Lease(metadata=client.V1ObjectMeta(name=LEASE), spec=spec)
    try:
        _make_namespace(core, namespace)
        _take(api, namespace, mine)
    except client.ApiException as error:
        raise Refused(f"The cluster refuses the Lease {LEASE} in namespace {namespace}: {error.reason}.") from None
    except HTTPError as error:
        raise Refused(f"The cluster does not answer: {str(error)[:200]}") from None
    over = threading.Event()

    def renew() -> None:
        while not over.wait(SECONDS / 3):
            patch = {"spec": {"renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}
            with suppress(HTTPError):  # the next one may come through
                try:
                    holder = _holder(api, namespace)
                    if holder == me:
                        api.patch_namespaced_lease(LEASE, namespace, patch)
                        continue
                except client.ApiException as error:
                    if error.status != 404:
                        continue
                    holder = "somebody who has ended since"
                print(f"twinpool: {holder} has taken {namespace} over; this stops here.", file=sys.stderr)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                return

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(client.ApiException, HTTPError):  # it ends by itself
            if _holder(api, namespace) == me:
                api.delete_namespaced_lease(LEASE, namespace)


def _make_namespace(core: Any, namespace: str) -> None:
    from kubernetes import client

    try:
        core.read_namespace(namespace)
    except client.ApiException as error:
        if error.status == 404:
            core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=namespace)))
        elif error.status != 403:  # one that may not look may still deploy
            raise


def _holder(api: Any, namespace: str) -> str:
    return str(api.read_namespaced_lease(LEASE, namespace).spec.holder_identity)


def _take(api: Any, namespace: str, mine: Any) -> None:
    from kubernetes import client

    try:
        api.create_namespaced_lease(namespace, mine)
    except client.ApiException as error:
        if error.status != 409:
            raise
    else:
        return
    held = api.read_namespaced_lease(LEASE, namespace)
    live = held.spec.renew_time + timedelta(seconds=held.spec.lease_duration_seconds) > datetime.now(UTC)
    if not live:  # by this clock, which its holder's may be behind: one that lives is renewed
        time.sleep(SECONDS / 2)
        last, held = held, api.read_namespaced_lease(LEASE, namespace)
        live = held.spec.renew_time != last.spec.renew_time
    if live:
        raise Refused(
            f"{namespace} is being changed by {held.spec.holder_identity}, since "
            f"{held.spec.acquire_time.astimezone():%H:%M:%S}. Nothing was done here. "
            "Wait for that to end, then try again."
        )
    mine.metadata.resource_version = held.metadata.resource_version  # of two that find it over, one gets it
    api.replace_namespaced_lease(LEASE, namespace, mine)
