"""Login and consent in a real browser, with and without a script; fairness and accessibility as rendered."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, BrowserContext, Page, expect

from solidgate.testing.people import Person, walk_login
from tests.browser.looks import AXE, WCAG

LOOKS = ("width", "height", "color", "background-color", "border", "font", "padding", "opacity", "visibility")


async def log_in(page: Page, gate: str, person: Person, *, script: bool) -> None:
    """From the login page back to the gate. The provider's own pages need a script, ours do not."""
    await page.fill("#identifier", person.webid)
    await page.click("main button[type=submit]")
    leaving = page.locator("#continue")
    address = str(await leaving.get_attribute("href"))
    assert address.startswith(person.issuer)
    if not script:
        await page.goto(await walk_login(address, person, f"{gate}/callback"))
        await confirm(page, person)
        return
    await leaving.click()
    await page.fill("#email", person.email)
    await page.fill("#password", person.password)
    await page.click("button[type=submit]")
    await page.get_by_role("button", name="Authorize").click()
    await page.wait_for_url(f"{gate}/me/confirm**")
    await confirm(page, person)


async def confirm(page: Page, person: Person) -> None:
    """The page that says who is logged in."""
    await expect(page.locator("main .facts")).to_contain_text(person.webid)
    await page.click("main .answers a.button")


async def to_the_question(page: Page, gate: str, token: str, person: Person, *, script: bool) -> None:
    await page.goto(f"{gate}/join/{token}")
    await page.click("text=Continue to log in")
    await log_in(page, gate, person, script=script)
    assert "/requests/" in page.url


async def looks(page: Page, selector: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = await page.locator(selector).evaluate_all(
        "(all, names) => all.map(one => Object.fromEntries(names.map("
        "name => [name, getComputedStyle(one).getPropertyValue(name)])))",
        list(LOOKS),
    )
    return found


def watched(context: BrowserContext, hosts: set[str]) -> None:
    context.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/]+).*", r"\1", request.url)))


@pytest.mark.parametrize("script", [True, False], ids=["script", "noscript"])
async def test_login_yes_and_withdrawal(
    chromium: Browser, doorway: Any, person: Person, script: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=script, locale="en")
    page, hosts = await context.new_page(), set[str]()
    await to_the_question(page, doorway.url, doorway.one, person, script=script)
    watched(context, hosts)

    await expect(page.locator(".label dt")).to_have_count(8)
    await page.click("text=Yes, I consent")
    await expect(page.locator(".tag")).to_have_text("You said yes")
    await expect(page.locator("main")).to_contain_text(
        "Open: your pod lets the space read what you agreed to"
    )
    await expect(page.locator("main")).to_contain_text("A copy is in your pod")
    consent = page.url
    for path in ("", "/receipt", "/activity"):
        await page.goto(consent + path)
        if script:
            await _axe(page)

    await page.goto(f"{doorway.url}/me")
    await page.click("text=Withdraw my consent")
    await expect(page.locator("h1")).to_have_text("Your consent is withdrawn")
    await expect(page.locator("main")).to_contain_text("The door is closed")
    if script:
        await _axe(page)

    await page.click("header >> text=Leave")
    await page.goto(f"{doorway.url}/me")
    assert "/login" in page.url
    assert hosts == {doorway.url}


async def test_no_is_as_easy_and_leaves_the_pod_shut(chromium: Browser, doorway: Any, person: Person) -> None:
    context = await chromium.new_context(java_script_enabled=False, locale="fr-BE")
    page = await context.new_page()
    await page.goto(f"{doorway.url}/join/{doorway.one}")
    await page.click("text=Continuer pour se connecter")
    await log_in(page, doorway.url, person, script=False)
    await page.click("text=Non, je ne consens pas")
    await expect(page.locator(".tag")).to_have_text("Vous avez dit non")
    await expect(page.locator("html")).to_have_attribute("lang", "fr")


async def test_both_answers_look_the_same_and_nothing_scrolls_sideways(
    chromium: Browser, doorway: Any, person: Person
) -> None:
    """In every look; axe judges every page in test_axe.py, and here the one that a real pod has filled."""
    page = await (await chromium.new_context(locale="en")).new_page()
    await to_the_question(page, doorway.url, doorway.one, person, script=False)
    for address, selector in (
        (page.url, ".answers button"),
        (f"{doorway.url}/join/{doorway.two}/request", "fieldset input"),
    ):
        await page.goto(address)
        if selector.startswith("fieldset"):
            await page.click("text=Make my choices")
        await page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
        for width, scheme in product((1280, 320), ("light", "dark")):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            shown = await looks(page, selector)
            assert len(shown) in (2, 4)
            assert all(one == shown[0] for one in shown)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert await page.evaluate(AXE, WCAG) == [], (page.url, width, scheme)
        assert await page.locator("main input:checked").count() == 0


async def _axe(page: Page) -> None:
    await page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    assert await page.evaluate(AXE, WCAG) == [], page.url


async def test_the_keyboard_alone_reaches_the_answer(chromium: Browser, doorway: Any, person: Person) -> None:
    page = await (await chromium.new_context(locale="en")).new_page()
    await to_the_question(page, doorway.url, doorway.one, person, script=False)
    seen = []
    for _ in range(25):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("document.activeElement.textContent.trim()"))
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or seen[-1] == "" or len(seen[-1]) > 200
        if seen[-1] == "No, I do not consent":
            break
    assert seen[-2:] == ["Yes, I consent", "No, I do not consent"]
    await page.keyboard.press("Enter")
    await expect(page.locator(".tag")).to_have_text("You said no")


async def test_no_other_site_can_frame_the_question(chromium: Browser, doorway: Any) -> None:
    page = await chromium.new_page()
    await page.set_content(f'<iframe src="{doorway.url}/join/{doorway.one}"></iframe>')
    await page.wait_for_timeout(500)
    frames = [frame for frame in page.frames if frame != page.main_frame]
    assert frames
    for frame in frames:
        assert "The organisation reads nothing" not in await frame.content()
