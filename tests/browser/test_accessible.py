"""Who uses a keyboard, reads from right to left, prints, or runs no script, gets everything too."""

from __future__ import annotations

import re

from playwright.async_api import Page

from tests.browser.pages import Stage, addresses, not_found, say


async def test_nothing_found_is_said_and_a_pod_is_chosen_without_a_script(stage: Stage) -> None:
    async with stage.browsing(java_script_enabled=False) as page:
        assert await not_found(stage, page)
        assert await page.locator("code").first.inner_text() == "https://second.example/"


async def test_the_keyboard_alone_makes_every_choice(stage: Stage) -> None:
    async with stage.browsing() as page:
        await stage.ask(page, "two")
        await _tab_to(page, "Make my choices")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/choices?*")
        for _ in range(2):
            await _tab_to_radio(page)
            await page.keyboard.press("ArrowDown")
        await _tab_to(page, "Check my choices")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/check?*")
        await _tab_to(page, "Record my answers")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/me")
        assert await page.locator(".tag").all_inner_texts() == ["You said no", "You said no"]


async def _tab_to(page: Page, text: str) -> None:
    for _ in range(40):
        await page.keyboard.press("Tab")
        seen = await page.evaluate(
            "[document.activeElement.textContent.trim(),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if seen[0] == text:
            assert seen[1] != "none", "focus is seen"
            return
    raise AssertionError(f"the keyboard does not reach {text}")


async def _tab_to_radio(page: Page) -> None:
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.type") == "radio":
            return
    raise AssertionError("the keyboard does not reach the choices")


async def test_a_page_read_from_right_to_left_does_not_break(stage: Stage) -> None:
    """A pseudo-language: the same page with ``dir=rtl``. Nothing sticks out, and the label turns round."""
    async with stage.browsing(viewport={"width": 320, "height": 800}) as page:
        for _, path in (await addresses(stage, page))[:24]:
            await page.set_viewport_size({"width": 320, "height": 800})
            await page.goto(stage.url + path)
            await page.evaluate("document.documentElement.dir = 'rtl'")
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
        await stage.ask(page, "two")
        await page.set_viewport_size({"width": 1280, "height": 800})
        await page.evaluate("document.documentElement.dir = 'rtl'")
        title = await page.locator(".label dt").first.bounding_box()
        line = await page.locator(".label dd").first.bounding_box()
        assert title is not None
        assert line is not None
        assert title["x"] > line["x"]


async def test_the_receipt_fits_on_one_printed_page(stage: Stage) -> None:
    async with stage.browsing() as page:
        await stage.ask(page, "one")
        consent = await say(page, "yes")
        await page.goto(f"{consent}/receipt")
        assert await page.locator("svg.qr").count() == 1
        printed = await page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
