"""The parent's phases: their order, their bounds and the exit code, with a clock that the tests move."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
from twinpool import serve
from twinpool.environment import Environment
from twinpool.pools.drain import BOOT_ERROR, Sign
from twinpool.serve import STOP_MARGIN, WINDOW_MARGIN, Parent

LEAVE, WINDOW, GRACEFUL = 100.0, 30.0, 10.0


class Clocked(Parent):
    """A parent of a server that exists only on paper."""

    def __init__(self, environment: Environment, sign: Sign) -> None:
        self.now = 0.0
        self.killed: list[int] = []
        super().__init__(environment, sign, 0, lambda: self.now)

    def _kill(self, number: int) -> None:
        self.killed.append(number)

    def after(self, seconds: float) -> str:
        self.now += seconds
        self.look()
        return self.phase


@pytest.fixture
def asgi(tmp_path: Path) -> Clocked:
    environment = replace(
        Environment.from_environ({"TWINPOOL_POOL": "asgi", "TWINPOOL_RUN": str(tmp_path)}),
        drain_leave=LEAVE,
        drain_window=WINDOW,
        graceful=GRACEFUL,
    )
    sign = Sign(tmp_path)
    sign.clear()
    return Clocked(environment, sign)


@pytest.fixture
def wsgi(asgi: Clocked) -> Clocked:
    return Clocked(replace(asgi.environment, pool="wsgi"), asgi.sign)


def test_usr1_leaves_drains_stops_and_every_wait_is_bounded(asgi: Clocked) -> None:
    asgi.receive(signal.SIGUSR1)
    assert (asgi.phase, asgi.sign.order().state) == ("leaving", "leaving")
    assert asgi.after(LEAVE - 1) == "leaving"
    assert asgi.after(1) == "draining"
    assert asgi.after(WINDOW + WINDOW_MARGIN - 1) == "draining"
    assert asgi.killed == []
    assert asgi.after(1) == "stopping"
    assert asgi.killed == [signal.SIGTERM]
    asgi.after(GRACEFUL + STOP_MARGIN - 1)
    assert asgi.killed == [signal.SIGTERM]
    asgi.after(1)
    assert asgi.killed == [signal.SIGTERM, signal.SIGKILL]
    asgi.code = -signal.SIGKILL
    assert asgi.exit_code() == 1


def test_term_skips_what_is_left_of_leaving(asgi: Clocked) -> None:
    asgi.receive(signal.SIGUSR1)
    asgi.receive(signal.SIGTERM)
    assert asgi.phase == "draining"
    assert asgi.ends == WINDOW + WINDOW_MARGIN


def test_the_first_term_in_a_drain_changes_nothing_and_the_second_hurries(asgi: Clocked) -> None:
    asgi.receive(signal.SIGTERM)
    ends = asgi.ends
    asgi.receive(signal.SIGUSR1)
    assert asgi.ends == ends
    asgi.receive(signal.SIGTERM)
    assert asgi.ends < ends


def test_a_drain_ends_when_all_processes_are_done(asgi: Clocked) -> None:
    asgi.receive(signal.SIGTERM)
    asgi.sign.tell("serving")
    assert asgi.after(1) == "draining"
    asgi.sign.tell("done")
    assert asgi.after(1) == "stopping"


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_wsgi_stops_its_server_at_once(wsgi: Clocked, number: int) -> None:
    wsgi.receive(number)
    assert (wsgi.phase, wsgi.killed) == ("stopping", [signal.SIGTERM])
    assert wsgi.sign.order().state == "draining"


@pytest.mark.parametrize(
    ("told", "code", "exit_code"),
    [(True, 0, 0), (True, -15, 0), (True, 3, 3), (False, 3, 3), (False, 0, 1), (False, -9, 137), (True, -9, 137)],
)
def test_the_exit_code_is_honest(wsgi: Clocked, told: bool, code: int, exit_code: int) -> None:
    if told:
        wsgi.receive(signal.SIGTERM)
    wsgi.code = code
    assert wsgi.exit_code() == exit_code


def test_a_pool_that_gave_up_ends_with_its_reason(wsgi: Clocked, capfd: pytest.CaptureFixture[str]) -> None:
    wsgi.sign.give_up("waited 300 s for shop.0002_x not applied yet")
    assert wsgi.after(0.1) == "stopping"
    wsgi.code = 0
    assert wsgi.exit_code() == BOOT_ERROR
    assert "waited 300 s for shop.0002_x" in capfd.readouterr().err.splitlines()[-1]


def test_a_run_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from twinpool import cli

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TWINPOOL_PROJECT", str(tmp_path))
    monkeypatch.setenv("TWINPOOL_RUN", str(tmp_path / "file"))
    assert cli.main(["serve", "wsgi"]) == 1
    assert "TWINPOOL_RUN is" in capfd.readouterr().err
    assert serve.main(["neither"]) == 2
