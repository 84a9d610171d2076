"""The consent record: digests of what was shown, append-only events, a status computed from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from solidgate.consent.duration import after
from solidgate.consent.request import resources_digest
from solidgate.consent.status import TRANSITIONS, ConsentStatus, check_transition
from solidgate.errors import ConsentUnverifiable, TransitionRefused, ValidityTooLong


class Reason(StrEnum):
    """Why somebody other than the person ended a consent."""

    TERMS_CHANGED = "TermsChanged"
    SPACE_CLOSED = "SpaceClosed"
    CODE_RECALLED = "CodeRecalled"
    WRONG_PERSON = "WrongPerson"
    UNDER_AGE = "UnderAge"
    DEFECTIVE_NOTICE = "DefectiveNotice"
    AUTHORITY_DECISION = "AuthorityDecision"


REASONS_OF_REVOCATION = frozenset({Reason.TERMS_CHANGED, Reason.SPACE_CLOSED, Reason.CODE_RECALLED})
REASONS_OF_INVALIDITY = frozenset(Reason) - REASONS_OF_REVOCATION


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One event: who (an agent's IRI), when (aware, UTC), what, and by which act.

    ``until`` is the absolute end, present exactly for GIVEN and RENEWED.
    """

    sequence: int
    status: ConsentStatus
    at: datetime
    by: str
    method: str = ""
    until: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One record for one purpose of one person (dpv:ConsentRecord, ISO/IEC TS 27560).

    Digests are ``sha256:<hex>``. ``iri`` is the public address of the consent; ``resources`` are absolute
    IRIs in the person's pod; ``result_container`` the one place where results are written; ``found_by`` the
    key of the need for each resource that was found by its kind.
    """

    consent_id: str
    iri: str
    request_id: str
    data_subject: str
    space: str
    purpose: str
    agreement_digest: str
    notice_digest: str
    notice_language: str
    notice_date: datetime
    algorithm_digest: str
    shape_digest: str
    resources_digest: str
    resources: tuple[str, ...]
    recipients: tuple[str, ...]
    result_container: str
    epoch: int
    events: tuple[ConsentEvent, ...] = field(default_factory=tuple)
    replaces: str | None = None
    found_by: tuple[tuple[str, str], ...] = ()

    @property
    def latest(self) -> ConsentEvent:
        """The event with the highest sequence."""
        return max(self.events, key=lambda event: event.sequence)


LONGEST_VALIDITY = "P12M"
"""How long a consent holds at most unless the policy says otherwise."""

_ZERO = timedelta(0)
_S = ConsentStatus
_BY_SUBJECT = frozenset({_S.DEFERRED, _S.REFUSED, _S.GIVEN, _S.RENEWED, _S.WITHDRAWN})
_VALID = frozenset({_S.GIVEN, _S.RENEWED})
_REASONS = {_S.REVOKED: REASONS_OF_REVOCATION, _S.INVALIDATED: REASONS_OF_INVALIDITY}


def status_of(record: ConsentRecord) -> ConsentStatus:
    """The status that the events tell, never a stored one; ``UNKNOWN`` when the record breaks a rule."""
    try:
        check_record(record)
    except ConsentUnverifiable:
        return _S.UNKNOWN
    return record.events[-1].status


def status_at(record: ConsentRecord, now: datetime) -> ConsentStatus:
    """The status at ``now``: an end that has passed is EXPIRED by the clock, whether or not a job ran."""
    status = status_of(record)
    until = record.events[-1].until if status in _VALID else None
    return _S.EXPIRED if until is not None and now >= until else status


def check_record(record: ConsentRecord) -> None:
    """Hold the record against its own digests and invariants 11 to 17 (docs/reference/consent-record.md).

    Raises ``ConsentUnverifiable`` with the number of the first that is broken.
    """
    if resources_digest(record.resources) != record.resources_digest:
        raise ConsentUnverifiable("1: the resources are not those of the digest")
    check_events(record.data_subject, record.events)


def check_events(data_subject: str, events: Iterable[ConsentEvent]) -> None:
    """Hold events, in their order, against invariants 11 to 17. Raises ``ConsentUnverifiable``."""
    before: ConsentEvent | None = None
    for event in events:
        fault = _event_fault(data_subject, before, event)
        if fault:
            raise ConsentUnverifiable(fault)
        before = event
    if before is None:
        raise ConsentUnverifiable("15: there is no event")


def with_event(
    record: ConsentRecord, *events: ConsentEvent, longest: str = LONGEST_VALIDITY
) -> ConsentRecord:
    """The record with one more event or several, and an epoch for each; the old record is left as it is.

    ``longest`` is the longest validity of a yes (xsd:duration). Raises ``ConsentUnverifiable`` when the
    record itself is broken, ``TransitionRefused`` with the number of the invariant that the event breaks,
    ``ValidityTooLong`` for invariant 18.
    """
    before = None
    if record.events:
        check_record(record)
        before = record.events[-1]
    for event in events:
        _check_next(record.data_subject, before, event, longest)
        before = event
    return replace(record, events=(*record.events, *events), epoch=record.epoch + len(events))


def _check_next(data_subject: str, before: ConsentEvent | None, event: ConsentEvent, longest: str) -> None:
    if before is not None:
        check_transition(before.status, event.status)
    fault = _event_fault(data_subject, before, event)
    if fault:
        raise TransitionRefused(fault)
    if event.until is not None and event.until > after(event.at, longest):
        raise ValidityTooLong(f"18: at most {longest}")


def _event_fault(data_subject: str, before: ConsentEvent | None, event: ConsentEvent) -> str:
    """The first invariant of 11 to 17 and 19 that the event breaks after ``before``; empty when none."""
    status, at = event.status, event.at
    if (at.tzinfo is not UTC and at.utcoffset() != _ZERO) or not event.by:
        return "11: an event has a time in UTC and an agent"
    if event.sequence != (1 if before is None else before.sequence + 1):
        return "11: sequences count from 1 without a gap"
    if before is None:
        if status is not _S.REQUESTED:
            return "15: a record begins with the request"
    elif at < before.at:
        return "12: time goes back"
    elif status not in TRANSITIONS[before.status]:
        return f"17: from {before.status} to {status}"
    if status in _BY_SUBJECT and event.by != data_subject:
        return f"14: only the data subject can make it {status}"
    return _form_fault(event)


def _form_fault(event: ConsentEvent) -> str:
    """Invariant 16: a yes names the act and an absolute end after it; and nothing else has an end."""
    if event.status in _VALID:
        if not event.method:
            return "16: a yes names the act by which it was given"
        if event.until is None or event.until.utcoffset() != _ZERO or event.until <= event.at:
            return "16: a yes has an end in UTC, after its beginning"
    elif event.until is not None:
        return f"16: {event.status} has no end"
    if event.reason not in _REASONS.get(event.status, (None,)):
        return "16: a revocation or invalidation, and only that, has a reason of its kind"
    return ""
