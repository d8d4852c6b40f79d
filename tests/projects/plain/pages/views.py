import hashlib
import os
import threading

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt


def home(request):
    name = request.POST.get("name", "")
    return render(request, "pages/home.html", {"name": name, "pool": os.environ.get("TWINPOOL_POOL", "none")})


@csrf_exempt
def whoami(request):
    return JsonResponse(
        {
            "view": "whoami",
            "pool": os.environ.get("TWINPOOL_POOL", "none"),
            "runs_in": threading.current_thread().name,
            "method": request.method,
            "length": len(request.body),
            "sha256": hashlib.sha256(request.body).hexdigest(),
        }
    )
