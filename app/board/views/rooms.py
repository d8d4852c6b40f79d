"""The list of rooms, and a room: its page, and the form that posts to it where no script runs."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Max
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from board import chat, limits
from board.models import Room


@login_required
@require_safe
def rooms(request):
    visible = Room.objects.visible_to(request.user)
    told = Room.objects.filter(pk__in=visible.values("pk")).order_by("name")
    told = told.annotate(count=Count("messages"), latest=Max("messages__posted"))
    return render(request, "board/rooms.html", {"rooms": told})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def room(request, slug):
    here = get_object_or_404(Room.objects.visible_to(request.user), slug=slug)
    if request.method == "POST":
        try:
            chat.say(here, request.user, request.POST.get("text", ""), uuid.uuid4())
        except chat.RefusedError as refused:
            messages.error(request, str(refused))
        return redirect(here)
    said = chat.recent(here)
    page = {
        "room": here,
        "said": said,
        "last": said[-1].number if said else 0,
        "earlier": bool(said) and said[0].number > 1,
        "length": limits.MESSAGE_LENGTH,
    }
    return render(request, "board/room.html", page)
