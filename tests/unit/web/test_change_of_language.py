"""The language changes at any step and no choice is lost; a link that somebody else made chooses nothing."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from solidgate.flow import invite, space
from solidgate.testing.gate import Browser, TestGate
from solidgate.testing.terms import ADVICE, STUDY, sample_agreement
from tests.unit.web.asked import ANNA, HEALTH, hidden, question

NOTHING = re.compile(r" checked| selected|<input type=\"hidden\" name=\"answer-[a-z]+\" value=\"yes\"")
ROWS = re.compile(r'<div id="row-([a-z]+)">')
ASKED_ANEW = "Ce qui est demandé, dans cette langue"


def links(page: str) -> dict[str, str]:
    """Where the languages of the header lead, as a browser reads them."""
    found = re.findall(r'<li><a href="([^"]+)" lang="([a-z]+)"', page)
    return {tag: place.replace("&amp;", "&") for place, tag in found}


def button(page: str, tag: str) -> tuple[str, str, str]:
    """(form, method, address) of the header's button for a language."""
    shape = rf'form="([^"]+)" formmethod="([^"]+)" formaction="([^"]+)" name="lang" value="{tag}"'
    found = re.search(shape, page)
    assert found, page
    return found[1], found[2], found[3]


async def test_choices_that_were_not_sent_go_along(gate: TestGate, anna: Browser) -> None:
    """Also those of a form with something wrong in it, which is told in the new language again."""
    asked = await question(gate, anna, ADVICE, STUDY)
    least, *_, most = re.findall(r'<option value="([^"]*)">', (await anna.get(asked.step("choices"))).text)
    for step, status in (("choices", 200), ("check", 400)):
        picked = {"answer-study": "no", "until": most, "receipt_container": "my/papers/"}
        form, method, place = button((await anna.get(asked.step(step, **picked))).text, "fr")
        assert (form, method, place) == ("answer", "get", f"{asked.path}/{step}")
        page = await anna.get(asked.step(step, **picked, lang="fr"))
        assert page.status == status
        assert '<html lang="fr"' in page.text
        assert re.search(r'name="answer-study" value="no"[^>]* checked', page.text)
        assert page.text.count(" checked") == 1
        assert f'<option value="{most}" selected>' in page.text
        assert 'value="my/papers/"' in page.text
        assert ASKED_ANEW in page.text
        assert len(ROWS.findall(page.text)) == 8, "the whole notice is read in the new language first"
        await anna.get("/?lang=en")
    assert least != most


async def test_an_answer_is_bound_to_the_language_it_was_read_in(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE, STUDY)
    picked = {"answer-advice": "yes", "answer-study": "no"}
    english = await anna.get(asked.step("check", **picked))
    page = await anna.get(links(english.text)["fr"])
    assert "Rien n’est encore enregistré" in page.text
    assert ASKED_ANEW in page.text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
    assert fields["language"] == "fr"
    assert fields["shown"] != asked.shown
    assert (await anna.post(asked.path, fields | picked)).status == 303
    mine = (await anna.get("/me.json", "application/json")).text
    first = (await anna.get(re.search(r"/consents/([\w-]+)", mine)[0])).text  # type: ignore[index]
    assert fields["shown"] in first


async def test_the_old_language_does_not_answer_under_a_new_digest(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    page = (await anna.get(f"{asked.path}?lang=fr")).text
    mixed = {**asked.fields, "shown": hidden(page, "shown"), "answer-advice": "yes"}
    assert (await anna.post(asked.path, mixed)).status == 409
    assert gate.pods.doors == {}


async def test_a_form_for_one_purpose_keeps_its_end_and_its_folder(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    page = (await anna.get(asked.path)).text
    most = re.findall(r'<option value="([^"]*)">', page)[-1]
    assert button(page, "nl") == ("answer", "post", f"{asked.path}/language")
    kept = {**asked.fields, "until": most, "receipt_container": "my/papers/", "statement-advice": "agree"}
    sent = await anna.post(f"{asked.path}/language", {**kept, "lang": "nl", "answer-advice": "yes"})
    assert sent.status == 303
    query = parse_qs(urlsplit(sent.place).query)
    assert set(query) == {"shown", "language", "ours", "until", "receipt_container", "lang"}
    dutch = (await anna.get(sent.place)).text
    assert '<html lang="nl"' in dutch
    assert f'<option value="{most}" selected>' in dutch
    assert 'value="my/papers/"' in dutch
    wrong = await anna.post(f"{asked.path}/language", {**kept, "lang": "fr", "receipt_container": "../up"})
    told = await anna.get(wrong.place)
    assert 'id="error-receipt_container"' in told.text
    assert 'id="error-answer-advice"' not in told.text
    assert gate.pods.doors == {}


async def test_the_step_of_the_word_keeps_the_choices_and_not_the_word(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, HEALTH)
    typed = {**asked.fields, "answer-health": "yes", "receipt_container": "my/", "statement-health": "agre"}
    page = await anna.post(asked.path, typed)
    place = links(page.text)["fr"]
    assert "agre" not in place.replace("agreement", "")
    french = await anna.get(place)
    assert french.status == 200
    assert "tapez le mot" in french.text
    assert hidden(french.text, "receipt_container") == "my/"
    assert ASKED_ANEW in french.text
    right = {"answer-health": "yes", "statement-health": "autorise"}
    bound = {name: hidden(french.text, name) for name in ("shown", "language")}
    assert (await anna.post(asked.path, bound | right)).status == 303


async def test_an_ended_session_keeps_them_in_the_new_language_too(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    page = (await anna.get(asked.path)).text
    most = re.findall(r'<option value="([^"]*)">', page)[-1]
    await anna.post("/logout", {})
    sent = await anna.post(f"{asked.path}/language", {**asked.fields, "until": most, "lang": "nl"})
    back = unquote(sent.place.partition("return_to=")[2]).partition("&ended")[0]
    async with gate.browser(ANNA) as later:
        assert f'<option value="{most}" selected>' in (await later.get(back)).text


@pytest.mark.parametrize("step", ["choices", "check", "word"])
@pytest.mark.parametrize("ours", ["", "0" * 32, "é", "another person's"])
async def test_a_link_that_somebody_else_made_chooses_nothing(
    gate: TestGate, anna: Browser, step: str, ours: str
) -> None:
    """Not with the right digest either, which the space can compute, nor with a mark of its own."""
    asked = await question(gate, anna, ADVICE, HEALTH)
    if ours == "another person's":
        other = "https://ben.example/profile/card#me"
        gate.pods.give(other, "https://ben.example/", {})
        async with gate.browser(other) as ben:
            ours = await _mark_of(gate, ben)
    fields = {"answer-advice": "yes", "answer-health": "yes", "ours": ours}
    for lang in ({}, {"lang": "fr"}):
        page = await anna.get(asked.step(step, **fields, **lang))
        assert (page.status, page.place) == (303, asked.path)
    question_again = await anna.get(asked.step("", **fields, until="2027-01-01").replace("/?", "?"))
    assert not NOTHING.search(question_again.text)


async def _mark_of(gate: TestGate, ben: Browser) -> str:
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
    path = (await ben.get(f"/join/{token}/request")).place
    return hidden((await ben.get(f"{path}?all=1")).text, "ours")


async def test_other_terms_are_no_other_language(gate: TestGate, anna: Browser) -> None:
    """A change of both at once shows the difference, and carries no choice over."""
    asked = await question(gate, anna, ADVICE, STUDY)
    newer = sample_agreement(purposes=(ADVICE, STUDY, HEALTH), version=2)
    await space.publish(gate.world, "home-energy", newer)
    page = await anna.get(asked.step("check", **{"answer-advice": "yes", "answer-study": "no", "lang": "fr"}))
    assert page.status == 409
    assert "<ins>" in page.text
    never = {**asked.fields, "shown": "sha256:" + "0" * 64}
    later = await anna.post(f"{asked.path}/later", never)
    assert later.status == 409
    assert links(later.text)["nl"] == f"{asked.path}?lang=nl", "a page that there is"


async def test_the_pod_that_is_picked_stays_picked_and_no_link_picks_one(
    gate: TestGate, anna: Browser
) -> None:
    second = "https://second.example/"
    gate.pods.more_storages[ANNA] = (second,)
    await space.create(gate.world, sample_agreement(purposes=(ADVICE,)))
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
    path = (await anna.get(f"/join/{token}/request")).place
    page = (await anna.get(f"{path}/storage")).text
    assert " checked" not in page
    form, method, place = button(page, "fr")
    assert (form, method) == ("answer", "post")
    for fields, checked in (({"storage": second}, 1), ({}, 0)):
        french = await anna.get((await anna.post(place, {**fields, "lang": "fr"})).place)
        assert '<html lang="fr"' in french.text
        assert french.text.count(" checked") == checked
        assert not checked or re.search(rf'value="{second}" checked', french.text)
    for ours in ("", "0" * 32):
        crafted = await anna.get(f"{path}/storage?storage={second}&ours={ours}")
        assert " checked" not in crafted.text
