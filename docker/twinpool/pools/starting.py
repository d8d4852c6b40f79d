"""What a server process of either pool does before its first request. Called by wsgi.make and asgi.make."""

import functools
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from twinpool import log
from twinpool.environment import Environment, Refusal, last_line
from twinpool.handover import views
from twinpool.handover.memory import Memory
from twinpool.pools.drain import BOOT_ERROR, Sign
from twinpool.probes import log as probe_log
from twinpool.probes.answers import Probes, secret_of
from twinpool.project.loading import Project, load
from twinpool.settings import layer

T = TypeVar("T")
logger = logging.getLogger("twinpool.start")


def begin(make: Callable[[Project], T], *loggers: str) -> T:
    """The application that `make` makes of the project, with all of its entry points and its URLconf imported.

    So a broken import is found now and not by a visitor. It ends the process with BOOT_ERROR; the parent says why in
    the log's last line.
    """
    try:
        project = load()
        log.install(*loggers)
        from django.urls import get_resolver

        _ = get_resolver().url_patterns
        return make(project)
    except Refusal as refusal:
        reason = str(refusal)
    except Exception as error:
        traceback.print_exc()
        reason = f"the project does not start: {last_line(error)}"
    Sign(Path(os.environ.get("TWINPOOL_RUN") or "/run/twinpool")).give_up(reason)
    sys.exit(BOOT_ERROR)


def memory(environment: Environment) -> Memory:
    """The memory of views, knowing whether the entry may decide in this project."""
    why = views.undecided() if environment.pools == "both" else ""
    if why:
        logger.info("hand-over is decided after the middleware, which costs more: %s", why)
    return Memory(environment.run / "streaming-views", entry_decides=not why, why=why)


def probes(environment: Environment) -> Probes:
    """The probes, with the deployment's secret and the log for its channel layer."""
    return Probes(environment, _log, secret_of(os.environ))


@functools.cache
def _log() -> probe_log.Log:
    from django.conf import settings

    return probe_log.for_layer(layer.effective(getattr(settings, "CHANNEL_LAYERS", None), os.environ.get("REDIS_URL")))
