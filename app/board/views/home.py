"""The start page: what is on the board, and the way to the rooms."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from board import limits, live
from board.models import Notice, Room, Sequence


@require_safe
def home(request):
    # Read before the notices: one that is stored in between comes twice, and the page knows it by its id.
    last = Sequence.latest(live.NOTICES)
    notices = Notice.objects.filter(withdrawn=False).select_related("author")[: limits.PAGE]
    rooms = Room.objects.visible_to(request.user)
    return render(request, "board/home.html", {"notices": notices, "last_notice": last, "rooms": rooms})
