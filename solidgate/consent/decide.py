"""May this be done now? The one question that is asked again before every effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from solidgate.consent.record import ConsentRecord, check_record
from solidgate.consent.status import ConsentStatus
from solidgate.errors import (
    AlgorithmNotCovered,
    ConsentExpired,
    ConsentInvalidated,
    ConsentNotGiven,
    ConsentRefused,
    ConsentRevoked,
    ConsentUnverifiable,
    ConsentWithdrawn,
    PurposeNotCovered,
    RecipientNotCovered,
    Refused,
    ResourceNotCovered,
    ShapeNotCovered,
    TermsNotCovered,
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is about to be done, to be held against the record."""

    purpose: str
    agreement_digest: str
    algorithm_digest: str
    shape_digest: str
    resources: tuple[str, ...]
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActiveConsent:
    """A decision that holds at ``decided_at`` for exactly this epoch. Built only by ``decide``."""

    consent_id: str
    epoch: int
    data_subject: str
    purpose: str
    resources: tuple[str, ...]
    result_container: str
    until: datetime
    decided_at: datetime


Check = Callable[[ConsentRecord, datetime, Proposal], None]

_REFUSAL: dict[ConsentStatus, type[Refused]] = {
    ConsentStatus.REQUESTED: ConsentNotGiven,
    ConsentStatus.DEFERRED: ConsentNotGiven,
    ConsentStatus.REFUSED: ConsentRefused,
    ConsentStatus.WITHDRAWN: ConsentWithdrawn,
    ConsentStatus.REVOKED: ConsentRevoked,
    ConsentStatus.EXPIRED: ConsentExpired,
    ConsentStatus.INVALIDATED: ConsentInvalidated,
    ConsentStatus.UNKNOWN: ConsentUnverifiable,
}


def decide(record: ConsentRecord, now: datetime, proposal: Proposal) -> ActiveConsent:
    """Whether the record allows the proposal at ``now`` (aware); the first check that fails says why not.

    Raises one of ``ConsentUnverifiable ConsentNotGiven ConsentRefused ConsentWithdrawn ConsentRevoked
    ConsentExpired ConsentInvalidated PurposeNotCovered TermsNotCovered AlgorithmNotCovered
    ShapeNotCovered ResourceNotCovered RecipientNotCovered``. The ticket lists the resources of the
    proposal, which can be fewer than the record's. Nothing is read but the arguments.
    """
    return _decide(CHECKS, record, now, proposal)


def decide_again(record: ConsentRecord, now: datetime, proposal: Proposal) -> ActiveConsent:
    """The same for the very record that ``decide`` has let pass, which cannot have changed since.

    Its digests are not made anew; everything else is asked as before.
    """
    return _decide(CHECKS[1:], record, now, proposal)


def _decide(
    checks: tuple[Check, ...], record: ConsentRecord, now: datetime, proposal: Proposal
) -> ActiveConsent:
    for check in checks:
        check(record, now, proposal)
    until = record.events[-1].until
    if until is None:  # check 3 has seen it already; a ticket without an end must be impossible
        raise ConsentUnverifiable("16: a yes without an end")
    return ActiveConsent(
        consent_id=record.consent_id,
        epoch=record.epoch,
        data_subject=record.data_subject,
        purpose=record.purpose,
        resources=proposal.resources,
        result_container=record.result_container,
        until=until,
        decided_at=now,
    )


def _verifiable(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """1. The record passes its own invariants and digests (GDPR Art. 7(1))."""
    check_record(record)


def _valid(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """2. The latest event is a yes (dpv:ConsentStatusValidForProcessing; GDPR Art. 7(3))."""
    refusal = _REFUSAL.get(record.events[-1].status)
    if refusal is not None:
        raise refusal()


def _in_time(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """3. By the clock: not before it was given, and before its end."""
    latest = record.events[-1]
    if now < latest.at:
        raise ConsentNotGiven("the yes lies in the future of this clock")
    if latest.until is None or now >= latest.until:
        raise ConsentExpired()


def _purpose(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """4. For this purpose (GDPR Art. 5(1)(b), 6(1)(a))."""
    if proposal.purpose != record.purpose:
        raise PurposeNotCovered()


def _terms(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """5. Under these terms."""
    if proposal.agreement_digest != record.agreement_digest:
        raise TermsNotCovered()


def _algorithm(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """6. By this program, byte for byte."""
    if proposal.algorithm_digest != record.algorithm_digest:
        raise AlgorithmNotCovered()


def _shape(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """7. With results of this form."""
    if proposal.shape_digest != record.shape_digest:
        raise ShapeNotCovered()


def _resources(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """8. From listed resources only, by their exact IRI (GDPR Art. 5(1)(c)); a container covers nothing."""
    if not set(proposal.resources).issubset(record.resources):
        raise ResourceNotCovered()


def _recipients(record: ConsentRecord, now: datetime, proposal: Proposal) -> None:
    """9. For named recipients only (GDPR Art. 13(1)(e))."""
    if not set(proposal.recipients).issubset(record.recipients):
        raise RecipientNotCovered()


CHECKS: tuple[Check, ...] = (
    _verifiable,
    _valid,
    _in_time,
    _purpose,
    _terms,
    _algorithm,
    _shape,
    _resources,
    _recipients,
)
"""In this order, each with its own refusal. Adding one can only narrow what is allowed."""
