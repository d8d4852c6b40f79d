"""Every page in light, dark and narrow: contrast, names, keyboard, no sideways scrolling. The screenshots are to be
looked at: --screenshots FOLDER keeps them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .people import Person

LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 820}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 820}},
    "narrow": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    "narrow-dark": {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}},
}
OPEN = ("/", "/accounts/login/", "/accounts/signup/")
FOR_MEMBERS = ("/", "/rooms/", "/rooms/lobby/", "/archive/", "/glance/")

# WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 from 24 px on or 18.66 px in bold. The contrast of each visible text with the
# nearest background behind it.
FAINT = """
() => {
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility() || element.closest("option, meter")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const [a, b] = [light(parse(style.color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < needed) faint.push(`${ratio.toFixed(2)} "${walk.currentNode.data.trim().slice(0, 30)}"`);
  }
  return faint;
}
"""

# What can be operated and has no name for a screen reader.
NAMELESS = """
() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, meter, img, [role=region]")]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.hasAttribute("alt")))
  .map((e) => e.outerHTML.slice(0, 100))
"""


def checked(person: Person, path: str, file: Path) -> None:
    person.opens(path)
    person.has_notices_live()
    person.page.screenshot(path=file)
    found = {
        "faint": person.page.evaluate(FAINT),
        "nameless": person.page.evaluate(NAMELESS),
        "wider than the window": person.page.evaluate("document.documentElement.scrollWidth - innerWidth > 0"),
        "headings of the first level": person.page.locator("h1").count(),
    }
    expected = {"faint": [], "nameless": [], "wider than the window": False, "headings of the first level": 1}
    assert found == expected, f"{path} looks wrong: {file}"


def named(path: str) -> str:
    return path.strip("/").replace("/", "-") or "home"


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_can_be_read(person: Callable[..., Person], screenshots: Path, look: str) -> None:
    visitor = person(**LOOKS[look])
    for path in OPEN:
        checked(visitor, path, screenshots / f"open-{named(path)}-{look}.png")
    member = visitor.signed_up("a")
    member.enters().says("Good morning.")
    for path in FOR_MEMBERS:
        checked(member, path, screenshots / f"{named(path)}-{look}.png")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(mira: Person) -> None:
    mira.opens("/rooms/lobby/")
    mira.page.keyboard.press("Tab")
    skip = mira.page.get_by_role("link", name="Skip to the page")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    seen = []
    for _ in range(20):
        mira.page.keyboard.press("Tab")
        where = mira.page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.id || e.textContent.trim(), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2] }"
        )
        seen.append(where)
        if where[0] == "Send":
            break
    assert [name for name, outlined in seen if not outlined] == []
    assert {"Notices", "Rooms", "Sign out", "scroll", "text", "Send"} <= {name for name, _ in seen}


def test_new_messages_and_states_are_announced(mira: Person) -> None:
    mira.enters()
    expect(mira.page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    expect(mira.page.locator("#news")).to_have_attribute("aria-live", "polite")
    assert mira.page.get_by_role("status").count() == 2
