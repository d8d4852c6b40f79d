"""One line form for the runtime's logs, with the request's id where there is one. Installed by both applications."""

import contextvars
import logging
import sys
import time

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("twinpool_request_id", default="")


class Line(logging.Formatter):
    """`12:00:00 WARNING twinpool.handover [request id] message`; the container's log has the date."""

    # One clock for both pools and the edge, whatever the project's TIME_ZONE.
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s%(request)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, its traceback below it."""
        known = request_id.get()
        record.request = f" [{known}]" if known else ""
        return super().format(record)


def install(*names: str) -> None:
    """Let these loggers, and `twinpool`, write to stderr in this form.

    Called after django.setup(), since a LOGGING without disable_existing_loggers silences every logger made before it.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line())
    for name in ("twinpool", *names):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        if name == "twinpool":
            logger.setLevel(logging.INFO)
    for name, made in logging.root.manager.loggerDict.items():
        if isinstance(made, logging.Logger) and name.split(".")[0] in ("twinpool", *names):
            made.disabled = False
    _to_root(handler)


def _to_root(handler: logging.Handler) -> None:
    """A project without a LOGGING of its own would lose its warnings: the root then writes in this form too."""
    if not logging.root.handlers:
        logging.root.addHandler(handler)


SELDOM_SECONDS = 10.0
_said: dict[str, float] = {}


def seldom(what: str) -> bool:
    """Whether it is time to say this again: what happens in crowds is said once in a while, and counted always."""
    now = time.monotonic()
    if now - _said.get(what, float("-inf")) < SELDOM_SECONDS:
        return False
    _said[what] = now
    return True
