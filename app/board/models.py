"""Rooms, their messages, and notices. Whatever readers resume from carries a number without gaps, in commit order."""

import uuid

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from board import limits, live
from board.sequence import Sequence

__all__ = ["Message", "Notice", "Room", "Sequence"]


class RoomQuerySet(models.QuerySet["Room"]):
    def visible_to(self, user) -> "RoomQuerySet":
        """The rooms that `user` may read and write in: none before signing in, private ones by invitation."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(models.Q(private=False) | models.Q(members=user)).distinct()


class Room(models.Model):
    name = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    about = models.CharField(max_length=200, blank=True)
    private = models.BooleanField(default=False, help_text="Only the members chosen here see it.")
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="rooms")

    objects = RoomQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("room", args=[self.slug])

    @property
    def group(self) -> str:
        """The group of the channel layer that carries this room's messages."""
        return f"room.{self.pk}"


class Message(models.Model):
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages")
    number = models.PositiveBigIntegerField(editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="messages")
    text = models.TextField(max_length=limits.MESSAGE_LENGTH)
    # Made by the page that sends: a message sent twice, because its confirmation got lost, is stored once.
    client_id = models.UUIDField(default=uuid.uuid4, editable=False)
    posted = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("room", "number")
        constraints = (
            models.UniqueConstraint(fields=("room", "number"), name="message_number_once"),
            models.UniqueConstraint(fields=("room", "author", "client_id"), name="message_sent_once"),
        )
        indexes = (models.Index(fields=("author", "posted")), models.Index(fields=("posted",)))

    def __str__(self) -> str:
        return f"{self.room} {self.number}"


class Notice(models.Model):
    # The number of its last change, not of its birth: who resumes after it sees corrections and withdrawals too.
    number = models.PositiveBigIntegerField(unique=True, editable=False)
    title = models.CharField(max_length=120)
    text = models.TextField(max_length=limits.MESSAGE_LENGTH)
    important = models.BooleanField(default=False)
    withdrawn = models.BooleanField(default=False, help_text="Taken off every page. Kept here.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL)
    published = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("-published", "-pk")

    def __str__(self) -> str:
        return self.title

    def save(self, **options) -> None:
        """Store it under the next number, and tell the open pages once that is committed."""
        if fields := options.get("update_fields"):
            options["update_fields"] = {"number", *fields}
        with transaction.atomic():
            self.number = Sequence.take(live.NOTICES)
            super().save(**options)
            live.after_commit(live.NOTICES, "notice.changed", live.notice(self))
