"""The eleven rules of a fair question, each in a real browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.async_api import Page

from solidgate.algorithm.approval import APPROVING, Approval
from solidgate.assets import asset
from solidgate.cli.operator import space_policy
from solidgate.consent.notice import Notice, notice_digest
from solidgate.flow import consent as consent_flow
from solidgate.flow import invite, space
from solidgate.sdk.folder import load_space
from solidgate.space.agreement import digest
from solidgate.testing.terms import CONSUMER, OWNER
from tests.browser.pages import ANNA, CANARY, POD, Stage, addresses, say

LOOKS = ("width", "height", "color", "background-color", "border", "font", "padding", "opacity", "visibility")
MOST_WORDS = 250
# Its own texts and names are long, and three parties approve on three days; its documents are one line.
MOST_WORDS_OF_EXAMPLE = 350
CODE_PROVIDER = "https://code.example/profile#org"
GRADE = 8.0


async def looks(page: Page, selector: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = await page.locator(selector).evaluate_all(
        "(all, names) => all.map(one => Object.fromEntries(names.map("
        "name => [name, getComputedStyle(one).getPropertyValue(name)])))",
        list(LOOKS),
    )
    return found


async def test_rule_1_nothing_is_chosen_beforehand(stage: Stage) -> None:
    async with stage.browsing() as page:
        for which in stage.tokens:
            await stage.ask(page, which)
            assert await page.locator("main input:checked").count() == 0
        await stage.ask(page, "two")
        await page.click("text=Make my choices")
        assert await page.locator("main input[type=radio]").count() == 4
        assert await page.locator("main input:checked").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_rule_2_yes_and_no_look_the_same(stage: Stage, scheme: Any, width: int) -> None:
    async with stage.browsing(color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        await stage.ask(page, "one")
        assert await page.locator(".answers button").all_text_contents() == [
            "Yes, I consent",
            "No, I do not consent",
        ]
        shown = await looks(page, ".answers button")
        assert shown[0] == shown[1]
        await stage.ask(page, "two")
        shown = await looks(page, ".answers button")
        assert len(shown) == 2
        assert shown[0] == shown[1]
        await page.click("text=Make my choices")
        inputs = await looks(page, "fieldset input")
        assert all(one == inputs[0] for one in inputs)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_rule_3_withdrawing_takes_no_more_clicks_than_agreeing(stage: Stage) -> None:
    async with stage.browsing() as page:
        await page.goto(f"{stage.url}/join/{stage.tokens['one']}")
        give = ["text=Continue to log in", "text=Yes, I consent"]
        for click in give:
            await page.click(click)
        assert await page.locator(".tag").inner_text() == "You said yes"
        await page.goto(stage.url)
        end = ["header >> text=My page", "text=Withdraw my consent"]
        for click in end:
            await page.click(click)
        assert await page.locator("h1").inner_text() == "Your consent is withdrawn"
        assert len(end) <= len(give)


async def test_rule_4_a_consent_is_sent_with_nothing_else(stage: Stage) -> None:
    bound = "form_token|shown|language|ours|lang"  # the last leads to the same question in another language
    allowed = re.compile(rf"{bound}|until|receipt_container|answer-[a-z]+|statement-[a-z]+")
    async with stage.browsing() as page:
        for which in stage.tokens:
            request = await stage.ask(page, which)
            forms = page.locator(f'form[method=post][action="{request.removeprefix(stage.url)}"]')
            assert await forms.count() == 1
            names = await forms.evaluate("form => [...form.elements].map(one => one.name).filter(Boolean)")
            assert [name for name in names if not allowed.fullmatch(name)] == []


@pytest.mark.parametrize("path", ["/join/{one}", "/join/{one}/request", "/", "/login", "/me/rights"])
async def test_rule_5_plain_words(stage: Stage, path: str) -> None:
    """A Flesch-Kincaid grade with syllables counted as groups of vowels: a small measure of our own, for
    English. French and Dutch are read by people; here only their sentences are kept short."""
    async with stage.browsing() as page:
        for tag in ("en", "fr", "nl"):
            await page.goto(stage.url + path.format(**stage.tokens))
            await page.goto(f"{page.url.partition('?')[0]}?lang={tag}")
            blocks = await page.locator("main :is(p, li, dd, button)").all_inner_texts()
            sentences = [s for block in blocks for s in re.split(r"(?<=[.!?:;])\s+|\n", block) if _words(s)]
            words = [word for sentence in sentences for word in _words(sentence)]
            assert len(words) / len(sentences) <= 16, tag
            if tag == "en":
                syllables = sum(_syllables(word) for word in words)
                grade = 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
                assert grade <= GRADE


def _words(text: str) -> list[str]:
    plain = re.sub(r"\S*(?:://|sha256:|[/@])\S*", " ", text)
    return re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", plain)


def _syllables(word: str) -> int:
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    return max(1, groups - (word.lower().endswith("e") and not word.lower().endswith("le")))


@pytest.mark.parametrize("which", ["one", "two", "special"])
@pytest.mark.parametrize("approved", [False, True], ids=["nobody", "everybody"])
async def test_rule_6_the_first_layer_is_short(stage: Stage, which: str, approved: bool) -> None:
    async with stage.browsing() as page:
        if approved:
            await approve_on_two_days(stage, f"space-{which}")
        for tag in ("en", "fr", "nl"):
            request = await stage.ask(page, which)
            await page.goto(f"{request}?lang={tag}")
            rows = await page.locator("main .label").inner_text()
            assert len(_words(rows)) <= MOST_WORDS, tag
            assert ("2026" in rows) == approved
            assert OWNER not in rows, "the WebID is in the second layer"
            assert await page.locator("main details[open]").count() == 0


async def test_rule_6_the_first_layer_of_the_real_example_is_short(stage: Stage) -> None:
    """Twelve documents of one kind are one line; each of them stands behind it, with its address."""
    await stage_example(stage)
    async with stage.browsing() as page:
        await approve_on_two_days(stage, "home-energy")
        for tag in ("en", "fr", "nl"):
            for address in (f"{stage.url}/join/{stage.tokens['example']}", await stage.ask(page, "example")):
                await page.goto(f"{address}?lang={tag}")
                rows = await page.locator("main .label").inner_text()
                assert len(_words(rows)) <= MOST_WORDS_OF_EXAMPLE, (tag, address)
                assert len(_words(await page.locator("#row-what").inner_text())) <= 35
                assert "energy/2025/" not in rows
                behind = await page.locator("#row-what details [data-line]").all_text_contents()
                assert len(behind) == 12
                assert all(f"energy/2025/{at:02}.ttl" in line for at, line in enumerate(behind, 1))


async def stage_example(stage: Stage) -> None:
    """The space of ``examples/home-energy``, whose documents are in Anna's pod."""
    values = {"owner": OWNER, "code_provider": CODE_PROVIDER, "consumer": CONSUMER}
    path = asset("examples", "home-energy", "space.toml")
    example = load_space(path, space_policy(stage.gate.world.settings), values)
    await space.create(stage.gate.world, example.agreement)
    readings = {f"energy/2025/{month:02}.ttl": b"<#a> <#b> 2 ." for month in range(1, 13)}
    stage.gate.pods.give(ANNA, POD, readings)
    stage.tokens["example"] = await invite.invite(stage.gate.world, None, "home-energy", uses=0, days=1)


async def approve_on_two_days(stage: Stage, space_id: str) -> None:
    """Each party on a day of its own: that takes the most words."""
    agreement = (await space.show(stage.gate.world, space_id)).agreement
    async with stage.gate.world.store.transaction() as tx:
        for day, party in enumerate(agreement.parties, 20):
            for role in party.roles.intersection(APPROVING):
                about = (space_id, digest(agreement), agreement.algorithm, role, party.webid)
                await tx.spaces.approve(Approval(*about, "approve", datetime(2026, 11, day, tzinfo=UTC)))


@pytest.mark.parametrize("script", [True, False], ids=["script", "noscript"])
async def test_rule_7_every_step_works_without_a_script(stage: Stage, script: bool) -> None:
    async with stage.browsing(java_script_enabled=script) as page:
        await stage.ask(page, "two")
        await page.click("text=Make my choices")
        await page.check("#study-no")
        await page.evaluate("document.querySelectorAll('input').forEach(one => one.required = false)")
        await page.click("text=Check my choices")
        assert "A choice is still open" in await page.locator("main").inner_text()
        assert await page.locator("#study-no").is_checked(), "the other choice is kept"
        await page.check("#advice-yes")
        await page.click("text=Check my choices")
        assert "Nothing is recorded yet." in await page.locator("main").inner_text()
        await page.click("text=Record my answers")
        assert page.url == f"{stage.url}/me"
        assert await page.locator(".tag").all_inner_texts() == [
            "You said yes",
            "You said no",
        ] or await page.locator(".tag").all_inner_texts() == ["You said no", "You said yes"]
        await page.click("text=Choose what happens to my results")
        await page.click("text=Withdraw, and remove my results from my pod")
        assert await page.locator("h1").inner_text() == "Your consent is withdrawn"

        await stage.ask(page, "special")
        await page.click("text=Yes, I consent")
        assert await page.locator("h1").inner_text() == "One more step, for sensitive data"
        await page.fill("#word-health", "something")
        await page.click("text=Yes, I consent")
        assert "with or without capitals" in await page.locator("main").inner_text()
        await page.fill("#word-health", "agree")
        await page.click("text=Yes, I consent")
        assert await page.locator(".tag").inner_text() == "You said yes"

        await stage.ask(page, "one")
        await page.click("text=Decide later")
        assert "Waiting for your answer" in await page.locator("main").inner_text()


async def test_rule_8_nothing_comes_from_another_host(stage: Stage) -> None:
    hosts: set[str] = set()
    async with stage.browsing() as page:
        page.on("request", lambda sent: hosts.add(re.sub(r"^(\w+://[^/]+).*", r"\1", sent.url)))
        for _, path in await addresses(stage, page):
            reply = await page.goto(stage.url + path)
            assert reply is not None
            assert "default-src 'self'" in reply.headers["content-security-policy"], path
            assert "unsafe" not in reply.headers["content-security-policy"], path
    assert hosts == {stage.url}


async def test_rule_9_nobody_is_hurried_or_asked_twice(stage: Stage) -> None:
    async with stage.browsing() as page:
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        request = await stage.ask(page, "one")
        assert await page.locator("meta[http-equiv=refresh], progress, meter, [hx-trigger]").count() == 0
        assert not re.search(r"hurry|last chance|are you sure|seconds? left", await page.content(), re.I)
        await say(page, "no")
        await page.goto(request)
        assert await page.locator("h1").inner_text() == "You have answered this request"
        assert dialogs == []
        assert await page.locator("main button[value=yes]").count() == 0


async def test_rule_10_values_of_the_preview_stay_on_the_page(
    stage: Stage, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with stage.browsing() as page:
        request = await stage.ask(page, "one")
        reply = await page.goto(f"{request}/preview")
        assert reply is not None
        assert reply.headers["cache-control"] == "no-store"
    written = "".join(capfd.readouterr()) + caplog.text
    async with stage.gate.world.store.transaction() as tx:
        listed = sa.text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in (await tx.connection.execute(listed)).all():
            rows = (await tx.connection.execute(sa.text(f'SELECT t::text FROM "{table}" t'))).all()
            written += "".join(text for (text,) in rows)
    kept = _all_bytes(tmp_path)
    assert CANARY not in written
    assert CANARY.encode() not in kept
    assert CANARY.encode().hex() not in written, "bytes are shown in hex by the database"


def _all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_rule_11_what_is_shown_is_what_is_stored(stage: Stage) -> None:
    async with stage.browsing() as page:
        request = await stage.ask(page, "one")
        rows = await page.locator(".label > div").evaluate_all(
            "all => all.map(row => [row.id.slice(4), row.querySelector('dt').textContent,"
            " [...row.querySelectorAll('[data-line]')].sort((a, b) => a.dataset.line - b.dataset.line)"
            ".map(line => line.textContent)])"
        )
        asked = await page.evaluate(
            "address => fetch(address).then(found => found.json())", f"{request}.json"
        )
        seen = Notice(
            language=str(await page.locator("html").get_attribute("lang")),
            title=await page.locator("h1").inner_text(),
            rows=tuple((key, title, tuple(lines)) for key, title, lines in rows),
            statements={"advice": await page.locator("#statement").inner_text()},
            agreement_digest=asked["notice"]["agreement_digest"],
            resources_digest=asked["notice"]["resources_digest"],
            digest="",
        )
        consent = await say(page, "yes")
        session = await stage.gate.log_in(ANNA)
        view = (
            await consent_flow.review(stage.gate.world, session, request.rpartition("/")[2], "en")
        ).answered
    assert consent.endswith(view[0].record.consent_id)
    assert view[0].record.notice_digest == notice_digest(seen)
