"""The innermost middleware: confirms the hand-over beside the view and sees the view's own answer. Named by overlay."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from twinpool.handover import decision as handover
from twinpool.handover import visit
from twinpool.handover.visit import Visit

logger = logging.getLogger("twinpool.handover")


def confirm(get_response: Any) -> Any:
    """Django's middleware factory, for both ways of running; neither costs a change of thread."""
    return _Async(get_response) if iscoroutinefunction(get_response) else _Sync(get_response)


confirm.sync_capable = True  # type: ignore[attr-defined]
confirm.async_capable = True  # type: ignore[attr-defined]


class _Sync:
    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        here = visit.of(request)
        return _on_wsgi(here, response) if here and here.hop is None else response

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> Any:
        here = visit.of(request)
        return _placeholder() if here and here.confirm(request.resolver_match) else None


class _Async:
    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: Any) -> Any:
        response = await self.get_response(request)
        here = visit.of(request)
        if here and here.hop is None:
            if here.lease:
                here.lease.hold()  # middleware on the way out, which may want the thread that it had on the way in
            _note(here, response)
        return response

    async def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> Any:
        here = visit.of(request)
        if not here:
            return None
        if here.confirm(request.resolver_match):
            return _placeholder()
        if here.view and here.view.nature == "async":
            here.calm()
        return None


def _placeholder() -> Any:
    """What runs through the middleware on its way out; the entry sends the hop in its place."""
    from django.http import HttpResponse

    return HttpResponse()


def _note(here: Visit, response: Any) -> bool:
    """Take note of a view's answer; True if it is an async stream."""
    from django.http import FileResponse

    if not getattr(response, "streaming", False):
        return False
    # A file is sent by the server and taken in whole by the edge: it holds nobody up.
    here.streaming = not isinstance(response, FileResponse)
    found: bool = getattr(response, "is_async", False)
    if found and here.view and here.view.nature == "sync" and here.memory.remember_stream(here.view.key):
        logger.info(
            "%s is synchronous and answers with an async stream: it goes to the ASGI pool from now on", here.name
        )
    return found


def _on_wsgi(here: Visit, response: Any) -> Any:
    """What becomes of a view's answer on WSGI: an async stream goes to the other pool, or else holds a thread."""
    if not _note(here, response):
        return response
    sync = here.view is not None and here.view.nature == "sync"
    hop = handover.after_view(here.facts()) if sync else None
    if hop and here.arrival.safe:
        response.close()
        here.hop, here.streaming = hop, False
        return _placeholder()
    if hop:
        response.close()
        here.streaming = False
        return _refusal(here)
    response.streaming_content = in_thread(response.streaming_content)
    return response


def _refusal(here: Visit) -> Any:
    from django.http import HttpResponse

    logger.error(
        "%s answered %s %s with an async stream in the WSGI pool, and an unsafe request cannot be made twice: refused. "
        "Later ones go to ASGI. Mend: pin the path in deploy/routes.conf, as "
        "`location = %s { include handlers/asgi-http.conf; }`, or make the view `async def`.",
        here.name,
        here.arrival.method,
        here.arrival.path,
        here.arrival.path,
    )
    return HttpResponse("This view cannot answer here.\n", status=500, content_type="text/plain; charset=utf-8")


def in_thread(content: AsyncIterator[bytes]) -> Iterator[bytes]:
    """An async stream's chunks as they come, in the calling thread: for a view that is pinned to WSGI.

    Django itself would read the stream to its end before the first byte.
    """
    with asyncio.Runner() as runner:
        iterator = aiter(content)
        try:
            while True:
                try:
                    yield runner.run(_next(iterator))
                except StopAsyncIteration:
                    return
        finally:
            if close := getattr(iterator, "aclose", None):
                runner.run(close())


async def _next(iterator: AsyncIterator[bytes]) -> bytes:
    return await anext(iterator)
