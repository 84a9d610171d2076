"""Asked again: what is different from what the person was shown when they answered before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solidgate.algorithm.approval import Approval
from solidgate.consent.approved import Approved, approved_of, standing
from solidgate.consent.changes import full_terms, of_the_same
from solidgate.consent.notice import Notice, RowChange, make_notice, terms_difference
from solidgate.consent.record import ConsentRecord
from solidgate.consent.request import ConsentRequest
from solidgate.consent.words import WORDS
from solidgate.errors import LanguageNotOffered, SpaceInvalid, TermsChanged
from solidgate.flow.consent import Review, review
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

_BOUND = frozenset({"agreement", "resources"})


@dataclass(frozen=True, slots=True)
class Since:
    """What is different since an earlier answer: empty only when nothing is, None when it cannot be told."""

    changes: tuple[RowChange, ...] | None

    @property
    def told(self) -> tuple[RowChange, ...]:
        """The changes that a line of the page tells; a digest alone is none for a person to read."""
        return tuple(change for change in self.changes or () if change.key not in _BOUND)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A notice, the lines in it that tell of approvals, and who had approved, without days."""

    notice: Notice
    approved: Approved
    standing: frozenset[tuple[str, str, bool]]


def _shown(notice: Notice, agreement: Agreement, approvals: Iterable[Approval]) -> _Shown:
    known, words = tuple(approvals), WORDS[notice.language]
    about = (agreement, notice.agreement_digest, known)
    return _Shown(notice, approved_of(*about, words), standing(*about))


async def since_last_answer(world: World, session: Session, found: Review) -> Since | None:
    """What changed since the newest earlier answer for one of these purposes; None without one.

    That the same parties approved on other days is no change of what is asked.
    """
    asked = {purpose_id for purpose_id, _ in found.request.resources}
    async with world.store.transaction() as tx:
        for one in await tx.consents.of_person(session.person_id):
            record = one.record
            same = record.purpose in asked and one.space_id == found.request.space_id
            if not same or record.request_id == found.request.request_id:
                continue
            return Since(await _changes(world, tx, session, record, found))
    return None


async def difference(world: World, session: Session, request_id: str, shown: str) -> tuple[RowChange, ...]:
    """What changed between the notice that was shown and the one of its language that would be shown now.

    Raises ``TermsChanged`` when no such notice was shown to this person, ``LanguageNotOffered
    RequestNotFound RequestAnswered`` and pod faults.
    """
    async with world.store.transaction() as tx:
        await tx.requests.one(request_id, session.person_id)
        old, _ = await tx.requests.shown(session.person_id, request_id, shown)
        before = await tx.spaces.agreement(old.agreement_digest)
    new = await review(world, session, request_id, old.language)
    changes = terms_difference(old, new.notice)
    return (*changes, *full_terms(before, new.agreement, old.language))


async def _changes(
    world: World, tx: Transaction, session: Session, record: ConsentRecord, found: Review
) -> tuple[RowChange, ...] | None:
    """Since this answer, of what is asked now: what a yes holds for is no part of it."""
    language = found.notice.language
    earlier, _ = await tx.requests.one(record.request_id, session.person_id)
    agreement = await tx.spaces.agreement(earlier.agreement_digest)
    said = await tx.spaces.approvals(earlier.space_id)
    then = _Then(world, agreement, tuple(one for one in said if one.at <= record.notice_date), record)
    old = await then.notice(tx, session, earlier, language)
    if old is None:
        return None
    asked = of_the_same(earlier, found.request, found.agreement)
    if asked != earlier and then.made(earlier, language) == old:  # else our own words changed too
        old = then.made(asked, language) or old
    now = _shown(found.notice, found.agreement, found.space.approvals)
    rows = _difference(_shown(old, agreement, then.approvals), now)
    return (*rows, *full_terms(agreement, found.agreement, language))


def _difference(then: _Shown, now: _Shown) -> tuple[RowChange, ...]:
    changes = terms_difference(then.notice, now.notice)
    if then.standing != now.standing:
        return changes
    return tuple(one for one in changes if then.approved.beside(one.before) != now.approved.beside(one.after))


@dataclass(frozen=True, slots=True)
class _Then:
    """The time of an earlier answer: its terms, and the approvals that stood, are kept."""

    world: World
    agreement: Agreement
    approvals: tuple[Approval, ...]
    record: ConsentRecord

    async def notice(
        self, tx: Transaction, session: Session, request: ConsentRequest, language: str
    ) -> Notice | None:
        """The notice as it was shown, or in the page's language what it says in that one.

        None when the terms were not written in it.
        """
        digest = self.record.notice_digest
        try:
            old, _ = await tx.requests.shown(session.person_id, request.request_id, digest)
            if old.language == language:
                return old
        except TermsChanged:
            pass  # The page of that time is not kept; the terms and the request still tell what it said.
        return self.made(request, language)

    def made(self, request: ConsentRequest, language: str) -> Notice | None:
        """The notice of this request as it would have been; None when the terms were not in the language."""
        public_url = self.world.public_url
        try:
            return make_notice(
                self.agreement, request, language, approvals=self.approvals, public_url=public_url
            )
        except (LanguageNotOffered, SpaceInvalid):
            return None
