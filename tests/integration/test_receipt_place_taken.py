"""Something stands where a receipt is to go: our own earlier copy is a success, anything else is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from solidgate.flow import invite, space
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.terms import ADVICE, sample_agreement
from tests.unit.web.asked import ANNA, POD, READINGS, hidden

BECAUSE = {
    "en": ("The copy was not saved in your pod, because:", "Something else is at the place"),
    "fr": ("La copie n’a pas été enregistrée dans votre pod", "Autre chose se trouve là"),
    "nl": ("De kopie is niet in uw pod opgeslagen", "Er staat iets anders"),
}


BEN = "https://ben.example/profile/card#me"
NOW = {"en": "This is there now:", "fr": "Voici ce qui s’y trouve maintenant", "nl": "Dit staat er nu:"}
LIKE_OURS = b"of the same size and type"


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as opened:
        opened.pods.give(ANNA, POD, READINGS)
        await space.create(opened.world, sample_agreement(purposes=(ADVICE,)))
        yield opened


@pytest.fixture
async def anna(gate: TestGate) -> AsyncIterator[Browser]:
    async with gate.browser(ANNA) as browser:
        yield browser


def taken_first(gate: TestGate, monkeypatch: pytest.MonkeyPatch, ending: str, **other: Any) -> None:
    """Whatever ends so is in the pod just before our copy comes; the same bytes and type unless told."""
    create = gate.pods.create

    async def late(access: Any, url: str, content: bytes, media_type: str) -> Any:
        if url.endswith(ending):
            there = other.get("content", content)
            there = content[::-1] if there is LIKE_OURS else there
            gate.pods._put(url, there, other.get("media_type", media_type))
        return await create(access, url, content, media_type)

    monkeypatch.setattr(gate.pods, "create", late)


async def say_yes(gate: TestGate, anna: Browser) -> str:
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
    request = (await anna.get(f"/join/{token}/request")).place
    page = (await anna.get(request)).text
    fields = {name: hidden(page, name) for name in ("shown", "language")}
    return (await anna.post(request, {**fields, "answer-advice": "yes"})).place


@pytest.mark.parametrize("ending", [".ttl", ".jsonld", ".jwt"])
async def test_an_earlier_copy_of_ours_is_the_copy(
    gate: TestGate, anna: Browser, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    taken_first(gate, monkeypatch, ending)
    page = (await anna.get(await say_yes(gate, anna))).text
    assert "A copy is in your pod:" in page
    assert "pod.conflict" not in page


async def test_a_pod_that_keeps_statements_gives_our_copy_back_in_its_own_form(
    gate: TestGate, anna: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = gate.pods.create

    async def rewritten(access: Any, url: str, content: bytes, media_type: str) -> Any:
        if url.endswith(".ttl"):
            gate.pods._put(url, b"# as this server writes it\n" + content, media_type)
        return await create(access, url, content, media_type)

    monkeypatch.setattr(gate.pods, "create", rewritten)
    page = (await anna.get(await say_yes(gate, anna))).text
    assert "A copy is in your pod:" in page


@pytest.mark.parametrize(
    ("ending", "other"),
    [
        (".ttl", {"content": b"<urn:a> <urn:b> <urn:c> ."}),
        (".jsonld", {"content": b"[]"}),
        (".jwt", {"content": b"x"}),
        (".jwt", {"content": LIKE_OURS}),
        (".jwt", {"media_type": "text/plain"}),
    ],
)
@pytest.mark.parametrize("language", ["en", "fr", "nl"])
async def test_something_else_is_told_with_what_can_be_done_and_left_as_it_is(
    gate: TestGate,
    anna: Browser,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
    other: dict[str, Any],
    language: str,
) -> None:
    taken_first(gate, monkeypatch, ending, **other)
    consent = await say_yes(gate, anna)
    for page in (consent, f"{consent}/receipt"):
        text = (await anna.get(f"{page}?lang={language}")).text
        assert all(said in text for said in BECAUSE[language]), page
        assert "pod.conflict" in text
        assert f'action="{consent}/receipt"' in text
        assert f"{consent}/receipt.jwt" in (await anna.get(consent)).text
        assert NOW[language] in text
    (held,) = [one for url, one in gate.pods.held.items() if url.endswith(ending) and "receipts" in url]
    if (content := other.get("content")) is not LIKE_OURS:
        assert held.content == (held.content if content is None else content)
    assert f'<a href="{held.url}">' in (await anna.get(consent)).text
    monkeypatch.undo()
    del gate.pods.held[held.url]
    assert (await anna.post(f"{consent}/receipt", {})).place == consent
    assert "pod.conflict" not in (await anna.get(consent)).text


async def test_another_receipt_of_ours_is_told_with_whose_and_when(
    gate: TestGate, anna: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receipts may have changed places: the signature tells which it is."""
    gate.pods.give(BEN, "https://ben.example/", READINGS)
    async with gate.browser(BEN) as ben:
        await say_yes(gate, ben)
    (other,) = [one for url, one in gate.pods.held.items() if url.endswith(".jwt")]
    taken_first(gate, monkeypatch, ".jwt", content=other.content)
    text = " ".join((await anna.get(await say_yes(gate, anna))).text.split())
    assert "A signed receipt of this service about another consent: You said yes, " in text
    assert "Something that your pod does not show" not in text


async def test_what_the_pod_does_not_show_is_told_as_that(
    gate: TestGate, anna: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_first(gate, monkeypatch, ".jwt", content=b"x")
    consent = await say_yes(gate, anna)
    gate.pods.refuses.add("state")
    text = (await anna.get(consent)).text
    assert "Something that your pod does not show" in text
    assert "application/vc+jwt" not in text


async def test_a_copy_that_was_moved_away_can_be_had_again(gate: TestGate, anna: Browser) -> None:
    consent = await say_yes(gate, anna)
    page = (await anna.get(consent)).text
    assert "If you moved or deleted it, you can have it again." in page
    receipts = {url: one for url, one in gate.pods.held.items() if "receipts" in url}
    assert len(receipts) == 3
    for url in receipts:
        del gate.pods.held[url]
    assert (await anna.post(f"{consent}/receipt", {})).place == consent
    assert {url: one.content for url, one in gate.pods.held.items() if "receipts" in url} == {
        url: one.content for url, one in receipts.items()
    }
    await anna.post(f"{consent}/withdraw", {})
    ended = (await anna.get(consent)).text
    assert "A copy is in your pod:" in ended
    assert "you can have it again" not in ended, "after a withdrawal nothing more is begun there"
