"""What the pages say is so: each test sees the words and what they promise."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from solidgate.consent.status import ConsentStatus
from solidgate.flow.settle import settle
from solidgate.testing.gate import Browser, TestGate
from solidgate.testing.terms import ADVICE, STUDY, sample_agreement
from solidgate.web import words
from solidgate.web.language import Language
from tests.unit.web.asked import HEALTH, LANGUAGES, POD, question, told
from tests.unit.web.page_values import OF_SPACE, consent_of, values
from tests.unit.web.test_templates import render

BESIDE = {"answer-advice": "no", "answer-study": "yes"}
YES = {"answer-advice": "yes", "answer-study": "yes"}
STAY = "Your other consents in this space stay"


@pytest.mark.parametrize(
    ("language", "title"),
    [("en", "Energy advice"), ("fr", "Conseil énergie"), ("nl", "Energieadvies")],
)
async def test_a_yes_beside_a_no_to_what_is_required_is_not_recorded(
    gate: TestGate, anna: Browser, language: str, title: str
) -> None:
    asked = await question(gate, anna, ADVICE, STUDY, language=language)
    looked = await anna.get(asked.step("check", **BESIDE))
    sent = await anna.post(asked.path, {**asked.fields, **BESIDE})
    for page in (looked, sent):
        assert page.status == 400
        told(page, "answer-study")
        fault = re.search(r'id="error-answer-study">(.*?)</p>', page.text)
        assert fault
        assert fault[1].count(title) == 2
    program = await anna.post(asked.path, {**asked.fields, **BESIDE}, "application/json")
    assert (program.status, json.loads(program.content)["code"]) == (400, "consent.required-refused")
    assert json.loads((await anna.get("/me", "application/json")).content)["consents"] == []
    assert gate.pods.doors == {}


@pytest.mark.parametrize(
    "answers",
    [
        {"answer-advice": "no", "answer-study": "no"},
        {"answer-advice": "yes", "answer-study": "no"},
        YES,
    ],
)
async def test_every_other_answer_is_recorded(gate: TestGate, anna: Browser, answers: dict[str, str]) -> None:
    asked = await question(gate, anna, ADVICE, STUDY)
    assert (await anna.get(asked.step("check", **answers))).status == 200
    assert (await anna.post(asked.path, {**asked.fields, **answers})).status == 303


async def test_a_withdrawal_ends_what_it_names_and_says_what_stays(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE, STUDY)
    made = await anna.post(asked.path, {**asked.fields, **YES}, "application/json")
    advice, study = (
        f"/consents/{one['id'].rpartition('/')[2]}" for one in json.loads(made.content)["consents"]
    )
    assert STAY in (await anna.get(f"{advice}/withdraw")).text
    page = await anna.post(f"{advice}/withdraw", {})
    assert STAY in page.text
    assert json.loads((await anna.get(study, "application/json")).content)["status"] == "given"
    assert STAY not in (await anna.post(f"{study}/withdraw", {})).text


async def test_a_no_writes_nothing_until_it_is_asked_to(gate: TestGate, anna: Browser) -> None:
    before = set(gate.pods.held)
    asked = await question(gate, anna, ADVICE)
    made = await anna.post(asked.path, {**asked.fields, "answer-advice": "no"})
    assert anna.session
    assert await settle(gate.world, anna.session) == 0, "the next login has nothing to do for it"
    await anna.post(f"{made.place}/door", {})
    assert set(gate.pods.held) == before
    page = (await anna.get(made.place)).text
    assert "Save a receipt in my pod" in page
    assert (await anna.post(f"{made.place}/receipt", {})).status == 303
    assert {url for url in set(gate.pods.held) - before if url.startswith(f"{POD}solidgate/receipts/")}


async def test_a_receipt_of_a_no_that_was_asked_for_is_copied_at_the_next_login_at_last(
    gate: TestGate, anna: Browser
) -> None:
    asked = await question(gate, anna, ADVICE)
    made = await anna.post(asked.path, {**asked.fields, "answer-advice": "no"})
    before = set(gate.pods.held)
    gate.pods.refuses.add("create")
    await anna.post(f"{made.place}/receipt", {})
    gate.pods.refuses.clear()
    assert set(gate.pods.held) == before
    assert anna.session
    assert [await settle(gate.world, anna.session) for _ in range(2)] == [1, 0]
    assert {url for url in set(gate.pods.held) - before if url.startswith(f"{POD}solidgate/receipts/")}


async def test_a_refusal_is_called_one(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    made = await anna.post(asked.path, {**asked.fields, "answer-advice": "no"})
    page = (await anna.get(made.place)).text
    assert "Your answer: Energy advice" in page
    assert "Your consent:" not in page
    printed = (await anna.get(f"{made.place}/receipt")).text
    assert "<h1>Receipt of your refusal</h1>" in printed
    assert f"{made.place}/withdraw" not in printed
    assert "withdraw a yes" not in (await anna.get(asked.path)).text


async def test_a_withdrawn_one_is_called_that(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    made = await anna.post(asked.path, {**asked.fields, "answer-advice": "yes"})
    assert "<h1>Consent receipt</h1>" in (await anna.get(f"{made.place}/receipt")).text
    await anna.post(f"{made.place}/withdraw", {})
    assert "<h1>Receipt of your withdrawal</h1>" in (await anna.get(f"{made.place}/receipt")).text


async def test_nobody_says_that_nothing_was_read(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    await anna.get(f"{asked.path}/preview")
    page = (await anna.get(asked.path)).text
    assert "The organisation has read nothing." in page
    assert "Nothing has been read" not in page


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_ended_session_is_told_above_the_login(gate: TestGate, anna: Browser, language: str) -> None:
    said = {"en": "Your choices are kept", "fr": "Vos choix sont gardés", "nl": "Uw keuzes zijn bewaard"}
    asked = await question(gate, anna, ADVICE, language=language)
    await anna.post("/logout", {})
    reply = await anna.post(asked.path, {**asked.fields, "answer-advice": "yes"})
    assert said[language] in (await anna.get(f"{reply.place}&lang={language}")).text
    other = (await anna.get("/login?ended=Call+0123")).text
    assert "0123" not in other
    assert "session ended" not in other


@pytest.mark.parametrize(("lacking", "may"), [("advice", False), ("study", True)])
def test_without_what_the_required_purpose_needs_there_is_no_yes(lacking: str, may: bool) -> None:
    found = values("choices.html", Language("en"), 2)["review"]
    left = tuple(
        (one, tuple(dataclasses.replace(doc, found=one != lacking) for doc in asked))
        for one, asked in found.request.resources
    )
    request = dataclasses.replace(found.request, resources=left)
    assert dataclasses.replace(found, request=request).may_agree is may


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_results_tell_how_their_consent_stands(language: str) -> None:
    said = {"en": "No longer used", "fr": "plus utilisé", "nl": "niet meer gebruikt"}[language]
    for status in (ConsentStatus.GIVEN, ConsentStatus.WITHDRAWN, ConsentStatus.EXPIRED):
        view = consent_of(sample_agreement(), status)
        page = render("results.html", language, given={"consents": (view,), "of_space": OF_SPACE})
        assert (said in page) is not status.valid_for_processing
        assert str(Language(language).text(words.STATUS[status])) in page


async def test_what_was_put_off_is_said_once(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    assert "Put off" not in (await anna.get("/me")).text
    await anna.post(f"{asked.path}/later", asked.fields)
    page = (await anna.get("/me")).text
    assert "Put off; nothing is read." in page
    assert ">Answered</h2>" not in page
    assert "You have not answered any request yet" not in page


@pytest.mark.parametrize("wrong", [{"until": "2099-01-01"}, {"receipt_container": "../up"}])
async def test_other_faults_are_told_before_the_word(
    gate: TestGate, anna: Browser, wrong: dict[str, str]
) -> None:
    asked = await question(gate, anna, HEALTH)
    for page in (
        await anna.post(asked.path, {**asked.fields, "answer-health": "yes", **wrong}),
        await anna.get(asked.step("word", **{"answer-health": "yes"}, **wrong)),
    ):
        assert page.status == 400
        told(page, *wrong)
    word = await anna.get(asked.step("word", **{"answer-health": "yes"}))
    assert f'<a href="{asked.path}">Back to what is asked</a>' in word.text
