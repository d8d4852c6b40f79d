"""The command line of hold: files, signals, one line of progress, the receipt and the exit code."""

import asyncio
import contextlib
import resource
import signal
import sys
import time
from pathlib import Path

from twinpool.hold.judgement import judge
from twinpool.hold.options import Files, Options, parse
from twinpool.hold.phases import Hold
from twinpool.hold.receipt import as_json, could_not_run, receipt
from twinpool.hold.report import Report
from twinpool.hold.run import hold
from twinpool.hold.target import CannotRun

GREEN, RED, COULD_NOT_RUN = 0, 1, 2
LOOK_EVERY = 0.2  # seconds between looks at the stop file
OPEN_FILES = 4096  # above the caps on sockets, streams and requests together


def main(argv: list[str]) -> int:
    """Holds and prints the receipt; 0 green, 1 red, 2 could not run."""
    try:
        options, files = parse(argv)
    except SystemExit as left:
        return int(left.code or 0)
    try:
        _prepare(files)
        report = asyncio.run(_run(options, files))
        print(receipt(report))
        _write(files.json, as_json(report))
    except CannotRun as refusal:
        return _could_not_run(str(refusal), files)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _could_not_run("stopped twice, so nothing was judged.", files)
    return RED if judge(report) else GREEN


def _could_not_run(reason: str, files: Files) -> int:
    print(f"twinpool hold: {reason}", file=sys.stderr)
    with contextlib.suppress(CannotRun):
        _write(files.json, could_not_run(reason))
    return COULD_NOT_RUN


def _prepare(files: Files) -> None:
    """A stop file left from before would end this hold at once; a ready file or report would answer too soon."""
    if files.stop and files.stop.exists():
        raise CannotRun(f"The stop file {files.stop} is there already; remove it, or give one that is not.")
    try:
        if files.ready:
            files.ready.unlink(missing_ok=True)
    except OSError as error:
        raise CannotRun(
            f"The ready file {files.ready} cannot be removed ({error.strerror}); give another path."
        ) from None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


async def _run(options: Options, files: Files) -> Report:
    stop = asyncio.Event()
    holds: list[Hold] = []
    main_task = asyncio.current_task()

    def end() -> None:
        if stop.is_set() and main_task:
            main_task.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    looking = asyncio.create_task(_look(files.stop, stop, holds))
    try:
        return await hold(options, stop, lambda: _write(files.ready, "ready\n"), holds.append)
    finally:
        looking.cancel()
        _show("")


async def _look(stop_file: Path | None, stop: asyncio.Event, holds: list[Hold]) -> None:
    begun = time.monotonic()
    while True:
        if stop_file and stop_file.exists():  # noqa: ASYNC240 - one stat, five times a second
            stop.set()
        for one in holds:
            held = f"{one.connected} of {len(one.clients)} sockets and streams up"
            counts = f"{one.tally.answered} answered, {one.tally.failed.total()} failed"
            _show(f"holding for {time.monotonic() - begun:.0f} s: {held}, {counts}")
        await asyncio.sleep(LOOK_EVERY)


def _show(line: str) -> None:
    """The one line of progress, where a person looks on."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{line}", end="", flush=True)


def _write(file: Path | None, text: str) -> None:
    """Writes a file so that whoever waits for it never sees half of it."""
    if file is None:
        return
    half = file.with_name(f".{file.name}.half")
    try:
        half.write_text(text)
        half.replace(file)
    except OSError as error:
        raise CannotRun(f"{file} cannot be written ({error.strerror}); give a path in a folder that can be.") from None
