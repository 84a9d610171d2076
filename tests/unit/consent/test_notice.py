"""The notice: its words in three languages, its digest, and what the changed-terms page is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest

from solidgate.consent.notice import Notice, make_notice, notice_digest, terms_difference
from solidgate.consent.request import ConsentRequest
from solidgate.consent.words import LANGUAGES, ROWS, WORDS
from solidgate.errors import LanguageNotOffered, SpaceInvalid, TermsChanged
from solidgate.space.agreement import Agreement, digest

from .conftest import build_approvals

GOLDEN = Path(__file__).parent / "notices.json"
URL = "https://gate.example/"


def test_words_are_complete_in_every_language() -> None:
    assert LANGUAGES == ("en", "fr", "nl")
    for key, text in WORDS["en"].items():
        fields = {name for _, name, _, _ in Formatter().parse(text) if name}
        for language in LANGUAGES:
            other = WORDS[language][key]
            assert other.strip(), (language, key)
            assert {name for _, name, _, _ in Formatter().parse(other) if name} == fields, (language, key)
    assert {len(words) for words in WORDS.values()} == {len(WORDS["en"])}
    assert len(ROWS) == 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_notice_reads_as_agreed(language: str, agreement: Agreement, request_: ConsentRequest) -> None:
    """Golden: a change of any word shows here first. The digest is part of it, so it is pinned too."""
    approvals = build_approvals(agreement)
    notice = make_notice(agreement, request_, language, approvals=approvals, public_url=URL)
    golden = json.loads(GOLDEN.read_text())[language]
    assert [[title, *lines] for _, title, lines in notice.rows] == golden["rows"]
    assert dict(notice.statements) == golden["statements"]
    assert notice.digest == golden["digest"]
    assert tuple(key for key, _, _ in notice.rows) == ROWS


def test_every_part_is_under_the_digest(notice: Notice) -> None:
    assert notice_digest(notice) == notice.digest
    key, title, lines = notice.rows[2]
    rows = notice.rows
    changes = (
        {"language": "fr"},
        {"title": notice.title + "!"},
        {"rows": (*rows[:2], (key, title, lines[:-1]), *rows[3:])},
        {"rows": (*rows[:2], (key, title + "?", lines), *rows[3:])},
        {"rows": (rows[1], rows[0], *rows[2:])},
        {"statements": {"advice": "I agree to everything."}},
        {"agreement_digest": "sha256:" + "0" * 64},
        {"resources_digest": "sha256:" + "0" * 64},
    )
    for change in changes:
        assert notice_digest(replace(notice, **change)) != notice.digest, change


def test_a_language_that_is_not_there_is_refused(agreement: Agreement, request_: ConsentRequest) -> None:
    with pytest.raises(LanguageNotOffered, match="en, fr, nl"):
        make_notice(agreement, request_, "de", approvals=(), public_url=URL)
    dutch = replace(agreement, languages=("nl",))
    with pytest.raises(LanguageNotOffered, match="nl"):
        make_notice(dutch, request_, "en", approvals=(), public_url=URL)


def test_a_request_under_other_terms_is_refused(agreement: Agreement, request_: ConsentRequest) -> None:
    with pytest.raises(TermsChanged):
        make_notice(replace(agreement, version=2), request_, "en", approvals=(), public_url=URL)


def test_a_text_that_is_missing_is_no_gap_on_the_page(agreement: Agreement, request_: ConsentRequest) -> None:
    poor = replace(agreement, output_text={"en": "A figure."})
    with pytest.raises(SpaceInvalid):
        make_notice(
            poor, replace(request_, agreement_digest=digest(poor)), "fr", approvals=(), public_url=URL
        )


def test_a_resource_that_was_not_found_is_said_so(agreement: Agreement, request_: ConsentRequest) -> None:
    (purpose, resources), *_ = request_.resources
    gone = replace(request_, resources=((purpose, (replace(resources[0], found=False), resources[1])),))
    before = make_notice(agreement, request_, "en", approvals=(), public_url=URL)
    after = make_notice(agreement, gone, "en", approvals=(), public_url=URL)
    changed = {change.key: change for change in terms_difference(before, after)}
    assert set(changed) == {"what", "resources"}
    assert "not found in your pod" in changed["what"].after[0]


def test_special_categories_are_agreed_to_expressly(special: Agreement, request_: ConsentRequest) -> None:
    notice = make_notice(
        special, replace(request_, agreement_digest=digest(special)), "en", approvals=(), public_url=URL
    )
    assert notice.statements["advice"].startswith("I expressly agree")
    assert any("Article 9" in line for line in notice.rows[1][2])


def test_difference_names_only_what_changed(
    agreement: Agreement, request_: ConsentRequest, notice: Notice
) -> None:
    assert terms_difference(notice, notice) == ()
    longer = replace(agreement, version=2, retention="P5Y")
    new = make_notice(
        longer, replace(request_, agreement_digest=digest(longer)), "en", approvals=(), public_url=URL
    )
    changed = {change.key: change for change in terms_difference(notice, new)}
    assert set(changed) == {"duration", "agreement"}
    assert changed["duration"].title == "How long"
    assert "1 year and 6 months" in changed["duration"].before[1]
    assert "5 years" in changed["duration"].after[1]


def test_difference_tells_a_change_that_no_line_shows(
    agreement: Agreement, request_: ConsentRequest, notice: Notice
) -> None:
    """A changed parameter changes no row, yet an answer to the old page must not count for it."""
    silent = replace(agreement, parameters={"threshold": 3})
    new = make_notice(
        silent, replace(request_, agreement_digest=digest(silent)), "en", approvals=(), public_url=URL
    )
    assert [change.key for change in terms_difference(notice, new)] == ["agreement"]


@pytest.mark.parametrize(
    ("rerun", "said"),
    [
        ("by-hand", "starts a run by hand: Acme Energy, Grid Lab."),
        ("on-change", "read again whenever they change"),
        ("P7D", "each time after 7 days"),
        ("0 3 * * 1", "at these times (cron, UTC): 0 3 * * 1"),
    ],
)
def test_the_notice_tells_when_the_program_runs_again(
    rerun: str, said: str, agreement: Agreement, request_: ConsentRequest
) -> None:
    other = replace(agreement, rerun=rerun)
    asked = replace(request_, agreement_digest=digest(other))
    rows = {
        key: lines for key, _, lines in make_notice(other, asked, "en", approvals=(), public_url=URL).rows
    }
    assert said in rows["duration"][-1]
    assert (digest(other) == digest(agreement)) == (rerun == agreement.rerun), "it is part of the terms"
