"""`twinpool hold`: clients that stay while a deploy rolls, and the receipt of what it did to them.

Read by the deploy (contract 14) and imported by the tests, which hold with the same clients. Needs h11 and websockets,
nothing of Django, so that it runs on the deployer's machine too.
"""

from twinpool.hold.client import Answer, Client
from twinpool.hold.connection import TransportError
from twinpool.hold.judgement import judge
from twinpool.hold.options import Options
from twinpool.hold.report import Report
from twinpool.hold.run import hold
from twinpool.hold.target import CannotRun, Target

__all__ = ["Answer", "CannotRun", "Client", "Options", "Report", "Target", "TransportError", "hold", "judge", "main"]


def main(argv: list[str]) -> int:
    """Runs `twinpool hold` with the arguments after the verb; 0 green, 1 red, 2 could not run."""
    from twinpool.hold.command import main as command

    return command(argv)
