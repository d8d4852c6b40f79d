"""The knobs: what the list says is what is taken, and a mistake is one sentence."""

from pathlib import Path

import knobs
import project
import pytest

KIT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "My_Shop"
    (folder / "deploy").mkdir(parents=True)
    return folder


def test_every_default_is_a_value_that_its_knob_takes() -> None:
    for knob in knobs.read_list().values():
        assert knob.meaning, f"{knob.name} has no comment"
        knobs.check(knob, knob.default)


def test_every_knob_is_used_outside_the_list() -> None:
    tree = "".join(
        path.read_text(errors="ignore")
        for folder in ("ansible", "docker", "Makefile")
        for path in ([KIT / folder] if folder == "Makefile" else (KIT / folder).rglob("*"))
        if path.is_file() and path != knobs.LIST and path.suffix != ".pyc"
    )
    assert [name for name in knobs.read_list() if name not in tree] == []


def test_the_name_is_the_projects_folder(shop: Path) -> None:
    assert knobs.gather({"PROJECT": str(shop)})["NAME"] == "my-shop"


def test_the_command_line_wins_over_the_projects_file(shop: Path) -> None:
    (shop / "deploy" / "twinpool.env").write_text("# ours\nTHREADS=4\nWORKERS=3\n")
    values = knobs.gather({"PROJECT": str(shop), "THREADS": "6"})
    assert (values["THREADS"], values["WORKERS"]) == ("6", "3")


def test_the_projects_own_variables_pass(shop: Path) -> None:
    (shop / "deploy" / "twinpool.env").write_text("ENV_EMAIL_HOST=mail.example\n")
    assert knobs.gather({"PROJECT": str(shop)})["ENV_EMAIL_HOST"] == "mail.example"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"PRT": "1"}, "did you mean PORT?"),
        ({"PORT": "99999"}, "a port from 1 to 65535"),
        ({"PORT": "http"}, "found 'http'"),
        ({"THREADS": "0"}, "a whole number from 1 to 64"),
        ({"TLS": "on"}, "one of off, local"),
        ({"HOSTS": "https://shop.example"}, "without scheme"),
        ({"HOSTS": "shop example"}, "without scheme"),
        ({"HOSTS": ""}, "HOSTS"),
        ({"ORIGINS": "shop.example"}, "https://shop.example"),
        ({"BIND": "everywhere"}, "an IPv4 address"),
        ({"TRUST": "10.0.0.0/99"}, "networks"),
        ({"NAME": "Shop!"}, "hyphens"),
        ({"SETTINGS": "shop/settings.py"}, "dotted module name"),
        ({"PAGES": "archive"}, "begin with /"),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected(given: dict[str, str], told: str) -> None:
    with pytest.raises(knobs.Refused, match=f"(?s){told}"):
        knobs.gather(given)


def test_a_line_that_is_no_assignment_is_refused(shop: Path) -> None:
    (shop / "deploy" / "twinpool.env").write_text("THREADS 4\n")
    with pytest.raises(knobs.Refused, match="line 1"):
        knobs.gather({"PROJECT": str(shop)})


def test_a_knob_of_the_command_line_alone_is_refused_in_a_file(shop: Path) -> None:
    (shop / "deploy" / "twinpool.env").write_text("FORCE=1\n")
    with pytest.raises(knobs.Refused, match="command line"):
        knobs.gather({"PROJECT": str(shop)})


@pytest.mark.parametrize("given", [{"HOSTS": "shop.example"}, {"BIND": "0.0.0.0"}])
def test_beyond_loopback_wants_tls(given: dict[str, str]) -> None:
    with pytest.raises(knobs.Refused, match="TLS"):
        knobs.together(knobs.gather(given))
    knobs.together(knobs.gather(given | {"TLS": "local"}))


def test_the_demo_sets_nothing_that_is_not_in_the_list() -> None:
    knobs.together(knobs.gather({}))


def test_a_folder_without_manage_py_is_refused(shop: Path) -> None:
    with pytest.raises(knobs.Refused, match=r"no manage\.py"):
        project.look(shop)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(knobs.Refused, match="there is no folder"):
        project.look(tmp_path / "nowhere")


def test_manage_py_one_folder_down_is_found(shop: Path) -> None:
    (shop / "src").mkdir()
    (shop / "src" / "manage.py").touch()
    assert project.look(shop) == "src"


@pytest.mark.parametrize("pin", ["django==4.2.1", "Django>=4,<5", "django~=5.1.0", "django<5.2"])
@pytest.mark.parametrize("file", ["requirements.txt", "pyproject.toml"])
def test_a_django_older_than_5_2_is_refused(shop: Path, pin: str, file: str) -> None:
    (shop / "manage.py").touch()
    text = (
        f"{pin}\n"
        if file == "requirements.txt"
        else f'[project]\nname = "x"\nversion = "1"\ndependencies = ["{pin}"]\n'
    )
    (shop / file).write_text(text)
    with pytest.raises(knobs.Refused, match=rf"{file} asks for [Dd]jango.*5\.2"):
        project.look(shop)


@pytest.mark.parametrize(
    "pin",
    ["django", "django>=4.2", "django==5.2.3", "django~=5.2", "django>=6,<7", "Django==6.0.1 ; python_version > '3.9'"],
)
def test_a_django_from_5_2_on_is_taken(shop: Path, pin: str) -> None:
    (shop / "manage.py").touch()
    (shop / "requirements.txt").write_text(f"-r more.txt\n{pin}  # ours\n")
    assert project.look(shop) == "."


def test_a_pin_in_an_included_file_is_seen(shop: Path) -> None:
    (shop / "manage.py").touch()
    (shop / "requirements.txt").write_text("-r base.txt\n")
    (shop / "base.txt").write_text("django==3.2\n")
    with pytest.raises(knobs.Refused, match=r"django==3\.2"):
        project.look(shop)


def test_what_was_meant_for_one_command_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a deploy with YES=1 would let a later `make destroy` ask nobody."""
    import hosts
    import play

    host = hosts.Host("localhost")
    monkeypatch.setattr(play, "STATE", tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "state.json").touch()
    values = knobs.gather({"NAME": "shop", "YES": "1", "FORCE": "1", "BASE": "1", "PORT": "8123"})
    play.remember(host, values)
    found = play.deployed("destroy", host, knobs.gather({"NAME": "shop"}), {"NAME": "shop"})
    assert (found["YES"], found["FORCE"], found["BASE"], found["PORT"]) == ("0", "0", "0", "8123")
