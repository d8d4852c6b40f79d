"""Headers of every answer: a strict Content-Security-Policy, and which pool made it, as the pages' badge shows."""

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

from board.context import place

# No inline script or style, nothing from elsewhere, no frames around us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def marked(response):
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Served-By"] = place()["pool"]
    return response


@sync_and_async_middleware
def headers(get_response):
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return marked(await get_response(request))

    else:

        def middleware(request):
            return marked(get_response(request))

    return middleware
