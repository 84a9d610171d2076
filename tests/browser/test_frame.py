"""The frame of every page and the rows in it: languages, leaving, one's own page, names from anywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from solidgate.flow import invite, space
from solidgate.testing.terms import sample_agreement
from tests.browser.pages import ANNA, Stage

ARABIC = "شركة الطاقة"
# Where the first letter of the name stands, and the letter after the space that follows it.
PLACES_AROUND = """one => {
  const text = one.firstChild, name = text.data.indexOf("\u2068") + 1, end = text.data.indexOf("\u2069");
  const at = (start, stop) => {
    const range = document.createRange();
    range.setStart(text, start); range.setEnd(text, stop);
    return range.getBoundingClientRect().left;
  };
  return [at(name, name + 1), at(end + 2, end + 3)];
}"""


@pytest.mark.parametrize("tag", ["en", "fr", "nl"])
async def test_the_languages_are_on_top_and_the_header_is_low(stage: Stage, tag: str) -> None:
    """On a phone: at most two rows of links, with a session and without one."""
    for webid in (ANNA, None):
        async with stage.browsing(webid, viewport={"width": 320, "height": 800}) as page:
            await page.goto(f"{stage.url}/?lang={tag}")
            rows = await page.locator("header :is(a, button)").evaluate_all(
                "all => all.map(one => one.getBoundingClientRect()).map(box => box.y + box.height / 2)"
            )
            assert len(rows) == 6
            assert len({round(middle / 20) for middle in rows}) <= 2, rows
            assert await page.locator("header a[hreflang]").count() == 3
            assert await page.locator("footer a").count() == 0
            await page.click("header a[hreflang=nl]")
            assert await page.locator("html").get_attribute("lang") == "nl"


async def test_leaving_ends_the_session(stage: Stage) -> None:
    """Also from a page that needs none; without a session it only leads to the start."""
    async with stage.browsing() as page:
        request = await stage.ask(page, "one")
        await page.goto(f"{stage.url}/errors")
        await page.click("header >> text=Leave")
        assert page.url == f"{stage.url}/"
        assert await page.locator("header form").count() == 0
        await page.goto(request)
        assert "/login" in page.url
        await page.click("header >> text=Leave")
        assert page.url == f"{stage.url}/"


async def test_ones_own_page_is_a_link_in_the_last_row(stage: Stage) -> None:
    async with stage.browsing() as page:
        await stage.ask(page, "one")
        assert await page.locator("#row-rights a").all_inner_texts() == [f"{stage.url}/me"] * 2
        assert await page.locator(".label a").count() == 2
        await page.locator("#row-rights a").first.click()
        assert page.url == f"{stage.url}/me"


async def test_a_name_from_right_to_left_leaves_the_sentence_as_it_is(stage: Stage) -> None:
    """The words after an Arabic name stand right of it, as they do after any other."""
    terms = sample_agreement("space-arabic")
    named = replace(terms, parties=(replace(terms.parties[0], name=ARABIC), terms.parties[1]))
    await space.create(stage.gate.world, named)
    stage.tokens["arabic"] = await invite.invite(stage.gate.world, None, "space-arabic", uses=0, days=1)
    async with stage.browsing(viewport={"width": 1280, "height": 900}) as page:
        await stage.ask(page, "arabic")
        for selector in ("#row-who dd", "#statement"):
            line = page.locator(selector).first
            assert await line.evaluate("one => getComputedStyle(one).direction") == "ltr"
            left, right = await line.evaluate(PLACES_AROUND)
            assert left < right, selector
