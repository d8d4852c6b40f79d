import asyncio
import hashlib
import os
import threading


def facts(request, view, **more):
    """What a test wants to know of who answered: the pool, what the code runs in, and the body that arrived."""
    try:
        nature = f"coroutine in {asyncio.current_task().get_name()}"
    except RuntimeError:
        nature = f"thread {threading.current_thread().name}"
    return {
        "view": view,
        "pool": os.environ.get("TWINPOOL_POOL", "none"),
        "runs_in": nature,
        "method": request.method,
        "length": len(request.body),
        "sha256": hashlib.sha256(request.body).hexdigest(),
        **more,
    }
