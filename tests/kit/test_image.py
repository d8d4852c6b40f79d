"""Building an image: what is staged is readable by its user, and what is shown of a build can be read by a person."""

import importlib.util
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "ansible" / "plugins" / "action" / "image.py"
SPEC = importlib.util.spec_from_file_location("image_action", PLUGIN)
assert SPEC is not None
assert SPEC.loader is not None
image = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(image)


def test_a_closed_checkout_makes_an_open_image(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir(mode=0o700)
    for name, mode in (("inner/redis.conf", 0o600), ("start.py", 0o700)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    image.open_to_all(tmp_path)
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"inner": 0o755, "inner/redis.conf": 0o644, "start.py": 0o755}


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        ("[2/3] RUN --mount=type=secret,id=pip,target=/etc/pip.conf   pip install x", "[2/3] pip install x"),
        (f"[2/3] RUN {'x' * 200}", f"[2/3] {'x' * 92} …"),
    ],
)
def test_a_step_is_shown_in_one_readable_line(step: str, shown: str) -> None:
    assert image.brief(step) == shown


def test_a_build_that_failed_tells_what_its_step_said_and_nothing_twice() -> None:
    lines = [
        "#4 [1/2] FROM docker.io/library/base",
        "#4 DONE 0.0s",
        "#5 [2/2] RUN pip install nothing",
        "#5 1.204 ERROR: No matching distribution found for nothing",
        "#5 ERROR: executor failed running [/bin/sh -euc pip install nothing]: exit code: 1",
        "------",
        " > [2/2] RUN pip install nothing:",
        "#5 1.204 ERROR: No matching distribution found for nothing",
    ]
    assert image.reason(lines).splitlines() == [
        "ERROR: No matching distribution found for nothing",
        "at the step [2/2] pip install nothing",
    ]
