"""cli and manage: the verbs, and the project's own commands under the deployment's settings."""

import subprocess
import sys

import pytest
from twinpool import cli

from .conftest import MakeProject


def test_without_a_verb_the_verbs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    shown = capsys.readouterr().out
    assert all(f"\n  {verb}" in shown for verb in ("serve", "migrate", "check", "routes", "manage", "hold", "ask"))
    assert cli.main(["--help"]) == 0


def test_an_unknown_verb_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["server"]) == 2
    assert "'server' is no verb" in capsys.readouterr().err


def test_a_bad_value_is_one_line(make_project: MakeProject) -> None:
    done = make_project().twinpool("routes", TWINPOOL_WORKERS="many")
    assert done.returncode == 1
    assert done.stderr == "twinpool routes: TWINPOOL_WORKERS is 'many'; it takes a whole number from 1 up.\n"


def test_the_command_line_imports_nothing_heavy() -> None:
    """Health checks start it every few seconds."""
    code = "import sys, twinpool.cli; print([name for name in ('django', 'asyncio', 'redis') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_manage_runs_a_command_under_the_deployments_settings(make_project: MakeProject) -> None:
    done = make_project().twinpool("manage", "shell", "-c", "from django.conf import settings; print(settings.DEBUG)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"


def test_manage_passes_on_how_a_command_ends(make_project: MakeProject) -> None:
    assert make_project().twinpool("manage", "no_such_command").returncode == 1
