"""Consent: show exactly what is asked, record exactly what was answered, then open the door.

The page asks; only this file writes a consent record. What the form carries back is the digest of the
notice that was displayed: anything that changed meanwhile is a refusal, and nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.approved import approved_of
from solidgate.consent.duration import after
from solidgate.consent.notice import Notice, make_notice
from solidgate.consent.record import ConsentRecord
from solidgate.consent.request import ConsentRequest, asked_digest
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import ToAnswer
from solidgate.consent.words import SPECIAL_WORDS, WORDS
from solidgate.errors import (
    RequestAnswered,
    RequestClosed,
    SolidgateError,
    SpaceClosed,
    StorageNotChosen,
    TermsChanged,
)
from solidgate.flow import ask as asking
from solidgate.flow import door, receipt, space
from solidgate.flow.check import Answer, check_answers, check_statements, end_of_answer, placed
from solidgate.flow.making import Making
from solidgate.flow.record import ConsentView, view_of
from solidgate.flow.settle import settle
from solidgate.flow.space import SpaceView
from solidgate.flow.supersede import supersede
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement
from solidgate.space.purpose import Purpose

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

ask = asking.ask


@dataclass(frozen=True, slots=True)
class Review:
    """Everything the page needs to ask; ``missing`` are the keys of needs whose documents the pod lacks."""

    request: ConsentRequest
    space: SpaceView
    notice: Notice
    agreement: Agreement
    answered: tuple[ConsentView, ...]
    missing: tuple[str, ...]
    latest_end: datetime

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """The purposes that are asked: those of the agreement that have no yes yet."""
        return tuple(self.agreement.purpose(purpose_id) for purpose_id, _ in self.request.resources)

    @property
    def finds(self) -> bool:
        """Whether documents had to be found by their kind."""
        return any(need.is_found for purpose in self.purposes for need in purpose.needs)

    @property
    def paths(self) -> frozenset[str]:
        """The needs that are a path below the storage."""
        return frozenset(
            need.path for purpose in self.purposes for need in purpose.needs if not need.is_found
        )

    @property
    def may_agree(self) -> bool:
        """Whether a yes is possible to anything: some purpose, and each required one, has what it needs."""
        asked_of = self.request.resources
        able = {one for one, asked in asked_of if all(doc.found or not doc.required for doc in asked)}
        return bool(able) and all(one.id in able for one in self.purposes if one.required)

    @property
    def words(self) -> Mapping[str, str]:
        """Purpose to the word that a yes to it needs typed; only special categories have one."""
        word = SPECIAL_WORDS.get(self.notice.language, "")
        return {purpose.id: word for purpose in self.purposes if purpose.special_category}


async def review(world: World, session: Session, request_id: str, language: str) -> Review:
    """The request as it is to be shown now; its notice is remembered as displayed to this person.

    Raises ``RequestNotFound LanguageNotOffered StorageNotChosen``. An unanswered request follows the current
    terms.
    """
    async with world.store.transaction() as tx:
        request, answered = await tx.requests.one(request_id, session.person_id)
        view = await space.view(world, tx, request.space_id)
    if not answered:
        request = await asking.refreshed(world, session, view, request)
    if not request.storage:
        raise StorageNotChosen()
    now = world.clock.now()
    async with world.store.transaction() as tx:
        agreement = await tx.spaces.agreement(request.agreement_digest)
        notice = make_notice(
            agreement, request, language, approvals=view.approvals, public_url=world.public_url
        )
        if not answered:
            await tx.requests.update(session.person_id, request)
            await tx.requests.displayed(session.person_id, request_id, notice, now)
        stored = await tx.consents.of_request(request_id)
        records = [await view_of(world, tx, one) for one in stored]
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
    statements: Mapping[str, str] | None = None,
    receipt_container: str | None = None,
) -> tuple[ConsentView, ...]:
    """Record one yes or no for each purpose, then open the door for what was agreed.

    The records, their receipts and the audit entries are one transaction; it alone decides. What follows
    at the pod (door, copy of the receipt) may fail or go on afterwards, is shown and can be repeated; it
    never undoes an answer, and nobody waits longer than ``consent.door_wait_seconds`` for it.

    Raises ``RequestNotFound RequestAnswered RequestClosed SpaceClosed TermsChanged AnswerMissing
    RequiredMissing RequiredRefused ValidityTooLong StatementMissing ReceiptPlaceInvalid``.
    A no to everything is taken with any end and any place for receipts: neither stands in its way.
    """
    said = Answer(shown, language, answers, until, statements or {}, receipt_container or "")
    given = await record_answer(world, session, request_id, said)
    name = name_at_pod(request_id)
    world.after.begin(name, partial(_at_pod, world, session, request_id, given, said))
    await world.after.wait([name], world.settings.consent.door_wait_seconds)
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_request(request_id)
        return tuple([await view_of(world, tx, one) for one in stored])


def name_at_pod(request_id: str) -> str:
    """The name of what goes on at the pod after an answer."""
    return f"answer:{request_id}"


async def _at_pod(
    world: World, session: Session, request_id: str, given: tuple[str, ...], said: Answer
) -> None:
    for consent_id in given:
        with suppress(SolidgateError):  # it ended meanwhile: the receipts go their way all the same
            await door.open_for(world, session, consent_id)
    await receipt.push_all(world, session, request_id)
    if not all(said.answers.values()):  # a no may have ended an earlier yes, and its door is to be closed
        await settle(world, session)


async def record_answer(world: World, session: Session, request_id: str, said: Answer) -> tuple[str, ...]:
    """The one transaction of an answer; the ids of the records that are a yes. Raises as ``answer``."""
    async with world.store.transaction() as tx:
        return await _record(world, tx, session, request_id, said)


async def _record(
    world: World, tx: Transaction, session: Session, request_id: str, said: Answer
) -> tuple[str, ...]:
    """In the order of the checks; what is written goes out with the commit."""
    now, person_id = world.clock.now(), session.person_id
    found = await tx.answers.under_lock(person_id, request_id, said.shown)
    request, notice = found.request, found.notice
    if found.answered:
        raise RequestAnswered()
    if not request.storage:
        raise StorageNotChosen()
    if now > request.answers_by:
        raise RequestClosed()
    if found.space_state != "open":
        raise SpaceClosed(request.space_id)
    agreement = await tx.spaces.agreement(found.agreement_digest)
    if notice is None or found.displayed is None:
        raise TermsChanged()
    _check_unchanged(notice, request, found.agreement_digest, said.language)
    _check_approvals(notice, agreement, found)
    check_answers(agreement, request, said.answers)
    check_statements(agreement, said)
    earlier = await supersede(world, tx, session, found, said.answers)
    at_place = placed(request, said)
    made = Making(
        world=world,
        agreement=agreement,
        request=at_place,
        notice=notice,
        displayed=found.displayed,
        now=now,
        end=end_of_answer(agreement, now, said, world.zone),
        deferred=found.deferred,
        earlier=earlier,
    )
    records = [made.record(purpose_id, yes) for purpose_id, yes in said.answers.items()]
    await tx.last.consents.put(person_id, request.space_id, *records)
    await tx.last.trail.append(*(_entry(record, now) for record in records))
    await tx.last.requests.answered(
        person_id, request.request_id, now, None if at_place is request else at_place
    )
    tx.last.ahead()  # the server writes these while the receipts are signed
    await tx.last.receipts.put(person_id, receipt.signed(world, agreement, *records, notice=notice))
    return tuple(one.consent_id for one in records if one.latest.status.valid_for_processing)


def _check_unchanged(notice: Notice, request: ConsentRequest, current: str, language: str) -> None:
    if notice.agreement_digest != current or request.agreement_digest != current:
        raise TermsChanged()
    if notice.resources_digest != asked_digest(request) or notice.language != language:
        raise TermsChanged()


def _check_approvals(notice: Notice, agreement: Agreement, found: ToAnswer) -> None:
    """What the page told of who approved still stands: a word since then, yes or no, is a change of it."""
    now = approved_of(agreement, found.agreement_digest, found.approvals, WORDS[notice.language])
    if not now.stand_in(notice.rows):
        raise TermsChanged()


def _missing(request: ConsentRequest) -> tuple[str, ...]:
    missing = {one.key for _, asked in request.resources for one in asked if one.required and not one.found}
    return tuple(sorted(missing))


_ACTIONS = {
    ConsentStatus.GIVEN: Action.CONSENT_GIVEN,
    ConsentStatus.RENEWED: Action.CONSENT_RENEWED,
    ConsentStatus.REFUSED: Action.CONSENT_REFUSED,
}


def _entry(record: ConsentRecord, now: datetime) -> AuditEntry:
    objects = (record.consent_id, record.agreement_digest, record.notice_digest)
    return AuditEntry(_ACTIONS[record.latest.status], now, "data_subject", objects, Outcome.DONE)
