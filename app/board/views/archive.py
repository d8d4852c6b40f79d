"""The archive: search and figures over everything said. Synchronous and heavy on queries, as such pages are."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q
from django.db.models.functions import TruncMonth
from django.shortcuts import render
from django.views.decorators.http import require_safe

from board import limits
from board.models import Message, Notice, Room


@login_required
@require_safe
def archive(request):
    rooms = Room.objects.visible_to(request.user)
    said = Message.objects.filter(room__in=rooms.values("pk")).select_related("author", "room")
    noticed = Notice.objects.filter(withdrawn=False).select_related("author")
    # NUL is no text to PostgreSQL.
    wanted = {key: request.GET.get(key, "").replace("\x00", "").strip()[:100] for key in ("q", "room", "by")}
    found = said.order_by("-posted", "-pk")
    if wanted["q"]:
        found = found.filter(text__icontains=wanted["q"])
        noticed = noticed.filter(Q(title__icontains=wanted["q"]) | Q(text__icontains=wanted["q"]))
    if wanted["room"]:
        found = found.filter(room__slug=wanted["room"])
    if wanted["by"]:
        found = found.filter(author__username=wanted["by"])
    months = (
        said.annotate(month=TruncMonth("posted")).values("month").annotate(count=Count("pk")).order_by("-month")[:12]
    )
    page = {
        **wanted,
        "page": Paginator(found, limits.PAGE).get_page(request.GET.get("page")),
        "notices": noticed[:10] if wanted["q"] else (),
        "rooms": rooms,
        "months": months,
        "busiest": max((month["count"] for month in months), default=1),
        "authors": said.values("author__username")
        .annotate(count=Count("pk"), last=Max("posted"))
        .order_by("-count")[:8],
    }
    return render(request, "board/archive.html", page)
