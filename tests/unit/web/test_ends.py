"""Each code that a part can end with has words of its own for its person, in each language."""

from __future__ import annotations

import pytest

from solidgate.errors import every_error
from solidgate.run.state import FINAL, WITHOUT_RESULT, PartState, furthest
from solidgate.web import words
from solidgate.web.language import LANGUAGES, Language
from solidgate.web.words_of_ends import ENDS, LEFT, of, told

# No work on a part raises these: whoever adds an error elsewhere adds its words, or says here why not.
FAMILIES_OF_OTHERS = {
    "config": "a process does not start with it",
    "demo": "of the demonstration",
    "testing": "of the tests",
    "file": "of the command line",
    "login": "of people who log in",
    "token": "of callers",
    "jose": "of callers",
    "form": "of pages",
    "request": "of pages and callers",
    "invitation": "of pages",
    "rights": "of pages",
    "receipt": "of whoever checks a receipt",
    "space": "of organisations",
    "query": "of organisations",
    "notification": "of pods that call",
}
OTHERS = {
    "consent.terms-changed": "an answer",
    "consent.answer-missing": "an answer",
    "consent.language-not-offered": "an answer",
    "consent.required-missing": "an answer",
    "consent.required-refused": "an answer",
    "consent.storage-not-chosen": "an answer",
    "consent.storage-not-yours": "an answer",
    "consent.validity-too-long": "an answer",
    "consent.statement-missing": "an answer",
    "consent.receipt-place-invalid": "an answer",
    "consent.transition-refused": "an event of a record",
    "consent.not-found": "the person was erased, and reads nothing any more",
    "pod.no-channel": "a watch",
    "pod.door-too-wide": "a remark beside a reading that goes on",
    "pod.address-spelled-otherwise": "a door that is being opened",
    "pod.access-control-unsupported": "a door that is being opened",
    "pod.access-control-refused": "a door that is being opened or closed",
    "pod.grant-invalid": "the page where an answer comes back",
    "run.not-found": "an organisation's page",
    "run.open": "an organisation's page",
    "result.group-too-small": "the result about a group",
    "result.group-changed": "the result about a group",
    "service.not-ready": "a process that starts or stops",
    "service.store-unavailable": "nobody's end: the part stands where it stood",
}


def test_every_code_has_words_or_a_reason_why_not() -> None:
    codes = {code for code in every_error() if code.partition(".")[0] not in FAMILIES_OF_OTHERS}
    assert codes - set(OTHERS) == set(ENDS)
    assert set(OTHERS) <= codes


@pytest.mark.parametrize("code", ENDS)
@pytest.mark.parametrize("tag", LANGUAGES)
def test_an_end_says_what_happened_what_left_and_who_must_do_something(code: str, tag: str) -> None:
    for reached in LEFT:
        end = of(code, reached, Language(tag))
        assert all((end.happened, end.left, end.to_do))
        if tag != "en":
            assert not {end.happened, end.left, end.to_do} & {*ENDS[code], *LEFT.values()}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_no_two_ends_say_the_same(tag: str) -> None:
    said = [of(code, "queued", Language(tag)).happened for code in ENDS]
    assert len(set(said)) == len(said)


def test_how_far_a_part_came_counts_all_its_attempts() -> None:
    assert furthest([]) is PartState.QUEUED
    again = [PartState.QUEUED, PartState.PULLING, PartState.RUNNING, PartState.PULLING, PartState.FAILED]
    assert furthest(again) is PartState.RUNNING
    assert {state.value for state in PartState if state not in FINAL} == set(LEFT)
    assert {f"run.{state.value}" for state in WITHOUT_RESULT} == set(words.ENDED)


def test_what_is_no_end_of_a_part_has_the_words_of_its_error() -> None:
    kind = every_error()["pod.access-control-refused"]
    assert told(kind.code, "", Language("en")) == f"{kind.sentence} {kind.remedy}"
    assert told("", "", Language("en")) == ""
    assert told("of.another-version", "running", Language("en")) == "of.another-version"
