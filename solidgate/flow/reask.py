"""Asked again: what is different from what the person was shown when they answered before."""

from __future__ import annotations

from solidgate.consent.notice import RowChange, terms_difference
from solidgate.errors import TermsChanged
from solidgate.flow.consent import Review
from solidgate.flow.world import World
from solidgate.identity.login import Session

_MACHINE = frozenset({"language", "agreement", "resources"})


async def since_last_answer(world: World, session: Session, found: Review) -> tuple[RowChange, ...] | None:
    """The changed rows since the newest earlier answer for one of these purposes; None without one.

    Texts of two languages cannot be told apart from changes, so an answer in another language counts as none.
    """
    asked = {purpose_id for purpose_id, _ in found.request.resources}
    async with world.store.transaction() as tx:
        for one in await tx.consents.of_person(session.person_id):
            record = one.record
            same = record.purpose in asked and one.space_id == found.request.space_id
            if not same or record.request_id == found.request.request_id:
                continue
            try:
                old, _ = await tx.requests.shown(session.person_id, record.request_id, record.notice_digest)
            except TermsChanged:
                continue
            if old.language == found.notice.language:
                changes = terms_difference(old, found.notice)
                return tuple(change for change in changes if change.key not in _MACHINE)
    return None
