import os


def served_by(get_response):
    """Names the pool whose process answers, in a header, so that HEAD and the admin show it too."""

    def middleware(request):
        response = get_response(request)
        response["X-Served-By"] = os.environ.get("TWINPOOL_POOL", "none")
        return response

    return middleware
