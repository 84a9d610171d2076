"""Asked again: what is different from what the person was shown when they answered before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solidgate.consent.changes import full_terms, of_the_same
from solidgate.consent.notice import Notice, RowChange, make_notice, terms_difference
from solidgate.consent.record import ConsentRecord
from solidgate.consent.request import ConsentRequest
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


async def since_last_answer(world: World, session: Session, found: Review) -> Since | None:
    """What changed since the newest earlier answer for one of these purposes; None without one."""
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
    then = _Then(world, await tx.spaces.agreement(earlier.agreement_digest), record)
    old = await then.shown(tx, session, earlier, language)
    if old is None:
        return None
    asked = of_the_same(earlier, found.request, found.agreement)
    if asked != earlier and await then.made(tx, earlier, language) == old:  # else our own words changed too
        old = await then.made(tx, asked, language) or old
    return (*terms_difference(old, found.notice), *full_terms(then.agreement, found.agreement, language))


@dataclass(frozen=True, slots=True)
class _Then:
    """The time of an earlier answer: its terms and the approvals that stood are kept."""

    world: World
    agreement: Agreement
    record: ConsentRecord

    async def shown(
        self, tx: Transaction, session: Session, request: ConsentRequest, language: str
    ) -> Notice | None:
        """The notice as it was shown, or in the page's language what it says in that one.

        None when the terms were not written in it.
        """
        try:
            old, _ = await tx.requests.shown(session.person_id, request.request_id, self.record.notice_digest)
            if old.language == language:
                return old
        except TermsChanged:
            pass  # The page of that time is not kept; the terms and the request still tell what it said.
        return await self.made(tx, request, language)

    async def made(self, tx: Transaction, request: ConsentRequest, language: str) -> Notice | None:
        """The notice of this request as it would have been; None when the terms were not in the language."""
        said = await tx.spaces.approvals(request.space_id)
        approvals = [one for one in said if one.at <= self.record.notice_date]
        try:
            return make_notice(
                self.agreement, request, language, approvals=approvals, public_url=self.world.public_url
            )
        except (LanguageNotOffered, SpaceInvalid):
            return None
