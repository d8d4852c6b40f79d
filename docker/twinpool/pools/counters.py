"""What the runtime counts, and `/-/metrics`. Figures of the project's own stay out; `make status` shows these.

The processes of a container share a folder (PROMETHEUS_MULTIPROC_DIR, set by serve), so that whichever of them is
asked answers for all.
"""

import os
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess
from prometheus_client.metrics_core import GaugeMetricFamily

PREFIX = "twinpool_"
REGISTRY = CollectorRegistry()


def _now(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(PREFIX + name, text, labels, registry=REGISTRY, multiprocess_mode="livesum")


def _count(name: str, text: str, *labels: str) -> Counter:
    return Counter(PREFIX + name, text, labels, registry=REGISTRY)


sockets = _now("sockets", "WebSockets that are open")
streams = _now("streams", "Streams under way: sync ones hold a thread, async ones do not", "kind")
sync_requests = _now("sync_requests", "Synchronous requests under way in the ASGI pool")
sync_capacity = _now("sync_requests_limit", "Most synchronous requests at a time in the ASGI pool")
stream_capacity = _now("sync_streams_limit", "Most synchronous streams at a time in the WSGI pool")
threads = _now("threads", "Threads of the server's processes")
draining = _now("draining", "Processes that have left rotation")
loop_lag = Gauge(
    PREFIX + "loop_lag_seconds",
    "How late the event loop was, at most, in the last seconds",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
release = _now("release_info", "1 for each process of this release", "release", "pool")
hops = _count("hops", "Requests handed over, by the view that made it necessary", "to", "view")
closes = _count("closes", "WebSockets closed, by close code", "code")
refused = _count("refused", "What was refused, and why", "what", "why")
dropped = _count("dropped_headers", "X-Accel-* headers of the project that were dropped")


def report() -> bytes:
    """The metrics of all processes of this container, as Prometheus text."""
    count_threads()
    registry = CollectorRegistry()
    registry.register(_Own())
    return generate_latest(registry)


def count_threads() -> None:
    """Note how many threads this process has; the others of a container note theirs when their health looks."""
    threads.set(len(os.listdir("/proc/self/task")))  # all of them, not only those that Python started


class _Own:
    """Collects only what this module counts: a project may count in the same folder."""

    def collect(self) -> Iterable[Any]:
        """The metric families, in no special order."""
        source = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            source = CollectorRegistry()
            multiprocess.MultiProcessCollector(source)  # type: ignore[no-untyped-call]
        families = [family for family in source.collect() if family.name.startswith(PREFIX)]
        return [*families, _open(families)]


def _open(families: list[Any]) -> GaugeMetricFamily:
    """Sockets and streams together: one figure by which an autoscaler counts pods."""
    held = (PREFIX + "sockets", PREFIX + "streams")
    total = sum(sample.value for family in families if family.name in held for sample in family.samples)
    return GaugeMetricFamily(PREFIX + "connections", "Sockets and streams that are open", value=total)
