"""The pages say what is there: links, names in backticks, messages, and every example that can be run is run."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import knobs
import pytest

from .pages import KIT, Example, Page, all_pages

PAGES = all_pages()
EXAMPLES = [example for page in PAGES for example in page.examples()]
TARGETS = set(re.findall(r"(?m)^([a-z][a-z-]*):.*## ", (KIT / "Makefile").read_text()))
HANDLERS = {path.stem for path in (KIT / "nginx" / "handlers").glob("*.conf")}
KNOBS = set(knobs.read_list())
LINE = re.compile(
    r"""location (?:(?:=|\^~|~) )?(?:"[^"]+"|[^\s"{}]+) +\{ include handlers/([a-z-]+)\.conf;(?: [^;{}]+;)* \}"""
)


def source(*folders: str) -> str:
    """The kit's own text, as one line a paragraph: texts that are broken over lines stand in one piece."""
    files = [path for folder in folders for path in sorted((KIT / folder).rglob("*")) if path.is_file()]
    texts = [path.read_text(errors="ignore") for path in files if path.suffix != ".pyc"]
    joined = re.sub(r"\"\s*\n\s*f?\"", "", "\n".join([*texts, (KIT / "Makefile").read_text()]))
    return re.sub(r"\s+", " ", joined.replace('\\"', '"'))


SOURCE = source("ansible", "docker", "nginx")


def languages(*wanted: str) -> list[Example]:
    return [example for example in EXAMPLES if example.language in wanted]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Page) -> None:
    wrong = []
    for link in page.links():
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        if not target.exists() or (anchor and anchor not in Page(target).anchors()):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_and_knob_is_there(page: Page) -> None:
    wrong = []
    for text in [*page.ticked(), *page.commands()]:
        for command in re.findall(r"(?:^|\$ |: )make((?: +[^\s#]+)*)", text):
            for word in command.split():
                name, equals, _ = word.partition("=")
                known = name in KNOBS or name.startswith("ENV_") if equals else name in TARGETS
                if re.fullmatch(r"[A-Za-z_-]+", name) and not known:
                    wrong.append(text)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_name_in_capitals_is_a_knob_or_a_setting(page: Page) -> None:
    from django.conf import global_settings

    names = [name for text in page.ticked() for name in re.findall(r"^([A-Z][A-Z_]{2,})(?:=\S*)?$", text)]
    known = KNOBS | {name for name in dir(global_settings) if name.isupper()} | {"HEAD", "OPTIONS"}
    assert [
        n for n in names if n not in known and not n.startswith("ENV_") and not re.search(rf"\b{n}\b", SOURCE)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_handler_and_path_is_there(page: Page) -> None:
    """A path lies in the repository; or it is a name that the kit's own code knows, as of a project's file."""
    wrong = []
    for text in page.ticked():
        if re.fullmatch(r"(?:by|wsgi|asgi)-[a-z]+|static", text) and text not in HANDLERS:
            wrong.append(text)
        if not re.fullmatch(r"[\w./-]+(?:/|\.(?:py|conf|env|txt|ya?ml|toml|lock|md|pem|key|json|j2))", text):
            continue
        name = re.sub(r"^/var/lib/twinpool/NAME/(?:releases/rN/)?", "", text).rstrip("/")
        if not (KIT / name.lstrip("/")).exists() and Path(name).name not in SOURCE:
            wrong.append(text)
    assert wrong == []


def test_every_handler_is_in_the_table() -> None:
    routing = (KIT / "docs" / "routing.md").read_text()
    assert {name for name in HANDLERS if f"\n| `{name}` |" not in routing} == set()


def test_the_receipt_has_the_lines_that_hold_prints() -> None:
    page = Page(KIT / "docs" / "deploying.md")
    printed = re.findall(r'^ +\(?"([a-z ]+)", ', (KIT / "docker/twinpool/hold/receipt.py").read_text(), re.MULTILINE)
    printed += re.findall(r'^ +\(\n +"([a-z ]+)",', (KIT / "docker/twinpool/hold/receipt.py").read_text(), re.MULTILINE)
    shown = [line[:16].strip() for line in page.commands() if re.match(r"[a-z ]{16}\S", line)]
    assert sorted(shown) == sorted(set(printed))


NGINX_SAYS = ('open() "/srv/edge/handlers/…" failed', "[emerg]")


def messages() -> list[str]:
    """First columns of the tables of troubleshooting.md that quote what is printed; `…` stands for what varies."""
    text = (KIT / "docs" / "troubleshooting.md").read_text()
    rows = re.findall(r"(?m)^\| (.+?) \|", text)
    found = [message for row in rows for message in re.findall(r"`([^`]*[a-zA-Z]{3}[^`]*)`", row)]
    return [message for message in found if message not in NGINX_SAYS]


@pytest.mark.parametrize("message", messages())
def test_every_message_is_one_that_is_printed(message: str) -> None:
    pieces = [piece.strip(" :;.") for piece in message.split("…") if re.search(r"[a-zA-Z]{3}", piece)]
    assert [piece for piece in pieces if piece not in SOURCE] == []


def test_examples_have_a_language_that_is_tested() -> None:
    assert {example.language for example in EXAMPLES} <= {"nginx", "python", "ini"}
    assert languages("nginx")
    assert languages("python")


@pytest.mark.parametrize("example", languages("ini"), ids=str)
def test_an_example_of_knobs_is_taken(example: Example, tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "twinpool.env").write_text(example.text)
    knobs.together(knobs.gather({"PROJECT": str(tmp_path)}))


def nginx_says(routes: str, folder: Path, image: str) -> tuple[int, str]:
    """Exit code and words of the real nginx about the shipped folder with other routes."""
    shutil.copytree(KIT / "nginx", folder)
    folder.parent.chmod(0o755)
    (folder / "routes.conf").write_text(routes)
    tested = subprocess.run(
        ["docker", "run", "--rm", "--network=none", "--user=10001:10001", "--tmpfs=/run/nginx:uid=10001",
         "--tmpfs=/var/cache/nginx:uid=10001", "--add-host=app-wsgi:127.0.0.1", "--add-host=app-asgi:127.0.0.1",
         f"--volume={folder}:/srv/edge:ro", "--entrypoint=nginx", image, "-t", "-q", "-c", "/srv/edge/nginx.conf"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return tested.returncode, tested.stdout + tested.stderr


@pytest.mark.parametrize("example", languages("nginx"), ids=str)
def test_nginx_takes_an_example_of_routes(example: Example, tmp_path: Path, edge_image: str) -> None:
    lines = [line for line in example.text.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not (found := LINE.fullmatch(line)) or found[1] not in HANDLERS] == []
    assert nginx_says(example.text, tmp_path / "edge", edge_image) == (0, "")


def test_nginx_says_what_the_page_says_about_a_mistake(tmp_path: Path, edge_image: str) -> None:
    code, told = nginx_says("location /x/ { include handlers/none.conf; }\n", tmp_path / "edge", edge_image)
    page = (KIT / "docs" / "troubleshooting.md").read_text()
    assert code != 0
    for words in NGINX_SAYS:
        assert f"`{words}`" in page
        assert all(piece in told for piece in words.split("…")), told


PREPARED = """
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"])
django.setup()
"""


@pytest.mark.parametrize("example", languages("python"), ids=str)
def test_an_example_of_python_runs(example: Example) -> None:
    ast.parse(example.text)
    ruff = Path(sys.executable).with_name("ruff")
    unclean = subprocess.run(
        [ruff, "check", "--isolated", "--quiet", "--select=E,F,I", "--line-length=120", "-"],
        input=example.text, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert unclean.stdout == ""
    run = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", PREPARED + example.text],
        check=False, capture_output=True, text=True, cwd=KIT / "docker",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
