"""`twinpool manage ARGS…`: the project's management commands under this deployment's settings."""

from twinpool.project.loading import load


def main(argv: list[str]) -> int:
    """Runs one command, as manage.py would; returns 0, or the code with which the command ends the process."""
    from django.core.management import execute_from_command_line

    load()
    execute_from_command_line(["twinpool manage", *argv])
    return 0
