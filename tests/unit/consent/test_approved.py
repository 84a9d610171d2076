"""Who asks, verified how; which program, approved by whom and when: no more than the approvals prove."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from solidgate.algorithm.approval import Approval
from solidgate.consent.approved import Approved, approved_of
from solidgate.consent.notice import make_notice, terms_difference
from solidgate.consent.request import ConsentRequest
from solidgate.consent.spoken import day, duration, listed
from solidgate.consent.words import LANGUAGES, WORDS
from solidgate.space.agreement import Agreement, digest
from solidgate.space.participant import Party, Role

from .conftest import ACME, GRID, NOON, build_approvals

EN = WORDS["en"]
WEBID = f"WebID of Acme Energy: {ACME}"


def told(agreement: Agreement, approvals: tuple[Approval, ...]) -> Approved:
    return approved_of(agreement, digest(agreement), approvals, EN)


def grid(agreement: Agreement, decision: str = "approve", days: int = 0) -> Approval:
    about = (agreement.space, digest(agreement), agreement.algorithm)
    return Approval(*about, Role.DATA_CONSUMER, GRID, decision, NOON + timedelta(days=days))


def test_who_has_not_approved_is_not_verified(agreement: Agreement) -> None:
    found = told(agreement, ())
    assert found.who == ("Not verified: Acme Energy has not approved these terms with its WebID.", WEBID)
    assert found.program == ("Not approved by Acme Energy, Grid Lab; it cannot run without that.",)


def test_who_has_approved_is_verified_by_its_webid(agreement: Agreement) -> None:
    found = told(agreement, build_approvals(agreement))
    assert found.who == (
        "Verified by its WebID: Acme Energy approved these terms on 20 November 2026.",
        WEBID,
    )
    assert found.program == (
        "Approved by Acme Energy on 20 November 2026.",
        "Not approved by Grid Lab; it cannot run without that.",
    )


def test_those_of_one_day_are_in_one_line_and_days_in_their_order(agreement: Agreement) -> None:
    acme = build_approvals(agreement)
    assert told(agreement, (grid(agreement), *acme)).program == (
        "Approved by Acme Energy and Grid Lab on 20 November 2026.",
    )
    assert told(agreement, (grid(agreement, days=-2), *acme)).program == (
        "Approved by Grid Lab on 18 November 2026.",
        "Approved by Acme Energy on 20 November 2026.",
    )


def test_a_yes_to_other_terms_or_with_a_later_no_is_none(agreement: Agreement) -> None:
    acme = build_approvals(agreement)
    other = tuple(replace(one, agreement_digest="sha256:" + "0" * 64) for one in acme)
    assert told(agreement, other) == told(agreement, ())
    gone = told(agreement, (*acme, grid(agreement), grid(agreement, "reject", 1)))
    assert gone == told(agreement, acme)


def test_a_controller_that_approves_nothing_stays_unverified(agreement: Agreement) -> None:
    """It is named and not asked, so nothing here proves that it is who it is called."""
    named = Party("https://town.example/#it", "Town", frozenset({Role.CONTROLLER}))
    found = told(replace(agreement, parties=(*agreement.parties, named)), ())
    assert "Not verified: Town has not approved these terms with its WebID." in found.who
    assert all("Town" not in line for line in found.program)


def test_each_change_of_what_is_told_is_seen_and_a_repeated_yes_is_none(
    agreement: Agreement, request_: ConsentRequest
) -> None:
    acme = build_approvals(agreement)
    everybody = (*acme, grid(agreement))
    again = (*everybody, grid(agreement, days=3))
    before = make_notice(agreement, request_, "en", approvals=everybody, public_url="https://gate.example/")
    after = make_notice(agreement, request_, "en", approvals=again, public_url="https://gate.example/")
    assert before == after
    less = make_notice(agreement, request_, "en", approvals=acme, public_url="https://gate.example/")
    assert [change.key for change in terms_difference(before, less)] == ["program"]
    assert told(agreement, everybody).stand_in(before.rows)
    assert told(agreement, acme).stand_in(less.rows)
    for other, rows in ((acme, before.rows), ((), before.rows), (everybody, less.rows)):
        assert not told(agreement, other).stand_in(rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_month_has_a_name(language: str) -> None:
    said = {day(datetime(2026, month, 1, tzinfo=UTC), WORDS[language]) for month in range(1, 13)}
    assert len(said) == 12
    assert len(WORDS[language]["months_of_year"].split()) == 12


def test_a_day_is_the_day_in_utc() -> None:
    east = timezone(timedelta(hours=10))
    assert day(datetime(2026, 3, 1, 5, tzinfo=east), EN) == "28 February 2026"
    assert day(datetime(2026, 3, 1, 5, tzinfo=UTC), WORDS["fr"]) == "1 mars 2026"


def test_durations_and_lists_are_said_in_full() -> None:
    assert duration("P1Y6M", EN) == "1 year and 6 months"
    assert listed(["a"], EN) == "a"
    assert listed(["a", "b", "c"], EN) == "a, b and c"
