"""The pages: who may see what, forms with CSRF, the policy without inline code, limits."""

import re
import uuid

import pytest
from board import chat, limits
from board.models import Message, Room
from django.contrib.auth.models import User
from django.test import Client, override_settings

PAGES = ["/", "/rooms/", "/rooms/lobby/", "/archive/", "/glance/", "/accounts/login/", "/accounts/signup/"]


def signed_in(user: User, **options) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def test_a_fresh_board_is_not_empty(board: None) -> None:
    page = Client().get("/").content.decode()
    assert "Welcome to the noticeboard" in page
    assert "make an account" in page


@pytest.mark.parametrize("path", ["/rooms/", "/rooms/lobby/", "/archive/"])
def test_rooms_and_archive_are_for_members(board: None, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


def test_a_newcomer_signs_up_and_talks(board: None) -> None:
    client = Client()
    form = {"username": "mira", "password1": "lindenblossom tea", "password2": "lindenblossom tea"}
    assert client.post("/accounts/signup/", form)["Location"] == "/rooms/"
    page = client.post("/rooms/lobby/", {"text": "Hello <b>all</b>"}, follow=True).content.decode()
    assert "Hello &lt;b&gt;all&lt;/b&gt;" in page
    assert 'data-last="1"' in page


def test_signing_up_can_be_switched_off(board: None) -> None:
    with override_settings(BOARD_SIGNUP=False):
        assert Client().get("/accounts/signup/").status_code == 404
        assert "/accounts/signup/" not in Client().get("/accounts/login/").content.decode()


def test_the_superuser_of_a_fresh_deploy_uses_rooms_and_admin(chief: User) -> None:
    client = signed_in(chief)
    assert client.get("/rooms/lobby/").status_code == 200
    assert client.get("/admin/board/notice/add/").status_code == 200


def test_a_private_room_is_not_there_for_others(mira: User, jonas: User, chief: User) -> None:
    room = Room.objects.create(name="Committee", slug="committee", private=True)
    room.members.add(mira)
    chat.say(room, mira, "between us", uuid.uuid4())
    seen = {user.username: signed_in(user).get("/rooms/committee/").status_code for user in (mira, jonas, chief)}
    assert seen == {"mira": 200, "jonas": 404, "chief": 200}
    assert signed_in(jonas).post("/rooms/committee/", {"text": "hello?"}).status_code == 404
    assert b"Committee" not in signed_in(jonas).get("/rooms/").content
    assert b"between us" in signed_in(mira).get("/archive/").content
    assert b"between us" not in signed_in(jonas).get("/archive/?q=between").content


@pytest.mark.parametrize("path", ["/rooms/lobby/", "/accounts/logout/", "/accounts/login/", "/accounts/signup/"])
def test_every_form_wants_its_token(mira: User, path: str) -> None:
    assert signed_in(mira, enforce_csrf_checks=True).post(path, {"text": "forged"}).status_code == 403
    assert not Message.objects.exists()


@pytest.mark.parametrize("path", [*PAGES, "/admin/", "/admin/board/notice/add/"])
def test_nothing_needs_inline_code(chief: User, path: str) -> None:
    answer = signed_in(chief).get(path, follow=True)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|<style|\sstyle=|\son[a-z]+=", page) == []


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_a_language_a_heading_a_skip_link_and_labels(chief: User, path: str) -> None:
    client = Client() if "accounts" in path else signed_in(chief)
    page = client.get(path).content.decode()
    assert '<html lang="en">' in page
    assert len(re.findall(r"<h1\b", page)) == 1
    assert 'href="#main"' in page
    for field in re.findall(r"<(?:input|textarea|select)\b(?![^>]*type=\"hidden\")[^>]*>", page):
        key = re.search(r'\bid="([^"]+)"', field)
        assert (key and f'for="{key[1]}"' in page) or re.search(r"<label>[^<]*" + re.escape(field), page), field


def test_the_badge_names_pool_and_release(board: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert '<b id="pool">dev</b>' in Client().get("/").content.decode()
    monkeypatch.setenv("TWINPOOL_POOL", "wsgi")
    monkeypatch.setenv("TWINPOOL_RELEASE", "r42")
    page = Client().get("/").content.decode()
    assert '<b id="pool">wsgi</b>' in page
    assert '<b id="release">r42</b>' in page


@pytest.mark.parametrize(
    ("text", "reason"),
    [("  ", "Write something"), ("x" * (limits.MESSAGE_LENGTH + 1), f"a message takes {limits.MESSAGE_LENGTH}")],
)
def test_a_message_has_limits(mira: User, text: str, reason: str) -> None:
    page = signed_in(mira).post("/rooms/lobby/", {"text": text}, follow=True).content.decode()
    assert reason in page
    assert not Message.objects.exists()


def test_a_member_is_slowed_down_over_all_rooms(mira: User, jonas: User, lobby: Room) -> None:
    other = Room.objects.create(name="Other", slug="other")
    for number in range(limits.MESSAGES):
        chat.say((lobby, other)[number % 2], mira, f"{number}", uuid.uuid4())
    with pytest.raises(chat.RefusedError, match="a lot at once") as refused:
        chat.say(lobby, mira, "one more", uuid.uuid4())
    assert refused.value.again
    chat.say(lobby, jonas, "somebody else may", uuid.uuid4())


def test_text_that_postgresql_cannot_store_is_stored_without_it(mira: User, lobby: Room) -> None:
    assert chat.say(lobby, mira, "a\x00b", uuid.uuid4()).text == "ab"
    assert signed_in(mira).get("/archive/?q=a%00&room=%00&by=%00").status_code == 200
