"""The language is changed in the middle of a request, in a real browser: nothing that was chosen is lost."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser.pages import Stage


async def speak(page: Page, tag: str) -> None:
    """Press a language in the header, whether it is a link or speaks for a form."""
    async with page.expect_navigation():
        await page.click(f"header .languages :is(a[lang={tag}], button[lang={tag}])")
    assert await page.locator("html").get_attribute("lang") == tag


@pytest.mark.parametrize("script", [True, False], ids=["script", "noscript"])
async def test_every_step_keeps_what_was_chosen(stage: Stage, script: bool) -> None:
    async with stage.browsing(java_script_enabled=script) as page:
        await stage.ask(page, "two")
        await page.click("text=Make my choices")
        await page.check("#advice-yes")
        last = str(await page.locator("#until option").last.get_attribute("value"))
        await page.select_option("#until", last)
        await speak(page, "fr")
        assert await page.locator("main input:checked").evaluate_all("all => all.map(one => one.id)") == [
            "advice-yes"
        ], "chosen and not sent yet"
        assert await page.locator("#until").input_value() == last
        assert await page.locator("main .label > div").count() == 8
        await page.click("main button[type=submit]")
        assert await page.locator("#summary").count() == 1, "the other choice is still open"
        await speak(page, "nl")
        assert await page.locator("#summary").count() == 1, "and told so in the other language"
        assert await page.locator("#advice-yes").is_checked()
        await page.check("#study-no")
        await page.click("main button[type=submit]")
        await speak(page, "en")
        assert await page.locator("main section.card strong").all_inner_texts() == [
            "Yes, I consent",
            "No, I do not consent",
        ]
        await page.click("text=Record my answers")
        assert sorted(await page.locator(".tag").all_inner_texts()) == ["You said no", "You said yes"]
        await page.click("main .card:has(.good) h2 a")
        assert "English" in await page.locator("dd:has(.digest)").last.inner_text()


async def test_one_question_and_its_word(stage: Stage) -> None:
    async with stage.browsing(java_script_enabled=False) as page:
        await stage.ask(page, "special")
        last = str(await page.locator("#until option").last.get_attribute("value"))
        await page.select_option("#until", last)
        await speak(page, "nl")
        assert await page.locator("#until").input_value() == last
        assert "form_token" not in page.url
        await page.click("main button[value=yes]")
        await page.fill("#word-health", "iets")
        await speak(page, "fr")
        assert "iets" not in page.url
        assert await page.locator("#word-health").input_value() == ""
        await page.fill("#word-health", "autorise")
        await page.click("main button[form=agree]")
        until = await page.locator("dd:has(.digest)").last.inner_text()
        assert "Français" in until


async def test_a_link_that_somebody_else_made_ticks_nothing(stage: Stage) -> None:
    """With the right digest and every name of a field, but not from a page of ours."""
    async with stage.browsing() as page:
        request = await stage.ask(page, "two")
        shown = await page.locator("input[name=shown]").first.input_value()
        for step in ("choices", "check"):
            for tag in ("en", "fr"):
                crafted = f"?shown={shown}&language=en&answer-advice=yes&answer-study=yes&lang={tag}"
                await page.goto(f"{request}/{step}{crafted}")
                assert page.url == request
                assert await page.locator("main :is(input:checked, [name^=answer][value=yes])").count() == 0
