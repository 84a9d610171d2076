"""Asked again: what is different from what the person was shown when they answered before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solidgate.algorithm.approval import Approval
from solidgate.consent.approved import Approved, approved_of, standing
from solidgate.consent.notice import Notice, RowChange, make_notice, terms_difference
from solidgate.consent.record import ConsentRecord
from solidgate.consent.words import WORDS
from solidgate.errors import LanguageNotOffered, SpaceInvalid, TermsChanged
from solidgate.flow.consent import Review
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
            then = await _shown_then(world, tx, session, record, found.notice.language)
            now = _shown(found.notice, found.agreement, found.space.approvals)
            return Since(None if then is None else _difference(then, now))
    return None


def _difference(then: _Shown, now: _Shown) -> tuple[RowChange, ...]:
    changes = terms_difference(then.notice, now.notice)
    if then.standing != now.standing:
        return changes
    return tuple(one for one in changes if then.approved.beside(one.before) != now.approved.beside(one.after))


async def _shown_then(
    world: World, tx: Transaction, session: Session, record: ConsentRecord, language: str
) -> _Shown | None:
    """The notice of that time: as it was shown, or in the page's language what it says in that one.

    The terms, the request and the approvals of that time are kept, so the other language says the same;
    None when the terms were not written in it.
    """
    request, _ = await tx.requests.one(record.request_id, session.person_id)
    agreement = await tx.spaces.agreement(request.agreement_digest)
    approvals = [one for one in await tx.spaces.approvals(request.space_id) if one.at <= record.notice_date]
    try:
        old, _ = await tx.requests.shown(session.person_id, record.request_id, record.notice_digest)
        if old.language == language:
            return _shown(old, agreement, approvals)
    except TermsChanged:
        pass  # The page of that time is not kept; the terms and the request still tell what it said.
    try:
        said = make_notice(agreement, request, language, approvals=approvals, public_url=world.public_url)
    except (LanguageNotOffered, SpaceInvalid):
        return None
    return _shown(said, agreement, approvals)
