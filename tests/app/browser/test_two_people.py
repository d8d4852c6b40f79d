"""Two people, two browsers: they talk, notices reach both, and a killed server costs them nothing."""

import re
import uuid
from collections.abc import Callable

from playwright.sync_api import expect

from .conftest import Site
from .people import PATIENCE, Person


def some(words: str) -> str:
    """Text that no earlier run has left in the room."""
    return f"{words} {uuid.uuid4().hex[:6]}"


def test_they_talk(mira: Person, jonas: Person) -> None:
    mira.enters(), jonas.enters()
    question, answer = some("Is the table free?"), some("From two on.\n<b>Bring</b> the trolley")
    mira.says(question)
    jonas.reads(question, by=mira)
    jonas.says(answer)
    for person in (mira, jonas):
        person.reads(answer, by=jonas)
        person.reads(question, by=mira)
        assert person.log()[-2:] == [question, answer]
        assert person.never_reloaded()


def test_a_notice_from_the_admin_appears_on_both_pages(
    site: Site, person: Callable[..., Person], mira: Person, jonas: Person
) -> None:
    mira.opens("/"), jonas.enters()
    mira.has_notices_live(), jonas.has_notices_live()
    chief = person().signed_in(site.admin, site.password)
    title = some("Seed swap")
    chief.page.goto("/admin/board/notice/add/")
    chief.page.get_by_label("Title").fill(title)
    chief.page.get_by_label("Text").fill("On Saturday, ten to two.")
    chief.page.get_by_role("button", name="Save", exact=True).click()
    mira.sees_notice(title), jonas.sees_notice(title)
    chief.page.get_by_role("link", name=title).first.click()
    chief.page.get_by_label("Withdrawn").check()
    chief.page.get_by_role("button", name="Save", exact=True).click()
    for reader in (mira, jonas):
        expect(reader.notice(title)).to_have_count(0, timeout=PATIENCE)
        assert reader.never_reloaded()


def test_a_killed_server_costs_no_message(
    site: Site, person: Callable[..., Person], mira: Person, jonas: Person
) -> None:
    mira.enters(), jonas.enters()
    before, meanwhile, pending, after = (some(text) for text in ("before", "meanwhile", "pending", "after"))
    mira.says(before)
    jonas.reads(before, by=mira)
    mira.types("half a thought")
    site.kill_asgi()
    jonas.says(pending)
    mira.posts_by_the_form(meanwhile)
    for reader in (mira, jonas):
        reader.reads(meanwhile, by=mira)
        reader.reads(pending, by=jonas)
        reader.is_connected()
        reader.has_notices_live()
        assert reader.never_reloaded()
    assert mira.draft() == "half a thought"
    mira.says(after)
    jonas.reads(after, by=mira)
    assert mira.log() == jonas.log()


def test_what_is_not_sent_survives_a_reload_without_network(mira: Person, jonas: Person) -> None:
    mira.enters(), jonas.enters()
    text = some("written in the lift")
    mira.context.set_offline(True)
    mira.says(text)
    mira.types("and a draft")
    mira.context.set_offline(False)
    mira.page.reload()
    jonas.reads(text, by=mira)
    mira.reads(text, by=mira)
    assert mira.draft() == "and a draft"


def test_a_message_whose_confirmation_was_lost_is_shown_once(mira: Person) -> None:
    mira.enters()
    text = some("stored, and never confirmed")
    mira.says(text)
    mira.reads(text, by=mira)
    # As the page left it when the server took the message and then was gone.
    mira.page.evaluate(
        """text => {
          const room = document.getElementById("room");
          const id = [...document.querySelectorAll(".message")].pop().dataset.id;
          const key = `${room.dataset.socket}${room.dataset.user}pending`;
          sessionStorage.setItem(key, JSON.stringify([[id, text]]));
        }""",
        text,
    )
    mira.page.reload()
    mira.is_connected()
    mira.reads(text, by=mira)


def test_signing_out_elsewhere_shows(mira: Person) -> None:
    mira.enters()
    elsewhere = mira.context.new_page()
    elsewhere.goto("/")
    elsewhere.get_by_role("button", name="Sign out").click()
    expect(elsewhere.get_by_role("link", name="Sign in").first).to_be_visible()
    mira.says("still me?")
    expect(mira.page.locator("#socket")).to_have_text(re.compile("sign in again"))


def test_the_badge_names_the_pool(site: Site, mira: Person) -> None:
    page, live = site.pools
    for path, pool in (("/", page), ("/archive/", page), ("/rooms/lobby/", page), ("/glance/", live)):
        mira.opens(path)
        expect(mira.page.locator("#pool")).to_have_text(pool)
        expect(mira.page.locator("#live")).to_contain_text(f"live by {live}")
    mira.enters()
    expect(mira.page.locator("#socket")).to_contain_text(f"Live by {live}")


def test_a_room_works_without_scripts(person: Callable[..., Person]) -> None:
    plain = person(java_script_enabled=False).signed_up("plain")
    plain.page.goto("/rooms/lobby/")
    text = some("by the form alone")
    plain.types(text)
    plain.page.get_by_role("button", name="Send").click()
    plain.reads(text, by=plain)
