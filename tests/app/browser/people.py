"""A person at a browser: what they do and see, in the words of the tests."""

import re
import uuid

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, expect

PATIENCE = 60_000  # milliseconds that a page may take to come back: the longest wait between attempts is 20 s
PASSWORD = "lindenblossom tea"
# What a browser says of a server that is being killed; everything else on its console is a fault of the page.
OUTAGE = re.compile(r"ERR_|WebSocket connection|status of 50[234]|EventSource")


class Person:
    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page = context.new_page()
        self.errors: list[str] = []
        self.name = ""
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not OUTAGE.search(message.text):
            self.errors.append(message.text)

    def signed_up(self, name: str) -> "Person":
        """With a new account, since a deployment keeps those of earlier runs."""
        self.name = f"{name}-{uuid.uuid4().hex[:6]}"
        self.page.goto("/accounts/signup/")
        self.page.get_by_label("Username").fill(self.name)
        self.page.get_by_label("Password", exact=False).first.fill(PASSWORD)
        self.page.get_by_label("confirmation").fill(PASSWORD)
        self.page.get_by_role("button", name="Make an account").click()
        expect(self.page.get_by_role("heading", name="Rooms")).to_be_visible()
        return self

    def signed_in(self, name: str, password: str) -> "Person":
        self.name = name
        self.page.goto("/accounts/login/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()
        return self

    def opens(self, path: str) -> "Person":
        self.page.goto(path)
        # Gone if the page is ever loaded anew.
        self.page.evaluate("window.since = 'opened'")
        return self

    def enters(self, room: str = "lobby") -> "Person":
        self.opens(f"/rooms/{room}/")
        self.is_connected()
        return self

    def is_connected(self) -> None:
        expect(self.page.locator("#socket")).to_have_attribute("data-state", "on", timeout=PATIENCE)

    def has_notices_live(self) -> None:
        expect(self.page.locator("#live")).to_have_attribute("data-state", "on", timeout=PATIENCE)

    def never_reloaded(self) -> bool:
        return self.page.evaluate("window.since === 'opened'")

    def types(self, text: str) -> None:
        self.page.get_by_label("Message to").fill(text)

    def draft(self) -> str:
        return self.page.get_by_label("Message to").input_value()

    def says(self, text: str) -> None:
        self.types(text)
        self.page.get_by_label("Message to").press("Enter")

    def said_in_the_log(self, text: str) -> Locator:
        return self.page.locator("#log .message").filter(has_text=text)

    def reads(self, text: str, by: "Person") -> None:
        """Exactly once, and confirmed."""
        message = self.said_in_the_log(text)
        expect(message).to_have_count(1, timeout=PATIENCE)
        expect(message).not_to_have_class(re.compile("pending"), timeout=PATIENCE)
        expect(message.locator(".author")).to_have_text(by.name)

    def log(self) -> list[str]:
        return self.page.locator("#log .message .text").all_text_contents()

    def posts_by_the_form(self, text: str) -> None:
        """As a browser without scripts does, on a connection of its own."""
        token = next(cookie["value"] for cookie in self.context.cookies() if cookie["name"].endswith("csrftoken"))
        form = {"text": text, "csrfmiddlewaretoken": token}
        address = self.page.url
        answer = self.context.request.post(address, form=form, headers={"Referer": address})
        assert answer.ok, f"{answer.status} {answer.text()[:300]}"

    def sees_notice(self, title: str) -> None:
        expect(self.notice(title)).to_be_visible(timeout=PATIENCE)

    def notice(self, title: str) -> Locator:
        return self.page.locator(".notice").filter(has_text=title)
