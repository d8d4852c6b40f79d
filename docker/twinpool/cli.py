"""The command `twinpool`, entry point of the image. Each verb is a module of its own, imported only when asked for."""

import importlib
import sys

from twinpool.environment import Refusal

# verb: its module, and what it does
VERBS = {
    "serve": ("serve", "wsgi|asgi: run a pool's server, drained on SIGTERM"),
    "migrate": ("migrate", "bring the database up to this release, one deployer at a time"),
    "check": ("checks.check", "judge the effective settings; refuse what cannot work"),
    "routes": ("checks.routes", "list the project's views and the pool that each needs"),
    "manage": ("manage", "ARGS…: a management command of the project"),
    "hold": ("hold", "keep a load on a site while it is deployed, and judge it"),
    "ask": ("ask", "PATH: GET from this container's own port"),
}


def main(argv: list[str] | None = None) -> int:
    """Runs a verb; returns its exit code: 0 done, 1 refused or failed (reason on stderr), 2 not understood."""
    arguments = sys.argv[1:] if argv is None else argv
    verb = arguments[0] if arguments else "--help"
    if verb in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    if verb not in VERBS:
        print(f"twinpool: {verb!r} is no verb; it takes one of these.\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        return int(importlib.import_module(f"twinpool.{VERBS[verb][0]}").main(arguments[1:]))
    except Refusal as refusal:
        print(f"twinpool {verb}: {refusal}", file=sys.stderr)
        return 1


def usage() -> str:
    """The verbs, one a line."""
    return "\n".join(["usage: twinpool VERB …", *(f"  {verb:8} {what}" for verb, (_, what) in VERBS.items())])
