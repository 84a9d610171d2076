"""On a phone everything is read without a second scroll bar, and rows of links keep their order."""

from __future__ import annotations

import pytest

from tests.browser.pages import ANNA, POD, READINGS, Stage

WIDE = "https://data.example/" + "measurements-of-the-household/" * 4
BOXES = "all => all.map(one => one.getBoundingClientRect()).map(box => [box.x, box.y, box.width, box.height])"
PHONE = {"width": 320, "height": 800}


async def test_an_address_in_the_preview_is_seen_whole(stage: Stage) -> None:
    """As a value, as a text, as a property without a name, and as the kind of a value."""
    content = f'<#a> <{WIDE}reading> <{WIDE}1>, "{WIDE}", "1"^^<{WIDE}number> .'.encode()
    stage.gate.pods.give(ANNA, POD, READINGS | {"energy/2025.ttl": content})
    async with stage.browsing(viewport=PHONE) as page:
        request = await stage.ask(page, "one")
        await page.goto(f"{request}/preview")
        table = page.locator(".scroll").first
        assert WIDE in await table.inner_text()
        assert await table.evaluate("one => one.scrollWidth <= one.clientWidth")
        for cell in await table.locator("td, th").evaluate_all(BOXES):
            assert cell[0] + cell[2] <= PHONE["width"]
        await page.set_viewport_size({"width": 1280, "height": 800})
        assert (
            await table.locator(".kind").first.evaluate("one => getComputedStyle(one).whiteSpace") == "nowrap"
        )


@pytest.mark.parametrize("tag", ["en", "fr", "nl"])
async def test_the_tabs_are_two_and_two(stage: Stage, tag: str) -> None:
    """Equally wide in each language; on a wide screen they are one row."""
    async with stage.browsing(viewport=PHONE) as page:
        await page.goto(f"{stage.url}/me?lang={tag}")
        tabs = await page.locator(".tabs a").evaluate_all(BOXES)
        assert len(tabs) == 4
        assert [tabs[0][1], tabs[2][1]] == [tabs[1][1], tabs[3][1]], "two rows"
        assert len({round(width) for _, _, width, _ in tabs}) == 1
        await page.set_viewport_size({"width": 1280, "height": 800})
        assert len({round(y) for _, y, _, _ in await page.locator(".tabs a").evaluate_all(BOXES)}) == 1


@pytest.mark.parametrize("tag", ["en", "fr", "nl"])
async def test_the_filters_do_not_touch_each_other(stage: Stage, tag: str) -> None:
    async with stage.browsing(viewport=PHONE) as page:
        await stage.ask(page, "one")
        await page.click("main button[value=yes]")
        await page.goto(f"{stage.url}/me?lang={tag}")
        pills = await page.locator(".filter a").evaluate_all(BOXES)
        assert len(pills) == 3
        for at, (x, y, width, height) in enumerate(pills):
            for other_x, other_y, other_width, other_height in pills[at + 1 :]:
                apart = x + width < other_x or other_x + other_width < x
                assert apart or y + height < other_y or other_y + other_height < y
