"""A no is as easy as a yes: nothing that only a yes needs ever stands in its way."""

from __future__ import annotations

import json

import pytest

from solidgate.testing.gate import Browser, TestGate
from solidgate.testing.terms import ADVICE, STUDY
from tests.unit.web.asked import HEALTH, LANGUAGES, POD, Question, question, told

LEFT_OUT = {"en": "so it was left out", "fr": "n’a donc pas été retenu", "nl": "daarom weggelaten"}
WRONG = [
    {"until": "2020-01-01"},
    {"until": "soon"},
    {"receipt_container": "../up"},
    {"receipt_container": "https://other.example/papers/"},
    {"until": "2099-01-01", "receipt_container": "r/.acl/"},
]
NO = {"answer-advice": "no"}
NOES = {**NO, "answer-health": "no"}


async def refused(anna: Browser, place: str) -> bool:
    record = json.loads((await anna.get(place.partition("?")[0], "application/json")).content)
    every = record.get("consents", [record])
    return [one["status"] for one in every] == ["refused"] * len(every)


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_no_on_the_page_of_one_purpose_is_recorded(
    gate: TestGate, anna: Browser, wrong: dict[str, str]
) -> None:
    asked = await question(gate, anna, ADVICE)
    sent = await anna.post(asked.path, {**asked.fields, **NO, **wrong})
    assert sent.status == 303, sent.text
    assert await refused(anna, sent.place)
    assert sent.place.endswith("?receipts=default") is ("receipt_container" in wrong)
    assert not any(url.startswith(f"{POD}solidgate/receipts/") for url in gate.pods.held)
    assert not any("up" in url or ".acl" in url for url in gate.pods.held)


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_no_to_every_purpose_is_recorded_on_the_way_through_the_pages(
    gate: TestGate, anna: Browser, wrong: dict[str, str]
) -> None:
    asked = await question(gate, anna, ADVICE, HEALTH)
    looked = await anna.get(asked.step("check", **NOES, **wrong))
    assert looked.status == 200
    assert "Record my answers" in looked.text
    sent = await anna.post(asked.path, {**asked.fields, **NOES, **wrong})
    assert sent.status == 303, sent.text
    assert await refused(anna, sent.place)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("several", [False, True])
async def test_the_page_after_tells_that_the_folder_was_left_out(
    gate: TestGate, anna: Browser, several: bool, language: str
) -> None:
    purposes = (ADVICE, HEALTH) if several else (ADVICE,)
    asked = await question(gate, anna, *purposes, language=language)
    noes = NOES if several else NO
    sent = await anna.post(asked.path, {**asked.fields, **noes, "receipt_container": "../up"})
    page = await anna.get(sent.place)
    assert page.status == 200
    assert LEFT_OUT[language] in page.text
    plain = await anna.get(sent.place.partition("?")[0])
    assert LEFT_OUT[language] not in plain.text


async def test_a_program_is_told_in_its_answer(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    fields = {**asked.fields, **NO, "receipt_container": "../up", "until": "soon"}
    sent = await anna.post(asked.path, fields, "application/json")
    told_back = json.loads(sent.content)
    assert (sent.status, told_back["left_out"]) == (201, ["receipt_container"])
    assert told_back["consents"][0]["status"] == "refused"


async def test_a_folder_that_is_possible_is_kept_for_a_no_and_nothing_is_told(
    gate: TestGate, anna: Browser
) -> None:
    asked = await question(gate, anna, ADVICE)
    fields = {**asked.fields, **NO, "receipt_container": "my/papers"}
    sent = await anna.post(asked.path, fields, "application/json")
    assert "left_out" not in json.loads(sent.content)
    assert any(url.startswith(f"{POD}my/papers/") for url in gate.pods.held)


async def test_with_one_yes_among_the_answers_the_checks_stay(gate: TestGate, anna: Browser) -> None:
    asked: Question = await question(gate, anna, ADVICE, STUDY)
    wrong = {"answer-advice": "yes", "answer-study": "no", "until": "soon", "receipt_container": "../up"}
    for page in (
        await anna.get(asked.step("check", **wrong)),
        await anna.post(asked.path, {**asked.fields, **wrong}),
    ):
        assert page.status == 400
        told(page, "until", "receipt_container")
