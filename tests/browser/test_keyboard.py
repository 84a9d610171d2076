"""The whole journey by the keyboard alone: Tab, Space, Enter, arrows, letters; the focus is always seen."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, Page, expect

from solidgate.testing.people import Person
from tests.browser.looks import AXE, WCAG
from tests.browser.pages import Stage

MOST_STOPS = 60
THINNEST = 2
# What has the focus: its name, and whether somebody who looks at the page can see that it has it.
STOP = f"""() => {{
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getClientRects()[0] ?? one.getBoundingClientRect();
  const [x, y] = [box.x + Math.min(box.width, innerWidth) / 2, box.y + Math.min(box.height, innerHeight) / 2];
  const top = document.elementFromPoint(x, y);
  return {{
    tag: one.tagName, id: one.id, type: one.type ?? "",
    name: (one.labels?.[0] ?? one).textContent.trim().replace(/\\s+/g, " "),
    outlined: one.matches(":focus-visible") && style.outlineStyle !== "none"
      && parseFloat(style.outlineWidth) >= {THINNEST},
    uncovered: box.width > 0 && top !== null && (one.contains(top) || one.closest("label") === top),
  }};
}}"""


@dataclass(frozen=True, slots=True)
class Keyboard:
    """Somebody without a mouse. ``own`` is the gate: how its issuer shows focus is not ours to judge."""

    page: Page
    own: str

    async def to(self, target: str, *, key: str = "Tab") -> dict[str, Any]:
        """Press the key until this (a name, or #id) has the focus; every stop on the way is seen."""
        stops = []
        for _ in range(MOST_STOPS):
            await self.page.keyboard.press(key)
            stop: dict[str, Any] = await self.page.evaluate(STOP)
            stops.append(stop["name"] or stop["id"] or stop["tag"])
            if stop["tag"] != "BODY" and self.page.url.startswith(self.own):
                assert stop["outlined"], (self.page.url, stop)
                assert stop["uncovered"], (self.page.url, stop)
            if target in (stop["name"], f"#{stop['id']}"):
                return stop
        raise AssertionError(f"the keyboard does not reach {target} on {self.page.url}: {stops}")

    async def press(self, target: str) -> None:
        """Go there and press it."""
        await self.to(target)
        await self.page.keyboard.press("Enter")

    async def write(self, target: str, text: str) -> None:
        """Go to the field and type."""
        await self.to(target)
        await self.page.keyboard.type(text)

    async def arrived(self, title: str) -> None:
        """The next page is there."""
        await expect(self.page.locator("h1")).to_have_text(title)

    async def log_in(self, person: Person) -> None:
        """From our login page, over the note and the issuer's own pages, back to the page that says who."""
        await self.write("#identifier", person.webid)
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("h1")).to_contain_text("to sign in")
        await self.press("#continue")
        await self.page.locator("#email").wait_for()
        if await self.page.evaluate("document.activeElement.id") != "email":
            await self.to("#email")
        await self.page.keyboard.type(person.email)
        await self.write("#password", person.password)
        await self.page.keyboard.press("Enter")
        await self.page.get_by_role("button", name="Authorize").wait_for()
        await self.press("Authorize")
        await self.page.wait_for_url(f"{self.own}/me/confirm**")


async def test_the_whole_journey_from_the_invitation_to_the_withdrawal(
    chromium: Browser, doorway: Any, person: Person
) -> None:
    page = await (await chromium.new_context(locale="en")).new_page()
    keys = Keyboard(page, doorway.url)
    await page.goto(f"{doorway.url}/join/{doorway.two}")
    await keys.press("Continue to log in")
    await keys.arrived("With which pod do you log in?")
    await keys.log_in(person)
    await keys.press("Yes, continue")
    await page.wait_for_url(f"{doorway.url}/requests/**")

    await keys.press("See exactly what would be read, as it is now")
    await page.wait_for_url("**/preview")
    await keys.press("Back to the question")
    await page.wait_for_url(f"{doorway.url}/requests/*")
    await keys.press("Make my choices")
    await keys.arrived("Your choices")

    await keys.press("Check my choices")
    summary = page.locator("#summary")
    await expect(summary).to_be_focused()
    await expect(summary.locator("a")).to_have_count(2)
    first = str(await summary.locator("a").first.get_attribute("href")).removeprefix("#")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(f"#{first}")).to_be_focused()
    await page.keyboard.press("Space")
    await keys.to("#study-yes")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#study-no")).to_be_checked()
    await keys.to("#until")
    await page.keyboard.press("ArrowDown")
    chosen = await page.locator("#until").input_value()
    await keys.to("Where the signed receipt goes")
    await page.keyboard.press("Space")
    await keys.write("#receipt_container", "my/papers/")
    await keys.to("#until", key="Shift+Tab")
    await keys.press("Check my choices")
    await keys.arrived("Check your choices")
    assert await page.locator("input[name=until]").input_value() == chosen
    await expect(page.locator("main")).to_contain_text(f"{person.pod}my/papers/")

    await keys.press("Record my answers")
    await keys.arrived("My page")
    await expect(page.locator(".tag.good")).to_have_text("You said yes")
    title = await page.locator(".card", has=page.locator(".tag.good")).locator("h2 a").inner_text()
    await keys.press(title)
    await page.wait_for_url("**/consents/*")
    receipt = page.locator("main a[href$='/receipt']").first
    await keys.press((await receipt.inner_text()).strip())
    await page.wait_for_url("**/receipt")
    await keys.press("My page")
    await keys.arrived("My page")
    await keys.press("Withdraw my consent")
    await keys.arrived("Your consent is withdrawn")
    await keys.press("Leave")
    await page.wait_for_url(f"{doorway.url}/")


async def faulty(stage: Stage, page: Page, keys: Keyboard, which: str) -> None:
    """One form with an error in it, by the keyboard."""
    await stage.ask(page, which)
    if which == "one":
        await keys.press("Where the signed receipt goes")
        await keys.write("#receipt_container", "../up")
        await keys.press("Yes, I consent")
    elif which == "two":
        await keys.press("Make my choices")
        await page.wait_for_url("**/choices?*")
        await keys.press("Check my choices")
    else:
        await keys.press("Yes, I consent")
        await page.wait_for_url("**/word?*")
        await keys.write("#word-health", "something")
        await keys.press("Yes, I consent")


@pytest.mark.parametrize("script", [True, False], ids=["script", "noscript"])
@pytest.mark.parametrize(
    ("which", "field"),
    [("one", "#receipt_container"), ("two", "#advice-yes"), ("special", "#word-health")],
)
async def test_an_error_has_the_focus_and_leads_to_its_field(
    stage: Stage, which: str, field: str, script: bool
) -> None:
    async with stage.browsing(java_script_enabled=script) as page:
        keys = Keyboard(page, stage.url)
        await faulty(stage, page, keys, which)
        await expect(page.locator("#summary")).to_be_focused()
        assert (await page.evaluate(STOP))["uncovered"]
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator(field)).to_be_focused()
        wrong = page.locator('[aria-invalid="true"]').first
        described = str(await wrong.get_attribute("aria-describedby")).split()
        assert await page.locator(f"#{described[0]}.error").is_visible()
        for width, scheme in product((320, 1280), ("light", "dark")):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            if script:
                await page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
                assert await page.evaluate(AXE, WCAG) == [], (which, width, scheme)


async def test_enter_in_a_text_field_is_no_yes(stage: Stage) -> None:
    async with stage.browsing() as page:
        keys = Keyboard(page, stage.url)
        request = await stage.ask(page, "one")
        await keys.press("Where the signed receipt goes")
        await keys.write("#receipt_container", "my/papers/")
        await page.keyboard.press("Enter")
        await expect(page.locator("#summary")).to_contain_text("A choice is still open")
        assert await page.locator("#receipt_container").input_value() == "my/papers/"
        await page.goto(request)
        await expect(page.locator("main button[value=yes]")).to_have_count(1)
        assert stage.gate.pods.doors == {}


async def test_back_after_a_yes_and_another_answer_shows_the_first(stage: Stage) -> None:
    async with stage.browsing() as page:
        await stage.ask(page, "one")
        await page.click("text=Yes, I consent")
        await expect(page.locator(".tag")).to_have_text("You said yes")
        await page.go_back()
        if await page.locator("main button[value=no]").count():
            await page.click("main button[value=no]")
        await expect(page.locator("h1")).to_have_text("You have answered this request")
        await expect(page.locator(".tag")).to_have_text("You said yes")
