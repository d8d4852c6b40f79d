"""One hold from its proof to its report: prove, measure, connect, load, stop, settle. For the command and tests."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from twinpool.hold import phases
from twinpool.hold.client import Client
from twinpool.hold.connection import TransportError
from twinpool.hold.ledger import Numbers
from twinpool.hold.load import Load
from twinpool.hold.options import Options
from twinpool.hold.pages import Pages
from twinpool.hold.phases import Hold
from twinpool.hold.probe import Probe, Wrong, prove
from twinpool.hold.report import Report, report
from twinpool.hold.sockets import Socket
from twinpool.hold.streams import Stream
from twinpool.hold.target import CannotRun, Target

ENDING_SECONDS = 5


async def hold(
    options: Options, stop: asyncio.Event, ready: Callable[[], None], watch: Callable[[Hold], None] = lambda _: None
) -> Report:
    """Holds until `stop` or for the seconds of the options; calls `ready` once everything is connected.

    `watch` is called with the running hold before that. Raises CannotRun where the deployment cannot be judged: the
    URL does not prove the secret, or clients do not get connected while nothing has changed yet.
    """
    running = Hold(options, Target.parse(options.url, options.connect, options.ca), _secret(options))
    watch(running)
    probe = Probe(running.target, running.secret)
    browser = Client(running.target)
    pages = Pages(browser, running.tally, tuple(dict.fromkeys(["/", *options.pages])))
    try:
        load = await _begin(running, probe, pages)
        return await _held(running, load, pages, stop, ready)
    finally:
        await probe.client.close()
        await browser.close()


async def _begin(running: Hold, probe: Probe, pages: Pages) -> Load:
    """The proof, the pages as they are before, and the number that all clients join from."""
    try:
        page, event = await prove(probe)
        for who in (page, event):
            running.tally.saw(who.pool, who.release)
        await pages.measure()
        asynchronous = "asgi" in (page.pool, event.pool)
        first = await probe.publish("hold") if asynchronous else 0
    except (TransportError, Wrong) as error:
        raise CannotRun(
            f"{running.target.origin} cannot be held: {error}. Is the deployment up, and the URL its own?"
        ) from None
    if asynchronous:
        running.sockets += [Socket(running.target, running.secret, first) for _ in range(running.options.sockets)]
        running.streams += [Stream(running.target, running.secret, first) for _ in range(running.options.streams)]
    return Load(probe, running.tally, Numbers(first), asynchronous, page.pool != event.pool)


async def _held(running: Hold, load: Load, pages: Pages, stop: asyncio.Event, ready: Callable[[], None]) -> Report:
    options = running.options
    begun = time.monotonic()
    keeping = [
        asyncio.create_task(phases.after(i * phases.CONNECT_EVERY, c.keep())) for i, c in enumerate(running.clients)
    ]
    try:
        await phases.connected(running, keeping, stop)
        await phases.delivered(running, load)
        ready()
        working = [asyncio.create_task(load.run(options.rate, stop)), asyncio.create_task(pages.run(stop))]
        try:
            await phases.until(stop, begun + options.seconds - time.monotonic(), [*keeping, *working])
            stop.set()
            await asyncio.gather(*working)
        finally:
            await phases.cancel(working)
        if load.sockets:
            await load.publish()  # after everything has moved: it must still reach each client
        await phases.settled(running, load.published)
        return report(
            running.target.origin,
            time.monotonic() - begun,
            options.rate,
            options.window,
            running.sockets,
            running.streams,
            load.published,
            running.tally,
            load.probe.client.stale + pages.client.stale,
        )
    finally:
        await phases.cancel(keeping)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING_SECONDS):
                await asyncio.gather(*(client.close() for client in running.clients))


def _secret(options: Options) -> str:
    file = options.probe_secret_file
    try:
        secret = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(
            f"The probe secret cannot be read from {file} ({error}); give the deployment's own file."
        ) from None
    if not secret or not secret.isascii() or not secret.isprintable():
        raise CannotRun(f"{file} holds no probe secret; it takes one line of printable ASCII.")
    return secret
