"""The eleven rules of a fair question, each in a real browser.

The gate is the real one; pods are in memory and logins are given, so that hundreds of pages can be looked at.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.async_api import Browser, Page

from solidgate.consent.notice import Notice, notice_digest
from solidgate.flow import consent as consent_flow
from solidgate.flow import invite, space
from solidgate.settings import Consent, Preview
from solidgate.space.purpose import ResourceNeed
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.terms import ADVICE, OWNER, STUDY, sample_agreement

ANNA = "https://anna.example/profile/card#me"
POD = "https://anna.example/"
CANARY = "canary-7f3a91"
READINGS = {
    "energy/2025.ttl": f'<#a> <https://schema.org/value> "{CANARY}" .'.encode(),
    "energy/2024.ttl": b"<#a> <#b> 2 .",
}
HEALTH = replace(STUDY, id="health", special_category=True)
LOOKS = ("width", "height", "color", "background-color", "border", "font", "padding", "opacity", "visibility")
MOST_WORDS = 250
GRADE = 8.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A gate with spaces that ask one thing, two things, and one of a special category."""

    gate: TestGate
    chromium: Browser
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        return self.gate.url.rstrip("/")

    @asynccontextmanager
    async def browsing(self, webid: str | None = ANNA, **options: Any) -> AsyncIterator[Page]:
        context = await self.chromium.new_context(**{"locale": "en", **options})
        if webid:
            session = await self.gate.log_in(webid)
            await context.add_cookies(
                [{"name": "solidgate-session", "value": session.session_id, "url": self.url}]
            )
        yield await context.new_page()
        await context.close()

    async def ask(self, page: Page, which: str) -> str:
        """Open the request of a space; its address."""
        await page.goto(f"{self.url}/join/{self.tokens[which]}/request")
        return page.url.partition("?")[0]


@pytest.fixture
async def stage(chromium: Browser, database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    quick = Consent(posts_per_minute=10_000)
    async with open_gate(
        database_url, tmp_path, consent=quick, preview=Preview(views_per_minute=10_000)
    ) as gate:
        gate.pods.give(ANNA, POD, READINGS)
        asked = {"one": (ADVICE,), "two": (ADVICE, STUDY), "special": (HEALTH,)}
        tokens = {}
        for name, purposes in asked.items():
            await space.create(gate.world, sample_agreement(f"space-{name}", purposes))
            tokens[name] = await invite.invite(gate.world, None, f"space-{name}", uses=0, days=1)
        yield Stage(gate, chromium, tokens)


async def looks(page: Page, selector: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = await page.locator(selector).evaluate_all(
        "(all, names) => all.map(one => Object.fromEntries(names.map("
        "name => [name, getComputedStyle(one).getPropertyValue(name)])))",
        list(LOOKS),
    )
    return found


async def say(page: Page, answer: str) -> str:
    """Press one of the two buttons; the address of the consent."""
    await page.click(f"main button[value={answer}]")
    return page.url


# --- the eleven rules ---------------------------------------------------------------------------------


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
    allowed = re.compile(r"form_token|shown|language|until|receipt_container|answer-[a-z]+|statement-[a-z]+")
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
async def test_rule_6_the_first_layer_is_short(stage: Stage, which: str) -> None:
    async with stage.browsing() as page:
        for tag in ("en", "fr", "nl"):
            request = await stage.ask(page, which)
            await page.goto(f"{request}?lang={tag}")
            rows = await page.locator("main .label").inner_text()
            assert len(_words(rows)) <= MOST_WORDS, tag
            assert await page.locator("main details[open]").count() == 0


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
        assert "That was another word." in await page.locator("main").inner_text()
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


# --- accessibility ------------------------------------------------------------------------------------


async def not_found(stage: Stage, page: Page) -> str:
    """A request for something that is in none of the person's two pods: its path, after a pod was chosen."""
    if "lost" not in stage.tokens:
        title = {"en": "Diaries", "fr": "Journaux", "nl": "Dagboeken"}
        need = ResourceNeed(
            "", title, ("pd:Household",), kind="https://example.org/Diary", within=("diary/",)
        )
        await space.create(
            stage.gate.world, sample_agreement("space-lost", (replace(ADVICE, needs=(need,)),))
        )
        stage.tokens["lost"] = await invite.invite(stage.gate.world, None, "space-lost", uses=0, days=1)
    stage.gate.pods.more_storages[ANNA] = ("https://second.example/",)
    address = await stage.ask(page, "lost")
    assert await page.locator("main input:checked").count() == 0
    await page.check("#storage-1")
    await page.click("text=Look in this pod")
    assert await page.locator("h1").inner_text() == "What is needed was not found"
    assert await page.locator("main [name^=answer-]").count() == 0
    await page.click("text=Look again")
    assert await page.locator("h1").inner_text() == "What is needed was not found"
    await page.goto(f"{address.removesuffix('/storage')}/storage")  # the choice can still be changed
    await page.check("#storage-2")
    await page.click("text=Look in this pod")
    stage.gate.pods.more_storages.clear()
    return address.removeprefix(stage.url).removesuffix("/storage")


async def test_nothing_found_is_said_and_a_pod_is_chosen_without_a_script(stage: Stage) -> None:
    async with stage.browsing(java_script_enabled=False) as page:
        assert await not_found(stage, page)
        assert await page.locator("code").first.inner_text() == "https://second.example/"


async def addresses(stage: Stage, page: Page) -> list[tuple[str, str]]:
    """(who, path) of every page, after a yes, a no, a withdrawal and a deferral."""
    given = (await stage.ask(page, "one"), await say(page, "yes"))
    open_one = await stage.ask(page, "two")
    shown = await page.locator("input[name=shown]").first.input_value()
    step = f"?shown={shown}&language=en"
    special = await stage.ask(page, "special")
    word = f"?shown={await page.locator('input[name=shown]').first.input_value()}&language=en"
    lost = await not_found(stage, page)
    own, two = (address.removeprefix(stage.url) for address in (given[1], open_one))
    people = [
        "/",
        f"/join/{stage.tokens['one']}",
        "/login",
        "/me/confirm?return_to=/me",
        "/me",
        "/me?show=ended",
        "/me/results",
        "/me/activity",
        "/me/rights",
        "/me/erase",
        "/me/withdraw",
        given[0].removeprefix(stage.url),
        two,
        f"{two}/preview",
        f"{two}/example",
        f"{two}/choices{step}",
        f"{two}/check{step}",
        f"{two}/check{step}&answer-advice=yes&answer-study=no",
        f"{special.removeprefix(stage.url)}/word{word}&answer-health=yes&wrong=1",
        f"{lost}/storage",
        lost,
        f"{lost}?all=1",
        own,
        f"{own}/receipt",
        f"{own}/activity",
        f"{own}/withdraw",
        "/nowhere",
        "/join/unknown",
        "/errors",
        "/ns",
        "/spaces",
        "/spaces/space-one",
        "/spaces/space-one/agreement",
        "/spaces/space-one/approvals",
        "/spaces/space-one/agent",
    ]
    organisations = [
        "/spaces/space-one/algorithm",
        "/spaces/space-one/runs",
        "/spaces/space-one/results",
        "/spaces/space-one/sparql",
    ]
    return [(ANNA, path) for path in people] + [(OWNER, path) for path in organisations]


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
