"""Which channel layer carries messages from a page to a socket. Called by overlay, publish and check."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from twinpool.project import sources
from twinpool.project.discovery import Found
from twinpool.settings.change import Change, change

PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
MEMORY = "InMemoryChannelLayer"
# Seconds. redis-py's default of 5 is what the core layer waits for a message, so an idle socket died of it; three times
# that is past every wait, and still short of a person's patience where Redis has gone without a word.
SOCKET_TIMEOUT = 15
SAFE_TIMEOUT = 10
PLACE = ("address", "host", "port", "db", "username", "password", "path", "master_name", "sentinels", "sentinel_kwargs")

Form = Literal["pubsub", "core", "memory", "other", "none"]


@dataclass(frozen=True)
class Layer:
    """The layer in use: what it speaks, its Redis hosts as keyword arguments, its channels' prefix."""

    form: Form
    hosts: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    prefix: str = "asgi"
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    backend: str = PUBSUB

    @property
    def url(self) -> str | None:
        """The first Redis host as a URL, password included; None where it is given in another way."""
        return self.hosts[0].get("address") if self.hosts else None


def plan(own: Mapping[str, Any], url: str | None, found: Found) -> list[Change]:
    """Changes of CHANNEL_LAYERS: in-memory or none becomes Redis pub/sub, a Redis layer keeps its class."""
    layers = own.get("CHANNEL_LAYERS") or {}
    if not layers and not (url and _uses_channels(own, found)):
        return []
    after = {alias: _planned(alias, dict(one), url) for alias, one in (layers or {"default": {}}).items()}
    return change("CHANNEL_LAYERS", layers, after, "REDIS_URL is set" if url else "a safe socket_timeout")


def effective(layers: Mapping[str, Any] | None, url: str | None = None, alias: str = "default") -> Layer:
    """The layer that a value of CHANNEL_LAYERS gives; without one, pub/sub on the URL, if there is one."""
    one = (layers or {}).get(alias)
    if not one:
        return Layer("pubsub", ({"address": url, "socket_timeout": SOCKET_TIMEOUT},)) if url else Layer("none")
    config = one.get("CONFIG") or {}
    form = form_of(one.get("BACKEND", ""))
    hosts = config.get("hosts") or ["redis://localhost:6379"]
    told = tuple(_as_dict(host) for host in hosts) if form in ("pubsub", "core") else ()
    return Layer(form, told, config.get("prefix", "asgi"), config, one.get("BACKEND", ""))


def form_of(backend: str) -> Form:
    """What a BACKEND speaks; a class of the project's own speaks what the class that it extends speaks."""
    if not backend:
        return "none"
    if backend.endswith(MEMORY):
        return "memory"
    module, _, name = backend.rpartition(".")
    try:
        lineage = [base.__name__ for base in getattr(importlib.import_module(module), name).__mro__]
    except Exception:  # Channels itself will say what is wrong with it
        lineage = [name]
    known: dict[str, Form] = {"RedisPubSubChannelLayer": "pubsub", "RedisChannelLayer": "core", MEMORY: "memory"}
    return next((known[base] for base in lineage if base in known), "other")


def _uses_channels(own: Mapping[str, Any], found: Found) -> bool:
    apps = {str(app).split(".")[0] for app in own.get("INSTALLED_APPS") or ()}
    return bool(apps & {"channels", "daphne"}) or bool(found.asgi and sources.imports(found.asgi, "channels"))


def _planned(alias: str, own: dict[str, Any], url: str | None) -> dict[str, Any]:
    form = form_of(own.get("BACKEND", ""))
    config = dict(own.get("CONFIG") or {})
    if form in ("memory", "none"):
        prefix = "asgi" if alias == "default" else f"asgi-{alias}"
        made = {"address": url, "socket_timeout": SOCKET_TIMEOUT}
        return {"BACKEND": PUBSUB, "CONFIG": {"hosts": [made], "prefix": prefix}} if url else own
    if form not in ("pubsub", "core"):
        return own
    hosts = [_as_dict(host) for host in config.get("hosts") or ["redis://localhost:6379"]]
    if url:
        kept = {key: value for key, value in hosts[0].items() if key not in PLACE}
        hosts = [{"address": url, **kept}]
    return {**own, "CONFIG": {**config, "hosts": [_safe(host) for host in hosts]}}


def _as_dict(host: Any) -> dict[str, Any]:
    if isinstance(host, Mapping):
        return dict(host)
    return {"host": host[0], "port": host[1]} if isinstance(host, (tuple, list)) else {"address": host}


def _safe(host: dict[str, Any]) -> dict[str, Any]:
    """The host with a socket_timeout that outlasts the layer's own wait; None, for ever, is the project's say."""
    own = host.get("socket_timeout", 0)
    return host if own is None or own >= SAFE_TIMEOUT else {**host, "socket_timeout": SOCKET_TIMEOUT}
