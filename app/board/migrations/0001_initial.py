"""Rooms, messages, notices and the sequences that number them. Made by makemigrations."""
# ruff: noqa: RUF012

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Sequence",
            fields=[
                ("name", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("last", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveBigIntegerField(editable=False, unique=True)),
                ("title", models.CharField(max_length=120)),
                ("text", models.TextField(max_length=2000)),
                ("important", models.BooleanField(default=False)),
                ("withdrawn", models.BooleanField(default=False, help_text="Taken off every page. Kept here.")),
                ("published", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-published", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="Room",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, unique=True)),
                ("slug", models.SlugField(max_length=60, unique=True)),
                ("about", models.CharField(blank=True, max_length=200)),
                ("private", models.BooleanField(default=False, help_text="Only the members chosen here see it.")),
                ("members", models.ManyToManyField(blank=True, related_name="rooms", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveBigIntegerField(editable=False)),
                ("text", models.TextField(max_length=2000)),
                ("client_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("posted", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="messages",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "room",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="messages", to="board.room"
                    ),
                ),
            ],
            options={
                "ordering": ("room", "number"),
                "indexes": [
                    models.Index(fields=["author", "posted"], name="board_messa_author__98a09e_idx"),
                    models.Index(fields=["posted"], name="board_messa_posted_67e7bf_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("room", "number"), name="message_number_once"),
                    models.UniqueConstraint(fields=("room", "author", "client_id"), name="message_sent_once"),
                ],
            },
        ),
    ]
