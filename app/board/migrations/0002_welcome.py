"""What a fresh board shows: one room and one notice."""

from django.db import migrations


def welcome(apps, schema_editor):
    Room, Notice, Sequence = (apps.get_model("board", name) for name in ("Room", "Notice", "Sequence"))  # noqa: N806
    Room.objects.get_or_create(
        slug="lobby", defaults={"name": "Lobby", "about": "For everybody. Come in and say hello."}
    )
    _, new = Sequence.objects.get_or_create(name="notices", defaults={"last": 1})
    if new:
        Notice.objects.create(
            number=1,
            title="Welcome to the noticeboard",
            text="Notices written in the admin appear on every open page at once. The rooms are for members: "
            "sign in, open the Lobby in two browsers, and talk to yourself.",
        )


class Migration(migrations.Migration):
    dependencies = (("board", "0001_initial"),)
    operations = (migrations.RunPython(welcome, migrations.RunPython.noop),)
