"""An answer that cannot be recorded as it is: the same form once more, filled in, and never an error page."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import timedelta
from importlib import resources
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from prometheus_client import REGISTRY

from solidgate.flow import invite, space
from solidgate.space.purpose import Purpose
from solidgate.testing.gate import Browser, TestGate
from solidgate.testing.terms import ADVICE, STUDY, sample_agreement
from solidgate.web.language import Language
from tests.unit.web.asked import ANNA, HEALTH, LANGUAGES, hidden, question, told

OPTIONAL = dataclasses.replace(ADVICE, required=False)
ROOT = resources.files("solidgate.web")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("until", "2099-01-01"),
        ("until", "2020-01-01"),
        ("until", "soon"),
        ("receipt_container", "../up"),
        ("receipt_container", "https://other.example/papers/"),
    ],
)
async def test_one_purpose_keeps_its_form(
    gate: TestGate, anna: Browser, language: str, field: str, value: str
) -> None:
    asked = await question(gate, anna, ADVICE, language=language)
    kept = {"receipt_container": "my/papers/", **asked.fields, "answer-advice": "yes", field: value}
    page = await anna.post(asked.path, kept)
    assert page.status == 400
    told(page, field)
    assert f'<html lang="{language}"' in page.text
    assert re.search(rf'name="{field}"[^>]* aria-invalid="true"', page.text)
    assert f'name="receipt_container" value="{kept["receipt_container"]}"' in page.text
    assert gate.pods.doors == {}
    program = await anna.post(asked.path, kept, "application/json")
    assert (program.status, json.loads(program.content)["status"]) == (400, 400)
    assert json.loads(program.content)["code"].startswith("consent.")
    again = await anna.post(asked.path, {**kept, "until": "", "receipt_container": "my/papers/"})
    assert again.status == 303, "nothing was recorded by the attempt"


@pytest.mark.parametrize("answer", [{}, {"answer-advice": "perhaps"}, {"answer-advice": ""}])
async def test_an_answer_that_is_none_is_an_open_choice(
    gate: TestGate, anna: Browser, answer: dict[str, str]
) -> None:
    asked = await question(gate, anna, ADVICE)
    page = await anna.post(asked.path, {**asked.fields, **answer, "receipt_container": "my/papers"})
    assert page.status == 400
    told(page, "answer-advice")
    assert "A choice is still open" in page.text
    assert 'value="my/papers"' in page.text


async def test_all_that_is_wrong_is_told_at_once_before_anything_is_sent(
    gate: TestGate, anna: Browser
) -> None:
    asked = await question(gate, anna, ADVICE, STUDY)
    wrong = {"answer-study": "no", "until": "2099-01-01", "receipt_container": "../up"}
    looked = await anna.get(asked.step("check", **wrong))
    sent = await anna.post(asked.path, {**asked.fields, **wrong})
    for page in (looked, sent):
        assert page.status == 400
        told(page, "answer-advice", "until", "receipt_container")
        assert "<title>Error: Your choices" in page.text
        assert re.search(r'name="answer-study" value="no"[^>]* checked', page.text)
        assert 'value="../up"' in page.text
        assert page.text.count('aria-invalid="true"') == 3


async def test_what_is_chosen_goes_through_all_steps(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE, STUDY)
    page = (await anna.get(asked.step("choices"))).text
    least, *_, most = re.findall(r'<option value="([^"]*)">', page)
    assert " selected" not in page
    assert least < most
    for chosen in (least, most):
        answers = {"answer-advice": "yes", "answer-study": "no"}
        checked = (await anna.get(asked.step("check", **answers, until=chosen))).text
        assert hidden(checked, "until") == chosen
    without = (await anna.get(asked.step("check", **answers))).text
    assert hidden(without, "until") == least, "what was not chosen is the least"
    back = (await anna.get(asked.step("choices", **answers, until=most))).text
    assert f'<option value="{most}" selected>' in back


@pytest.mark.parametrize("language", LANGUAGES)
async def test_another_word_leaves_the_step_with_its_choices(
    gate: TestGate, anna: Browser, language: str
) -> None:
    asked = await question(gate, anna, OPTIONAL, HEALTH, language=language)
    answers = {
        **asked.fields,
        "answer-advice": "no",
        "answer-health": "yes",
        "receipt_container": "my/papers/",
    }
    first = await anna.post(asked.path, answers)
    assert first.status == 303
    assert first.place.startswith(f"{asked.path}/word?")
    assert "summary" not in (await anna.get(first.place)).text
    for typed in ("agre", ""):
        page = await anna.post(asked.path, {**answers, "statement-health": typed})
        assert page.status == 400
        told(page, "statement-health")
        assert re.search(
            rf'id="word-health" name="statement-health" value="{typed}"[^>]* aria-invalid', page.text
        )
        assert hidden(page.text, "answer-advice") == "no"
        assert hidden(page.text, "receipt_container") == "my/papers/"
    assert gate.pods.doors == {}


async def test_the_word_is_asked_for_where_one_is_needed_only(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE, HEALTH)
    no = await anna.get(
        asked.step("word", **{"answer-advice": "yes", "answer-health": "no", "until": "2027-01-01"})
    )
    assert no.status == 303
    assert urlsplit(no.place).path == f"{asked.path}/check"
    assert parse_qs(urlsplit(no.place).query)["until"] == ["2027-01-01"], "the choices are kept"
    yes = await anna.get(asked.step("word", **{"answer-advice": "yes", "answer-health": "yes"}))
    assert yes.status == 200


@pytest.mark.parametrize("shown", ["", "sha256:" + "0" * 64])
@pytest.mark.parametrize("step", ["", "/later"])
async def test_a_page_that_was_never_shown_leads_to_the_question(
    gate: TestGate, anna: Browser, shown: str, step: str
) -> None:
    asked = await question(gate, anna, ADVICE)
    page = await anna.post(asked.path + step, {"shown": shown, "language": "xx", "answer-advice": "yes"})
    assert page.status == 409
    assert "Your answer was not recorded." in page.text
    assert f'<a class="button" href="{asked.path}">Read what is asked now</a>' in page.text
    program = await anna.post(asked.path + step, {"shown": shown, "answer-advice": "yes"}, "application/json")
    assert json.loads(program.content)["code"] == "consent.terms-changed"


@pytest.mark.parametrize("step", ["choices", "check", "word"])
async def test_a_stale_step_shows_the_difference(gate: TestGate, anna: Browser, step: str) -> None:
    asked = await question(gate, anna, ADVICE)
    newer = sample_agreement(purposes=(ADVICE, STUDY), version=2)
    await space.publish(gate.world, "home-energy", newer)
    page = await anna.get(asked.step(step, **{"answer-advice": "yes"}))
    assert page.status == 409
    assert "<ins>A study" in page.text
    unknown = dataclasses.replace(asked, shown="sha256:" + "0" * 64)
    assert f'href="{asked.path}"' in (await anna.get(unknown.step(step))).text


@pytest.mark.parametrize(("first", "second"), [("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "yes")])
async def test_sent_twice_the_first_answer_is_shown(
    gate: TestGate, anna: Browser, first: str, second: str
) -> None:
    """Also from a page that the Back button brought: the request is answered once, whatever is sent again."""
    asked = await question(gate, anna, ADVICE)
    made = await anna.post(asked.path, {**asked.fields, "answer-advice": first})
    twice = await anna.post(asked.path, {**asked.fields, "answer-advice": second, "until": "2099-01-01"})
    assert (made.status, twice.status) == (303, 409)
    assert f'href="{made.place}"' in twice.text
    assert f"You said {first}" in twice.text
    for step in ("choices", "check", "word"):
        assert f"You said {first}" in (await anna.get(asked.step(step, **{"answer-advice": second}))).text
    assert f"You said {first}" in (await anna.post(f"{asked.path}/later", asked.fields)).text
    mine = json.loads((await anna.get("/me", "application/json")).content)
    assert len(mine["consents"]) == 1


@pytest.mark.parametrize("purposes", [(ADVICE,), (ADVICE, HEALTH)])
async def test_an_ended_session_loses_no_choice_and_records_none(
    gate: TestGate, anna: Browser, purposes: tuple[Purpose, ...]
) -> None:
    asked = await question(gate, anna, *purposes)
    answers = {f"answer-{one.id}": "yes" for one in purposes}
    sent = {**asked.fields, **answers, "receipt_container": "my/papers/", "statement-health": "agree"}
    await anna.post("/logout", {})
    reply = await anna.post(asked.path, sent)
    assert reply.status == 303
    assert reply.place.startswith("/login?return_to=")
    back = unquote(reply.place.partition("return_to=")[2])
    assert "agree" not in back
    assert "form_token" not in back
    async with gate.browser(ANNA) as later:
        page = await later.get(back)
        assert page.status == 200
        assert "Nothing is recorded yet." in page.text
        assert {name: hidden(page.text, name) for name in answers} == answers
        assert hidden(page.text, "receipt_container") == "my/papers/"
    foreign = await anna.post(asked.path, sent, Origin="https://evil.example")
    assert foreign.status == 403
    assert (await anna.post(asked.path, sent, "application/json")).status == 401


@pytest.mark.parametrize("language", LANGUAGES)
async def test_after_a_no_an_invitation_asks_nothing_for_thirty_days(
    gate: TestGate, anna: Browser, language: str
) -> None:
    asked = await question(gate, anna, ADVICE, language=language)
    said = gate.clock.now()
    await anna.post(asked.path, {**asked.fields, "answer-advice": "no"})
    await space.publish(gate.world, "home-energy", sample_agreement(purposes=(ADVICE, STUDY), version=2))
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=300)
    for days in (0, 29):
        gate.clock.ahead = timedelta(days=days)
        async with gate.browser(ANNA) as again:
            assert (await again.get(f"/join/{token}/request")).place == asked.path
            page = (await again.get(f"{asked.path}?lang={language}")).text
            assert 'name="answer-' not in page
            assert Language(language).day(said + timedelta(days=30)) in page
    gate.clock.ahead = timedelta(days=31)
    async with gate.browser(ANNA) as again:
        assert (await again.get(f"/join/{token}/request")).place not in ("", asked.path)


async def test_the_person_may_look_anew_at_any_time(gate: TestGate, anna: Browser) -> None:
    asked = await question(gate, anna, ADVICE)
    await anna.post(asked.path, {**asked.fields, "answer-advice": "no"})
    page = (await anna.get(asked.path)).text
    again = re.search(r'action="(/consents/[^"]+/again)"', page)
    assert again
    new = (await anna.post(again[1], {})).place
    assert new != asked.path
    assert "Yes, I consent" in (await anna.get(new)).text


async def test_a_yes_or_a_single_yes_among_noes_is_asked_anew_when_terms_change(
    gate: TestGate, anna: Browser
) -> None:
    asked = await question(gate, anna, ADVICE, STUDY)
    await anna.post(asked.path, {**asked.fields, "answer-advice": "yes", "answer-study": "no"})
    newer = dataclasses.replace(sample_agreement(purposes=(ADVICE, STUDY), version=2), validity="P2M")
    await space.publish(gate.world, "home-energy", newer)
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
    assert (await anna.get(f"/join/{token}/request")).place not in ("", asked.path)


async def test_nobody_is_asked_more_than_once_whether_they_are_sure(gate: TestGate, anna: Browser) -> None:
    """One page to check several choices, none for one or for an end; no text that makes anybody doubt."""
    asked = await question(gate, anna, ADVICE, STUDY)
    page = (await anna.get(asked.step("check", **{"answer-advice": "yes", "answer-study": "yes"}))).text
    form = re.search(rf'<form method="post" action="{asked.path}">(.*?)</form>', page, re.DOTALL)
    assert form
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[1]))
    assert (await anna.post(asked.path, fields)).place == "/me"
    mine = (await anna.get("/me")).text
    for ending in sorted(set(re.findall(r'action="(/consents/[^"]+/withdraw)"', mine))):
        assert "Your consent is withdrawn" in (await anna.post(ending, {})).text
    for tag, doubt in (("en", r"are you sure|really"), ("fr", r"sûre?\b|vraiment"), ("nl", r"zeker|echt\b")):
        catalogue = (ROOT / f"locale/{tag}/LC_MESSAGES/solidgate.po").read_text(encoding="utf-8")
        assert re.findall(doubt, catalogue, re.IGNORECASE) == []


def counted(code: str) -> float:
    return REGISTRY.get_sample_value("solidgate_refusals_total", {"code": code}) or 0.0


async def test_what_comes_back_as_a_form_or_a_page_of_its_own_is_counted_once(
    gate: TestGate, anna: Browser
) -> None:
    asked = await question(gate, anna, ADVICE)
    yes = {**asked.fields, "answer-advice": "yes"}
    attempts = (
        ("consent.receipt-place-invalid", {**yes, "receipt_container": "../up"}, 400),
        ("consent.terms-changed", {**yes, "shown": "sha256:" + "0" * 64}, 409),
        ("request.answered", yes, 303),
        ("request.answered", yes, 409),
    )
    for code, fields, status in attempts:
        before = counted(code)
        assert (await anna.post(asked.path, fields)).status == status
        assert counted(code) - before == (status >= 400), code
