"""Asked again over HTTP: the page says what changed since the answer, in the language it is read in now."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from solidgate.flow import invite, reask, space
from solidgate.flow.consent import review
from solidgate.space.agreement import Agreement
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.space import answer
from solidgate.testing.terms import ADVICE, STUDY, sample_agreement
from tests.unit.web.asked import ANNA, hidden

SPACE = "home-energy"
UNCHANGED = {
    "en": "Nothing has changed since you answered.",
    "fr": "Rien n’a changé depuis votre réponse.",
    "nl": "Er is niets veranderd sinds uw antwoord.",
}


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as opened:
        opened.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b"<#a> <#b> 1 ."})
        await space.create(opened.world, agreed())
        yield opened


def agreed(**changes: Any) -> Agreement:
    return dataclasses.replace(sample_agreement(purposes=(ADVICE,)), **changes)


async def asked_again(gate: TestGate, anna: Browser, *, yes: bool) -> str:
    """Anna has answered in English, has withdrawn a yes, and is asked anew: the path of the new request."""
    assert anna.session
    token = await invite.invite(gate.world, None, SPACE, uses=0, days=1)
    request = (await anna.get(f"/join/{token}/request")).place
    request_id = request.rpartition("/")[2]
    (made,) = await answer(gate.world, anna.session, request_id, None if yes else ())
    own = f"/consents/{made.record.consent_id}"
    if yes:
        await anna.post(f"{own}/withdraw", {})
    again = (await anna.post(f"{own}/again", {})).place
    assert again.startswith("/requests/")
    assert again != request
    return again


async def since(gate: TestGate, anna: Browser, path: str, language: str) -> reask.Since | None:
    assert anna.session
    found = await review(gate.world, anna.session, path.rpartition("/")[2], language)
    return await reask.since_last_answer(gate.world, anna.session, found)


def folded(page: str) -> bool:
    before = page[: page.index('<dl class="label">')]
    return before.count("<details") > before.count("</details")


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
async def test_after_a_withdrawal_nothing_changed_and_the_label_is_open(
    gate: TestGate, language: str
) -> None:
    async with gate.browser(ANNA) as anna:
        again = await asked_again(gate, anna, yes=True)
        found = await since(gate, anna, again, language)
        page = (await anna.get(f"{again}?lang={language}")).text
    assert found is not None
    assert found.changes == ()
    assert UNCHANGED[language] in page
    assert not folded(page)
    assert "The organisation has read nothing." not in page


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
async def test_what_changed_is_told_in_the_language_of_the_page(gate: TestGate, language: str) -> None:
    async with gate.browser(ANNA) as anna:
        again = await _refused_and_changed(gate, anna)
        found = await since(gate, anna, again, language)
        page = (await anna.get(f"{again}?lang={language}")).text
    assert found is not None
    assert [change.key for change in found.told] == ["duration"]
    before, after = (re.findall(rf"<{tag}>(.*?)</{tag}>", page) for tag in ("del", "ins"))
    unit = {"en": "month", "fr": "mois", "nl": "maand"}[language]
    assert any(unit in line for line in before)
    assert any(f"2 {unit}" in line for line in after)
    assert UNCHANGED[language] not in page
    assert folded(page)


async def test_other_terms_under_the_same_label_are_no_unchanged_page(gate: TestGate) -> None:
    async with gate.browser(ANNA) as anna:
        again = await _refused_and_changed(gate, anna, minimum_level=2)
        found = await since(gate, anna, again, "fr")
        page = (await anna.get(again)).text
    assert found is not None
    assert found.changes
    assert found.told == ()
    assert UNCHANGED["en"] not in page
    assert "The words of the page changed, not one of its eight rows." in page
    assert not folded(page)


async def test_terms_that_were_not_in_this_language_leave_the_difference_untold(gate: TestGate) -> None:
    await space.publish(gate.world, SPACE, agreed(version=2, languages=("en",)))
    async with gate.browser(ANNA) as anna:
        again = await _refused_and_changed(gate, anna, version=3)
        found = await since(gate, anna, again, "nl")
        page = (await anna.get(f"{again}?lang=nl")).text
    assert found == reask.Since(None)
    assert UNCHANGED["nl"] not in page
    assert "U hebt dit al beantwoord." in page
    assert not folded(page)


async def _refused_and_changed(gate: TestGate, anna: Browser, version: int = 2, **changes: object) -> str:
    """Anna said no in English; then the terms changed, and she is asked under the new ones."""
    again = await asked_again(gate, anna, yes=False)
    changes = changes or {"validity": "P2M"}
    await space.publish(gate.world, SPACE, agreed(version=version, **changes))
    return again


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
async def test_a_change_of_the_full_terms_is_shown_by_paragraphs(gate: TestGate, language: str) -> None:
    was = agreed().terms[language]
    both = {tag: f"{text}\n\nWe sell it." for tag, text in agreed().terms.items()}
    async with gate.browser(ANNA) as anna:
        again = await _refused_and_changed(gate, anna, terms=both)
        page = (await anna.get(f"{again}?lang={language}")).text
    assert re.findall(r"<(del|ins)>(.*?)</", page) == [("ins", "We sell it.")]
    assert page.count(f"<p>{was}</p>") == 2
    assert {"en": "The full terms", "fr": "Les conditions complètes", "nl": "De volledige voorwaarden"}[
        language
    ] in page


async def test_terms_that_change_between_page_and_answer_are_shown_by_paragraphs(gate: TestGate) -> None:
    async with gate.browser(ANNA) as anna:
        token = await invite.invite(gate.world, None, SPACE, uses=0, days=1)
        path = (await anna.get(f"/join/{token}/request")).place
        shown = hidden((await anna.get(path)).text, "shown")
        sold = {tag: f"{text}\nWe sell it." for tag, text in sample_agreement().terms.items()}
        await space.publish(gate.world, SPACE, agreed(version=2, terms=sold))
        page = await anna.post(path, {"shown": shown, "language": "en", "answer-advice": "yes"})
    assert page.status == 409
    assert re.findall(r"<(del|ins)>(.*?)</", page.text) == [("ins", "We sell it.")]


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_after_one_of_two_was_withdrawn_nothing_of_the_other_is_a_change(
    gate: TestGate, language: str
) -> None:
    """A yes that holds is not asked again, so that it is missing is no difference of the terms."""
    gate.pods.give(ANNA, "https://anna.example/", {"energy/2024.ttl": b"<#a> <#b> 1 ."})
    await space.publish(gate.world, SPACE, agreed(version=2, purposes=(ADVICE, STUDY)))
    async with gate.browser(ANNA) as anna:
        again = await _one_withdrawn(gate, anna)
        found = await since(gate, anna, again, language)
        page = (await anna.get(f"{again}?lang={language}")).text
        assert (found and found.changes, UNCHANGED[language] in page) == ((), True)
        longer = agreed(version=3, purposes=(ADVICE, STUDY), retention="P24M")
        await space.publish(gate.world, SPACE, longer)
        page = (await anna.get(f"{again}?lang={language}")).text
    assert len(re.findall(r"<del>", page)) == len(re.findall(r"<ins>", page)) == 1


async def _one_withdrawn(gate: TestGate, anna: Browser) -> str:
    assert anna.session
    token = await invite.invite(gate.world, None, SPACE, uses=0, days=1)
    request = (await anna.get(f"/join/{token}/request")).place
    made = await answer(gate.world, anna.session, request.rpartition("/")[2], None)
    (study,) = (one.record.consent_id for one in made if one.record.purpose == "study")
    await anna.post(f"/consents/{study}/withdraw", {})
    return (await anna.post(f"/consents/{study}/again", {})).place
