"""The command line of hold: files, exit codes, the receipt's lines, and the one sentence where it cannot run."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from twinpool.hold import main

from .fake_deployment import SECRET, FakeDeployment, deployed

SMALL = ["--sockets", "9", "--streams", "2", "--rate", "20", "--window", "1"]


class Files:
    def __init__(self, folder: Path) -> None:
        self.secret, self.ready, self.stop, self.json = (folder / n for n in ("probe", "ready", "stop", "json"))
        self.secret.write_text(SECRET)

    @property
    def arguments(self) -> list[str]:
        named = {"--probe-secret-file": self.secret, "--ready-file": self.ready, "--stop-file": self.stop}
        return [*(str(a) for pair in named.items() for a in pair), "--json", str(self.json), *SMALL]


async def run(
    site: FakeDeployment, files: Files, *more: str, code: int = 1012, sign: int | None = None
) -> tuple[int, str]:
    """Runs the real command; drains the site once it is ready, then ends it by the stop file or a signal."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "twinpool.hold", site.url, *files.arguments, *more],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    ended = asyncio.create_task(process.communicate())
    while not files.ready.exists() and not ended.done():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.05)
    if not ended.done():
        site.release = "r2"
        await site.close_spread(1, code)
        os.kill(process.pid, sign) if sign else files.stop.write_text("")
    out, _ = await ended
    assert process.returncode is not None
    return process.returncode, out.decode()


def held(folder: Path, *more: str, code: int = 1012, sign: int | None = None) -> tuple[int, str]:
    async def story() -> tuple[int, str]:
        async with deployed() as site:
            return await run(site, Files(folder), *more, code=code, sign=sign)

    return asyncio.run(story())


def test_green_leaves_with_0_and_a_receipt_that_a_stranger_understands(tmp_path: Path) -> None:
    code, out = held(tmp_path)
    lines = {line[:16].strip(): line[16:] for line in out.splitlines()}
    assert code == 0
    assert len(out.splitlines()) == 12
    assert out.splitlines()[-1] == "verdict         GREEN: nothing failed, nothing was lost"
    assert lines["release"] == "asgi r1 → r2, wsgi r1 → r2"
    assert lines["sockets moved"] == "9 of 9, closed with 1012 x9"
    assert lines["sockets back"].startswith("9 of 9 at the first try")
    assert lines["messages"].endswith("to 11 clients, 0 lost")
    said = json.loads((tmp_path / "json").read_text())
    assert (said["verdict"], said["reasons"], said["sockets"]["codes"]) == ("green", [], {"1012": 9})


def test_red_leaves_with_1_and_says_why_in_its_last_line(tmp_path: Path) -> None:
    code, out = held(tmp_path, code=1011)
    assert code == 1
    assert out.splitlines()[-1] == "verdict         RED: sockets closed with 1011 x9 instead of 1012"
    assert json.loads((tmp_path / "json").read_text())["verdict"] == "red"


def test_sigterm_ends_the_hold_and_still_judges(tmp_path: Path) -> None:
    code, out = held(tmp_path, sign=signal.SIGTERM)
    assert code == 0
    assert "GREEN" in out


def test_the_secret_is_in_no_output(tmp_path: Path) -> None:
    _, out = held(tmp_path)
    assert SECRET not in out + (tmp_path / "json").read_text()


def test_a_wrong_secret_leaves_with_2_and_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    code, out = held(tmp_path, "--probe-secret-file", str(tmp_path / "wrong"))
    assert code == 2
    assert out.startswith("twinpool hold: http://127.0.0.1:")
    assert "does not prove the probe secret: GET who answered 404" in out
    assert not (tmp_path / "ready").exists()
    assert json.loads((tmp_path / "json").read_text())["verdict"] == "could not run"


def test_what_cannot_run_leaves_with_2(tmp_path: Path) -> None:
    secret = tmp_path / "probe"
    url = "http://127.0.0.1:9"
    assert main([url, "--probe-secret-file", str(secret)]) == 2  # no such file
    secret.write_text("\n")
    assert main([url, "--probe-secret-file", str(secret)]) == 2  # empty
    secret.write_text(SECRET)
    assert main([url, "--probe-secret-file", str(secret)]) == 2  # nobody answers
    assert main([url]) == 2  # no secret given
    assert main([url, "--probe-secret-file", str(secret), "--sockets", "100000"]) == 2  # above the cap
    assert main([url + "/shop/", "--probe-secret-file", str(secret)]) == 2  # no site's root
    assert main(["http://192.0.2.1", "--connect", "8.8.8.8:80", "--probe-secret-file", str(secret)]) == 2


def test_a_stop_file_left_from_before_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stop").write_text("")
    code, out = held(tmp_path)
    assert code == 2
    assert "is there already" in out
