import os

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def served_by(get_response):
    """Names the pool whose process answers, in a header, so that HEAD and a refusal show it too."""
    pool = os.environ.get("TWINPOOL_POOL", "none")
    if iscoroutinefunction(get_response):

        async def middleware(request):
            response = await get_response(request)
            response["X-Served-By"] = pool
            return response
    else:

        def middleware(request):
            response = get_response(request)
            response["X-Served-By"] = pool
            return response

    return middleware


@sync_and_async_middleware
def partner_urls(get_response):
    """Gives the paths below /partner/ a URLconf of their own."""

    def choose(request):
        if request.path_info.startswith("/partner/"):
            request.urlconf = "streams.partner_urls"

    if iscoroutinefunction(get_response):

        async def middleware(request):
            choose(request)
            return await get_response(request)
    else:

        def middleware(request):
            choose(request)
            return get_response(request)

    return middleware
