"""Consent: show exactly what is asked, record exactly what was answered, then open the door.

The page asks; only this file writes a consent record. What the form carries back is the digest of the
notice that was displayed: anything that changed meanwhile is a refusal, and nothing is recorded.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.duration import after
from solidgate.consent.notice import Notice, RowChange, make_notice, terms_difference
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.request import AskedResource, ConsentRequest, asked_digest, resources_digest
from solidgate.consent.status import ConsentStatus
from solidgate.errors import (
    AnswerMissing,
    RequestAnswered,
    RequestClosed,
    RequiredMissing,
    TermsChanged,
    ValidityTooLong,
)
from solidgate.flow import ask as asking
from solidgate.flow import door, receipt, space
from solidgate.flow.record import ConsentView, view_of
from solidgate.flow.space import SpaceView
from solidgate.flow.step import recipients
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement
from solidgate.space.participant import Role

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

YES = "Pressed the button: Yes, I consent"
NO = "Pressed the button: No, I do not consent"

ask = asking.ask


@dataclass(frozen=True, slots=True)
class Review:
    """Everything the page needs to ask; ``missing`` are required documents that the pod does not have."""

    request: ConsentRequest
    space: SpaceView
    notice: Notice
    agreement: Agreement
    answered: tuple[ConsentView, ...]
    missing: tuple[str, ...]
    latest_end: datetime


async def review(world: World, session: Session, request_id: str, language: str) -> Review:
    """The request as it is to be shown now; its notice is remembered as displayed to this person.

    Raises ``RequestNotFound LanguageNotOffered``. An unanswered request follows the current terms.
    """
    async with world.store.transaction() as tx:
        request, answered = await tx.consents.request(request_id, session.person_id)
        view = await space.view(world, tx, request.space_id)
    if not answered:
        request = await asking.refreshed(world, session, view, request)
    now = world.clock.now()
    async with world.store.transaction() as tx:
        agreement = await tx.spaces.agreement(request.agreement_digest)
        notice = make_notice(agreement, request, language, public_url=world.public_url)
        if not answered:
            await tx.consents.update_request(session.person_id, request)
            await tx.consents.displayed(session.person_id, request_id, notice, now)
        records = [await view_of(world, tx, one) for one in await tx.consents.of_request(request_id)]
    return Review(
        request=request,
        space=view,
        notice=notice,
        agreement=agreement,
        answered=tuple(records),
        missing=_missing(request),
        latest_end=after(now, agreement.validity),
    )


async def answer(
    world: World,
    session: Session,
    request_id: str,
    *,
    shown: str,
    language: str,
    answers: Mapping[str, bool],
    until: date | None = None,
) -> tuple[ConsentView, ...]:
    """Record one yes or no for each purpose, then open the door for what was agreed.

    The records, their receipts and the audit entries are one transaction; it alone decides. What follows
    at the pod (door, copy of the receipt) may fail, is shown and can be repeated; it never undoes an answer.

    Raises ``RequestNotFound RequestAnswered RequestClosed SpaceClosed TermsChanged AnswerMissing
    RequiredMissing ValidityTooLong``.
    """
    async with world.store.transaction() as tx:
        given = await _record(world, tx, session, request_id, shown, language, answers, until)
    for consent_id in given:
        await door.open_for(world, session, consent_id)
    await receipt.push_all(world, session, request_id)
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_request(request_id)
        return tuple([await view_of(world, tx, one) for one in stored])


async def _record(
    world: World,
    tx: Transaction,
    session: Session,
    request_id: str,
    shown: str,
    language: str,
    answers: Mapping[str, bool],
    until: date | None,
) -> tuple[str, ...]:
    """The records of an answer, in the order of the checks; the ids of those that are a yes."""
    now = world.clock.now()
    request, answered = await tx.consents.request(request_id, session.person_id, lock=True)
    if answered:
        raise RequestAnswered()
    if now > request.answers_by:
        raise RequestClosed()
    row = await tx.spaces.one(request.space_id, lock=True)
    agreement = await tx.spaces.agreement(row.agreement_digest)
    space.require_open(await space.view(world, tx, request.space_id))
    notice, displayed = await tx.consents.shown(session.person_id, request_id, shown)
    _check_unchanged(notice, request, row.agreement_digest, language)
    _check_answers(request, answers)
    end = _end(agreement, now, until)
    given = []
    for purpose_id, yes in answers.items():
        record = _answered(world, agreement, request, purpose_id, notice, displayed, yes, now, end)
        await tx.consents.put(session.person_id, request.space_id, record)
        await receipt.issue(world, tx, session.person_id, record, agreement, notice)
        await tx.trail.append(_entry(record, yes, now))
        if yes:
            given.append(record.consent_id)
    await tx.consents.answered(request_id, now)
    return tuple(given)


def _check_unchanged(notice: Notice, request: ConsentRequest, current: str, language: str) -> None:
    if notice.agreement_digest != current or request.agreement_digest != current:
        raise TermsChanged()
    if notice.resources_digest != asked_digest(request) or notice.language != language:
        raise TermsChanged()


def _check_answers(request: ConsentRequest, answers: Mapping[str, bool]) -> None:
    asked = {purpose_id for purpose_id, _ in request.resources}
    if set(answers) != asked:
        raise AnswerMissing(", ".join(sorted(asked - set(answers))))
    for purpose_id, yes in answers.items():
        lacking = [one for one in request.resources_for(purpose_id) if one.required and not one.found]
        if yes and lacking:
            raise RequiredMissing(f"{len(lacking)} of the documents that are needed")


def _end(agreement: Agreement, now: datetime, until: date | None) -> datetime:
    latest = after(now, agreement.validity)
    if until is None:
        return latest
    # The chosen day counts whole, up to what the terms allow.
    chosen = datetime.combine(until, time.max, tzinfo=UTC)
    if until > latest.date() or chosen <= now:
        raise ValidityTooLong(f"between {now.date()} and {latest.date()}")
    return min(chosen, latest)


def _answered(
    world: World,
    agreement: Agreement,
    request: ConsentRequest,
    purpose_id: str,
    notice: Notice,
    displayed: datetime,
    yes: bool,
    now: datetime,
    end: datetime,
) -> ConsentRecord:
    """One record: the request by the controller, then the person's own answer."""
    consent_id = str(uuid.uuid4())
    resources = _found(request.resources_for(purpose_id))
    blank = ConsentRecord(
        consent_id=consent_id,
        iri=world.consent_iri(consent_id),
        request_id=request.request_id,
        data_subject=request.data_subject,
        space=world.space_iri(request.space_id),
        purpose=purpose_id,
        agreement_digest=notice.agreement_digest,
        notice_digest=notice.digest,
        notice_language=notice.language,
        notice_date=displayed,
        algorithm_digest=agreement.algorithm,
        shape_digest=agreement.output_shape,
        resources_digest=resources_digest(resources),
        resources=resources,
        recipients=tuple(party.webid for party in recipients(agreement)),
        result_container=request.result_container,
        epoch=0,
    )
    requested = ConsentEvent(1, ConsentStatus.REQUESTED, request.created, by=_controller(agreement))
    status = ConsentStatus.GIVEN if yes else ConsentStatus.REFUSED
    decided = ConsentEvent(
        2, status, now, by=request.data_subject, method=YES if yes else NO, until=end if yes else None
    )
    return with_event(with_event(blank, requested), decided, longest=world.settings.consent.max_validity)


def _found(resources: tuple[AskedResource, ...]) -> tuple[str, ...]:
    return tuple(sorted(one.url for one in resources if one.found))


def _controller(agreement: Agreement) -> str:
    named = agreement.with_role(Role.CONTROLLER) or agreement.with_role(Role.OWNER)
    return named[0].webid


def _missing(request: ConsentRequest) -> tuple[str, ...]:
    missing = {one.path for _, asked in request.resources for one in asked if one.required and not one.found}
    return tuple(sorted(missing))


def _entry(record: ConsentRecord, yes: bool, now: datetime) -> AuditEntry:
    action = Action.CONSENT_GIVEN if yes else Action.CONSENT_REFUSED
    objects = (record.consent_id, record.agreement_digest, record.notice_digest)
    return AuditEntry(action, now, "data_subject", objects, Outcome.DONE)


async def difference(
    world: World, session: Session, request_id: str, shown: str, language: str
) -> tuple[RowChange, ...]:
    """What changed between the notice that was shown and the one that would be shown now."""
    async with world.store.transaction() as tx:
        old, _ = await tx.consents.shown(session.person_id, request_id, shown)
    new = (await review(world, session, request_id, language)).notice
    return terms_difference(old, new)
