"""What the two documents beside the results say, and which bytes count as ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidgate.derived import signpost
from solidgate.derived.writable import require_writable
from solidgate.run.signpost import MOST_OURS, Kind, Listed, Signpost, SignState, planned
from solidgate.vocab import DCT, SG

POD = "https://anna.example/results/"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
ONE = Listed(f"{POD}1.ttl", "advice", "Advice", NOON, "https://gate.example/consents/1")
TWO = replace(ONE, url=f"{POD}2.ttl", at=NOON + timedelta(days=1))
STUDY = replace(ONE, url=f"{POD}3.ttl", purpose="study", title="A study")


def said(kind: Kind, *listed: Listed, language: str = "en") -> list[ox.Triple]:
    content = signpost.content(kind, POD, "home", "Home", language, listed)
    return [quad.triple for quad in ox.parse(content, format=ox.RdfFormat.TURTLE)]


def test_the_pointer_names_the_newest_valid_result_of_each_purpose() -> None:
    late = replace(TWO, url=f"{POD}4.ttl", at=NOON + timedelta(days=2), invalid=NOON + timedelta(days=3))
    found = {
        t.subject.value: t.object.value
        for t in said(Kind.LATEST, late, TWO, ONE, STUDY)
        if t.predicate == SG.latestResult
    }
    here = f"{POD}latest-home.ttl#"
    assert found == {f"{here}advice": TWO.url, f"{here}study": STUDY.url}


@pytest.mark.parametrize("language", ["en", "fr", "nl", "de"])
def test_the_index_speaks_to_people(language: str) -> None:
    invalid = replace(ONE, invalid=NOON + timedelta(days=3))
    titles = {
        t.object.value for t in said(Kind.INDEX, invalid, TWO, language=language) if t.predicate == DCT.title
    }
    words = signpost.WORDS[language if language != "de" else "en"]
    assert words["index"].format(space="Home") in titles
    assert words["withdrawn"].format(title="Advice", day="2026-11-27") in titles
    assert words["entry"].format(title="Advice", day="2026-11-28") in titles
    assert set(words) == set(signpost.WORDS["en"])


def test_without_results_there_is_no_document() -> None:
    assert signpost.content(Kind.INDEX, POD, "home", "Home", "en", []) == b""
    assert signpost.content(Kind.LATEST, POD, "home", "Home", "en", [replace(ONE, invalid=NOON)]) == b""


@given(st.permutations([ONE, TWO, STUDY]), st.sampled_from(list(Kind)))
def test_the_same_results_are_the_same_bytes(order: list[Listed], kind: Kind) -> None:
    content = signpost.content(kind, POD, "home", "Home", "en", order)
    assert content == signpost.content(kind, POD, "home", "Home", "en", [ONE, TWO, STUDY])
    require_writable(content, [signpost.address(POD, "home", kind)])


def first(content: bytes = b"a", sha256: str = "1") -> Signpost:
    return planned(None, Kind.INDEX, f"{POD}index-home.ttl", content, sha256)


def test_what_was_planned_before_stays_ours() -> None:
    sign = first()
    for number in range(2, 30):
        sign = planned(sign, Kind.INDEX, sign.target, b"x", str(number))
        assert str(number) in sign.ours
        assert str(number - 1) in sign.ours
        assert sign.state is SignState.PLANNED
    assert len(sign.ours) == MOST_OURS


def test_a_plan_that_says_the_same_changes_nothing() -> None:
    sign = replace(first(), state=SignState.WRITTEN)
    assert planned(sign, Kind.INDEX, sign.target, b"a", "1") is sign


@pytest.mark.parametrize("state", [SignState.DISPUTED, SignState.GONE])
def test_what_is_left_alone_stays_so(state: SignState) -> None:
    sign = replace(first(), state=state)
    assert planned(sign, Kind.INDEX, sign.target, b"b", "2") is sign


def test_what_stood_is_remembered_until_we_took_it_away() -> None:
    written = replace(first(), state=SignState.WRITTEN)
    again = planned(written, Kind.INDEX, written.target, b"b", "2")
    assert again.stood
    assert planned(again, Kind.INDEX, again.target, b"c", "3").stood
    removed = replace(again, state=SignState.REMOVED)
    anew = planned(removed, Kind.INDEX, again.target, b"d", "4")
    assert (anew.stood, anew.ours) == (False, ("4",))
