"""The threads of an ASGI process: few, lent to requests and sockets while these run synchronous code. Used by asgi.

Django gives each request a thread of its own as soon as it runs anything synchronous (a stock middleware, a query),
and keeps it, with its database connection, until the request ends: a thousand event streams would hold a thousand
threads. Here a request borrows one: for as long as middleware or a synchronous view runs, then, in an async view, a
stream or a socket, only while there is something to do. It goes back without database connections.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

IDLE_SECONDS = (
    0.02  # how long a borrower keeps its thread between two calls: a view's queries follow each other at once
)
WAIT_SECONDS = 30.0  # for a thread; who waits longer stands behind calls that hang


class Busy(Exception):  # noqa: N818 - not a fault of the code that sees it
    """No thread became free in time."""


class Threads:
    """A number of single threads. Everything but the work itself happens on the event loop that made it."""

    def __init__(self, count: int, clean: Callable[[bool], bool]) -> None:
        """`clean` is called in a thread before it is lent again, and says whether nothing is left behind.

        With True, when the borrower has gone, it leaves nothing, whatever it takes.
        """
        self.count = count
        self.clean = clean
        self.loop = asyncio.get_running_loop()
        self.loop_thread = threading.get_ident()
        self.made = 0
        self.free: list[ThreadPoolExecutor] = []
        self.waiting: deque[Lease] = deque()
        self.idle: set[Lease] = set()

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator["Lease"]:
        """A lease that asgiref uses for all thread-sensitive calls within; the first call takes a thread."""
        from asgiref.sync import SyncToAsync, ThreadSensitiveContext

        lease = Lease(self)
        async with ThreadSensitiveContext() as context:
            # Django's own context, entered further in, leaves an outer one in force.
            SyncToAsync.context_to_thread_executor[context] = lease
            try:
                yield lease
            finally:
                SyncToAsync.context_to_thread_executor.pop(context, None)
                lease.end()

    def want(self, lease: "Lease") -> None:
        """Give the lease a thread, now or when it is its turn."""
        self.waiting.append(lease)
        if not self.free and self.made < self.count:
            self.made += 1
            self.free.append(ThreadPoolExecutor(1, thread_name_prefix=f"twinpool-{self.made}"))
        if not self.free and self.idle:
            self.idle.pop().release()
        self._serve()

    def take_back(self, thread: ThreadPoolExecutor) -> None:
        """Lend a thread again."""
        self.free.append(thread)
        self._serve()

    def on_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call something on the event loop, from any thread; nothing once the loop has ended."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(call, *arguments)

    def _serve(self) -> None:
        while self.free and self.waiting:
            self.waiting.popleft().receive(self.free.pop())


class Lease(Executor):
    """One borrower's claim on a thread; what is submitted runs there, one call at a time, in order."""

    def __init__(self, threads: Threads) -> None:
        self.holding = True
        self.refused = False
        self._threads = threads
        self._thread: ThreadPoolExecutor | None = None
        self._queue: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._open = 0
        self._cleaning = False
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self._at_end: list[Callable[[], None]] = []

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run a call in the borrowed thread; raises Busy through the future where none became free in time."""
        future: Future[Any] = Future()
        work = (future, partial(call, *arguments, **named))
        if threading.get_ident() == self._threads.loop_thread:
            self._start(work)
        else:
            self._threads.on_loop(self._start, work)
        return future

    def hold(self) -> None:
        """Keep the same thread from now on: middleware and views leave things in its thread-locals."""
        self.holding = True
        self._stop_timer()

    def float(self) -> None:
        """From now on keep a thread only while there is something to do."""
        self.holding = False
        self._rest()

    def rest(self) -> None:
        """A good moment to give the thread back, between two chunks, say; nothing while it is held or busy."""
        if not self.holding and not self._open:
            self.release()

    def end(self) -> None:
        """The borrower has gone; the thread comes back when the last call has ended."""
        self._ended = True
        self.holding = False
        self._rest()

    def when_ended(self, call: Callable[[], None]) -> None:
        """Call this once the borrower has gone and its last call, which nobody can stop, has ended too."""
        self._at_end.append(call)

    def receive(self, thread: ThreadPoolExecutor) -> None:
        """Take the thread that was waited for."""
        self._stop_timer()
        self._thread = thread
        self._flush()
        if not self._open:
            self._rest()

    def release(self) -> None:
        """Clean the thread and give it back, if there is one; a call that comes meanwhile still gets it."""
        self._stop_timer()
        if self._thread and not self._cleaning:
            self._cleaning = True
            done = self._thread.submit(self._threads.clean, self._ended)
            done.add_done_callback(partial(self._threads.on_loop, self._cleaned, self._ended))

    def _cleaned(self, forced: bool, done: Future[bool]) -> None:
        self._cleaning = False
        thread, broken = self._thread, done.exception() is not None
        if self._open or thread is None:
            return
        if not forced and (broken or not done.result()):
            # A transaction is open across two calls: its thread must be kept, until the borrower goes.
            if self._ended:
                self.release()
            return
        if broken:
            thread.shutdown(wait=False)
            thread = ThreadPoolExecutor(1, thread_name_prefix="twinpool-new")
        self._thread = None
        self._threads.take_back(thread)

    def _start(self, work: tuple[Future[Any], Callable[[], Any]]) -> None:
        self._queue.append(work)
        self._open += 1
        if self._thread:
            self._stop_timer()
            self._flush()
        elif self not in self._threads.waiting:
            self._timer = self._threads.loop.call_later(WAIT_SECONDS, self._give_up)
            self._threads.want(self)

    def _flush(self) -> None:
        assert self._thread is not None  # noqa: S101 - for mypy
        while self._queue:
            future, call = self._queue.popleft()
            running = self._thread.submit(_run, future, call)
            running.add_done_callback(lambda _: self._threads.on_loop(self._finished))

    def _finished(self) -> None:
        self._open -= 1
        if not self._open:
            self._rest()

    def _rest(self) -> None:
        if self.holding or self._open:
            return
        if self._ended:
            calls, self._at_end = self._at_end, []
            for call in calls:
                call()
        if self._thread is None:
            return
        if self._ended or self._threads.waiting:
            self.release()
        elif self._timer is None:
            self._threads.idle.add(self)
            self._timer = self._threads.loop.call_later(IDLE_SECONDS, self.release)

    def _give_up(self) -> None:
        self._timer = None
        self._threads.waiting.remove(self)
        self.refused = True
        while self._queue:
            future, _ = self._queue.popleft()
            self._open -= 1
            if future.set_running_or_notify_cancel():
                future.set_exception(Busy(f"no thread became free within {WAIT_SECONDS:g} s"))
        self._rest()

    def _stop_timer(self) -> None:
        self._threads.idle.discard(self)
        if self._timer:
            self._timer.cancel()
            self._timer = None


def _run(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
