import os


class ServedBy:
    """Names the pool whose process answers. Synchronous only, as many a project's middleware is."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Served-By"] = os.environ.get("TWINPOOL_POOL", "none")
        return response
