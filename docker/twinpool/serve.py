"""`twinpool serve wsgi|asgi`: the small parent (PID 1) that starts a pool's server and drains it. See drain.py.

It holds no secrets and imports neither project nor server: the server's processes do.

    SIGUSR1   out of rotation, no new sockets; DRAIN_LEAVE; then as SIGTERM
    SIGTERM   out of rotation; sockets and streams move over DRAIN_WINDOW; then the server gets SIGTERM and GRACEFUL
    SIGTERM again: hurry
"""

import importlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from typing import Literal

from twinpool.environment import BadValue, Environment, Pool
from twinpool.pools.drain import BOOT_ERROR, HURRY_SECONDS, Order, Sign

SERVERS: dict[str, str] = {"wsgi": "gunicorn", "asgi": "uvicorn"}
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD}
LOOK_SECONDS = 0.2
# Beyond the window: the processes' look at the sign, a stream's wait for the end of its event (twice), their report.
WINDOW_MARGIN = 6.0
# Beyond GRACEFUL: what the server itself takes to end. STOP_GRACE of the deploy is above the sum of all.
STOP_MARGIN = 5.0
Phase = Literal["serving", "leaving", "draining", "stopping"]


def main(argv: list[str]) -> int:
    """Serves until a signal; returns 0 after a drain in order, else the server's own code or 1 with the reason."""
    if len(argv) != 1 or argv[0] not in SERVERS:
        print("usage: twinpool serve wsgi|asgi", file=sys.stderr)
        return 2
    environ = {"PYTHONUNBUFFERED": "1", **os.environ, "TWINPOOL_POOL": argv[0]}
    environment = Environment.from_environ(environ)
    if not environment.project.is_dir():
        raise BadValue(f"TWINPOOL_PROJECT is {environment.project}, which is no folder; it is the one with manage.py.")
    os.chdir(environment.project)
    sign = Sign(environment.run)
    _prepare(environment, sign, environ)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    command = importlib.import_module(f"twinpool.servers.{SERVERS[argv[0]]}").command(environment)
    # A group of its own: what a terminal or a supervisor sends to the whole group is the parent's to pass on.
    server = os.posix_spawn(command[0], command, environ, setpgroup=0, setsigmask=[])
    return Parent(environment, sign, server).run()


def _prepare(environment: Environment, sign: Sign, environ: dict[str, str]) -> None:
    """An empty folder for signs and figures: it may be that of an earlier run of the same container."""
    try:
        sign.clear()
        (environment.run / "streaming-views").unlink(missing_ok=True)
        metrics = environment.run / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir()
    except OSError as error:
        raise BadValue(
            f"TWINPOOL_RUN is {environment.run}, which cannot be written ({error.strerror}); a tmpfs is best."
        ) from None
    environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)


class Parent:
    """The phases of one server's life. Every phase but serving has an end that is reckoned when it begins."""

    def __init__(
        self, environment: Environment, sign: Sign, server: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.environment = environment
        self.pool: Pool = environment.pool or "wsgi"
        self.sign = sign
        self.server = server
        self.phase: Phase = "serving"
        self.ends = float("inf")
        self.terms = 0
        self.code: int | None = None
        self.failed = False
        self._clock = clock

    def run(self) -> int:
        """Until the server has ended; the exit code."""
        while self.code is None:
            if received := signal.sigtimedwait(SIGNALS, LOOK_SECONDS):
                self.receive(received.si_signo)
            self.reap()
            self.look()
        return self.exit_code()

    def receive(self, number: int) -> None:
        """Do what a signal asks for."""
        if number in (signal.SIGTERM, signal.SIGINT):
            self.terms += 1
            if self.phase in ("serving", "leaving"):
                self.drain(self.environment.drain_window)
            elif self.phase == "draining" and self.terms > 1:
                self.drain(HURRY_SECONDS)
        elif number == signal.SIGUSR1 and self.phase == "serving":
            self.leave()

    def leave(self) -> None:
        """Out of rotation; the sockets are left alone for DRAIN_LEAVE."""
        if self.pool == "wsgi" or not self.environment.drain_leave:
            self.drain(self.environment.drain_window)
            return
        self.sign.give(Order("leaving", self.environment.drain_window))
        self._enter("leaving", self.environment.drain_leave)

    def drain(self, window: float) -> None:
        """Move sockets and streams over the window; a WSGI server's own graceful stop does the same for requests."""
        if self.pool == "wsgi":
            # Its event streams are in threads that the graceful stop waits for: they leave before it cuts them.
            self.sign.give(Order("draining", min(window, self.environment.graceful / 2)))
            self.stop()
            return
        self.sign.give(Order("draining", window))
        self._enter("draining", window + WINDOW_MARGIN)

    def stop(self) -> None:
        """Let the server end what is under way."""
        self._enter("stopping", self.environment.graceful + STOP_MARGIN)
        self._kill(signal.SIGTERM)

    def look(self) -> None:
        """Go on to the next phase where this one is over."""
        if self.phase == "serving" and self.sign.reason():
            self.stop()
        over = self._clock() >= self.ends
        if self.phase == "leaving" and (over or self.sign.all_done()):
            self.drain(self.environment.drain_window)
        elif self.phase == "draining" and (over or self.sign.all_done()):
            self.stop()
        elif self.phase == "stopping" and over:
            print("twinpool serve: the server did not end in time and is killed", file=sys.stderr, flush=True)
            self.failed, self.ends = True, float("inf")
            self._kill(signal.SIGKILL)

    def reap(self) -> None:
        """Take leave of every process that has ended: PID 1 inherits those of others too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.server:
                self.code = os.waitstatus_to_exitcode(status)

    def exit_code(self) -> int:
        """0 where the server was told to end and did; else its own code, 128 + n for signal n, and never 0.

        BOOT_ERROR where a process gave up, whose reason is then the last line.
        """
        assert self.code is not None  # noqa: S101 - for mypy
        code = self.code if self.code >= 0 else 128 - self.code
        if why := self.sign.reason():
            print(f"twinpool serve: {why}", file=sys.stderr, flush=True)
            return BOOT_ERROR
        if self.phase == "stopping" and not self.failed and self.code in (0, -signal.SIGTERM):
            return 0
        if self.phase != "stopping":
            print(f"twinpool serve: the server ended by itself with code {code}", file=sys.stderr, flush=True)
        return code if code and not self.failed else 1

    def _enter(self, phase: Phase, seconds: float) -> None:
        self.phase, self.ends = phase, self._clock() + seconds
        print(f"twinpool serve: {phase}, at most {seconds:g} s", file=sys.stderr, flush=True)

    def _kill(self, number: int) -> None:
        try:
            os.kill(self.server, number)
        except ProcessLookupError:
            return
