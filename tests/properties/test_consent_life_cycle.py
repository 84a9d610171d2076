"""The life cycle as a machine: whatever is tried in whatever order, a record stays a record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from solidgate.consent.record import (
    ConsentEvent,
    ConsentRecord,
    Reason,
    check_record,
    status_at,
    status_of,
    with_event,
)
from solidgate.consent.request import resources_digest
from solidgate.consent.status import TRANSITIONS, ConsentStatus, check_transition, next_status
from solidgate.errors import ConsentUnverifiable, TransitionRefused, ValidityTooLong

S = ConsentStatus
ALICE, ACME = "https://alice.example/#me", "https://acme.example/#it"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FINAL = {S.REFUSED, S.WITHDRAWN, S.REVOKED, S.EXPIRED, S.INVALIDATED}
ALLOWED = {
    S.REQUESTED: {S.DEFERRED, S.REFUSED, S.GIVEN, S.RENEWED, S.REVOKED, S.EXPIRED},
    S.DEFERRED: {S.REFUSED, S.GIVEN, S.RENEWED, S.REVOKED, S.EXPIRED},
    S.GIVEN: {S.WITHDRAWN, S.EXPIRED, S.REVOKED, S.INVALIDATED},
    S.RENEWED: {S.WITHDRAWN, S.EXPIRED, S.REVOKED, S.INVALIDATED},
}

BLANK = ConsentRecord(
    consent_id="6a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11",
    iri="https://gate.example/consents/6a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11",
    request_id="req-1",
    data_subject=ALICE,
    space="https://gate.example/spaces/s",
    purpose="advice",
    agreement_digest="sha256:t",
    notice_digest="sha256:n",
    notice_language="en",
    notice_date=NOON,
    algorithm_digest="sha256:c",
    shape_digest="sha256:s",
    resources_digest=resources_digest(()),
    resources=(),
    recipients=(),
    result_container="https://alice.example/r/",
    epoch=0,
)


def event(sequence: int, status: ConsentStatus, at: datetime) -> ConsentEvent:
    """A well-formed event of any status."""
    by_subject = status in {S.DEFERRED, S.REFUSED, S.GIVEN, S.RENEWED, S.WITHDRAWN}
    yes = status in {S.GIVEN, S.RENEWED}
    return ConsentEvent(
        sequence,
        status,
        at,
        ALICE if by_subject else ACME,
        "button" if yes else "",
        at + timedelta(days=30) if yes else None,
        {S.REVOKED: Reason.CODE_RECALLED, S.INVALIDATED: Reason.UNDER_AGE}.get(status),
    )


@pytest.mark.parametrize(("before", "to"), list(product(S, S)), ids=str)
def test_each_of_the_hundred_pairs(before: ConsentStatus, to: ConsentStatus) -> None:
    if to in ALLOWED.get(before, set()):
        check_transition(before, to)
        assert to in next_status(before)
    else:
        with pytest.raises(TransitionRefused):
            check_transition(before, to)


def test_nineteen_moves_are_allowed() -> None:
    assert sum(len(to) for to in TRANSITIONS.values()) == 19
    assert set(TRANSITIONS) == set(S)


class LifeCycle(RuleBasedStateMachine):
    """Tries any event at any time; what is refused leaves the record as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.record = with_event(BLANK, event(1, S.REQUESTED, NOON))
        self.history: list[ConsentRecord] = [self.record]

    @rule(status=st.sampled_from(list(S)), minutes=st.integers(-5, 60))
    def try_event(self, status: ConsentStatus, minutes: int) -> None:
        before = self.record
        at = before.latest.at + timedelta(minutes=minutes)
        allowed = status in ALLOWED.get(before.latest.status, set()) and minutes >= 0
        try:
            self.record = with_event(before, event(len(before.events) + 1, status, at))
        except TransitionRefused:
            assert not allowed
            return
        assert allowed
        self.history.append(self.record)

    @rule(by=st.sampled_from([ACME, "", "https://mallory.example/#me"]), status=st.sampled_from(list(S)))
    def try_in_the_name_of_the_person(self, by: str, status: ConsentStatus) -> None:
        wanted = event(len(self.record.events) + 1, status, self.record.latest.at)
        if wanted.by == ALICE:
            with pytest.raises(TransitionRefused):
                with_event(self.record, replace(wanted, by=by))

    @invariant()
    def state_is_defined(self) -> None:
        check_record(self.record)
        assert status_of(self.record) is not S.UNKNOWN

    @invariant()
    def events_only_grow(self) -> None:
        for earlier in self.history:
            assert self.record.events[: len(earlier.events)] == earlier.events
        assert [one.epoch for one in self.history] == list(range(1, len(self.history) + 1))

    @invariant()
    def final_is_final(self) -> None:
        statuses = [one.status for one in self.record.events]
        assert not FINAL & set(statuses[:-1])

    @invariant()
    def an_end_is_an_end(self) -> None:
        long_after = self.record.latest.at + timedelta(days=400)
        assert not status_at(self.record, long_after).valid_for_processing


TestLifeCycle = LifeCycle.TestCase
TestLifeCycle.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)


@pytest.mark.parametrize(
    ("number", "broken"),
    [
        ("11", {"at": (NOON + timedelta(minutes=5)).replace(tzinfo=None)}),
        ("11", {"by": ""}),
        ("11", {"sequence": 3}),
        ("12", {"at": NOON - timedelta(seconds=1)}),
        ("14", {"by": ACME}),
        ("16", {"method": ""}),
        ("16", {"until": None}),
        ("16", {"until": NOON}),
        ("16", {"reason": Reason.SPACE_CLOSED}),
    ],
)
def test_a_broken_yes_is_refused_with_its_number(number: str, broken: dict[str, object]) -> None:
    asked = with_event(BLANK, event(1, S.REQUESTED, NOON))
    yes = event(2, S.GIVEN, NOON + timedelta(minutes=5))
    with pytest.raises(TransitionRefused, match=f"^{number}:"):
        with_event(asked, replace(yes, **broken))
    forged = replace(asked, events=(*asked.events, replace(yes, **broken)))
    assert status_of(forged) is S.UNKNOWN
    with pytest.raises(ConsentUnverifiable, match=f"^{number}:"):
        check_record(forged)


@pytest.mark.parametrize("longest", ["P1M", "P29D", "PT1H"])
def test_a_yes_longer_than_the_policy_is_refused(longest: str) -> None:
    asked = with_event(BLANK, event(1, S.REQUESTED, NOON))
    yes = replace(event(2, S.GIVEN, NOON), until=NOON + timedelta(days=31))
    with pytest.raises(ValidityTooLong, match=r"^18:"):
        with_event(asked, yes, longest=longest)


def test_a_broken_record_takes_no_event() -> None:
    forged = replace(BLANK, events=(event(1, S.GIVEN, NOON),), epoch=1)
    with pytest.raises(ConsentUnverifiable):
        with_event(forged, event(2, S.WITHDRAWN, NOON))
