"""The project as a project: complete migrations, runs without Twinpool, and a deploy folder that pins nothing."""

import re
import subprocess
import sys

from django.core.management import call_command

from .services import ROOT

LINE = re.compile(r"^location\s+(?:(=|\^~|~)\s+)?(\S+)\s+\{ include handlers/[a-z-]+\.conf; \}$")


def test_no_migration_is_missing(board: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_it_runs_without_twinpool() -> None:
    program = (
        "import sys; sys.modules['twinpool'] = None\n"
        "import django; django.setup()\n"
        "from board import live; import noticeboard.asgi, noticeboard.wsgi\n"
        "assert live.publish is live.through_layer"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "noticeboard.settings", "PATH": ""}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT / "app", env=environment, check=True)


def test_the_routes_name_neither_the_stream_nor_the_glance_nor_a_socket() -> None:
    text = (ROOT / "app/deploy/routes.conf").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    paths = [LINE.match(re.sub(r"\s+", " ", line))[2] for line in lines]
    assert paths == ["/", "/static/"]


def test_the_deploy_folder_sets_only_knobs_that_there_are() -> None:
    def names(path: str) -> set[str]:
        return set(re.findall(r"^([A-Z_]+)=", (ROOT / path).read_text(), re.MULTILINE))

    assert names("app/deploy/twinpool.env") <= names("docker/twinpool.env")
