"""What makes a release a bad one. Each changes a project and returns a word that its failed deploy has to show."""

from pathlib import Path


def settings(project: Path) -> Path:
    """The module that the deployment uses."""
    return next(project.rglob("prod.py"), None) or next(project.rglob("settings.py"))


def broken_import(project: Path) -> str:
    with next(project.rglob("urls.py")).open("a") as file:
        file.write("\nimport a_module_that_is_not_there\n")
    return "a_module_that_is_not_there"


def failing_check(project: Path) -> str:
    with settings(project).open("a") as file:
        file.write("\nMIDDLEWARE += ['nowhere.Middleware']\nTEMPLATES[0]['OPTIONS'] = {'builtins': ['nowhere.tags']}\n")
    return "nowhere"


def failing_migration(project: Path) -> str:
    app = next(path for path in project.rglob("migrations") if list(path.glob("0*.py")))
    last = max(app.glob("0*.py")).stem
    (app / "9999_fails.py").write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [({app.parent.name!r}, {last!r})]\n"
        "    operations = [migrations.RunSQL('ALTER TABLE a_table_that_is_not_there ADD x int')]\n"
    )
    return "a_table_that_is_not_there"


def never_ready(project: Path) -> str:
    """Imports well, and serves pages; but each process of the ASGI pool ends as it begins to serve."""
    with settings(project).open("a") as file:
        file.write(
            "\nimport os as _os\nif _os.environ.get('TWINPOOL_POOL') == 'asgi':\n"
            "    import threading as _t\n"
            "    _t.Timer(0.2, lambda: (print('it burns', flush=True), _os._exit(3))).start()\n"
        )
    return "it burns"


def failing_page(project: Path) -> str:
    """Ready and serving; only the receipt's pages show it."""
    file = next(project.rglob("base.html"))
    file.write_text(file.read_text().replace("</body>", '{% include "nowhere.html" %}</body>'))
    return "answered 500"


BREAKAGES = (broken_import, failing_check, failing_migration, never_ready)
