"""Supersede: one person holds one consent for one purpose, whatever they answered before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from solidgate.consent.record import ConsentRecord, Reason
from solidgate.consent.request import ConsentRequest
from solidgate.consent.stored import PurposeState, ToAnswer
from solidgate.errors import RequestAnswered
from solidgate.flow import expire, revoke, withdraw
from solidgate.flow.ending import end_all
from solidgate.flow.making import NO
from solidgate.flow.world import World
from solidgate.identity.login import Session

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


async def supersede(
    world: World,
    tx: Transaction,
    session: Session,
    found: ToAnswer,
    answers: Mapping[str, bool],
) -> Mapping[str, PurposeState]:
    """The newest record of each purpose, once nothing that is answered now is held any more.

    End what the person holds for the purposes that they answer now, in the transaction of the answer.

    A consent past its end expires, one to other terms is revoked as those terms were, and so is one that does
    not name every document of the new yes; a no to the same terms withdraws. Raises ``RequestAnswered`` for a
    second yes to the same, which would only hide the first.
    """
    if found.held.isdisjoint(answers):
        return found.earlier
    now, request = world.clock.now(), found.request
    held = await tx.consents.held(session.person_id, request.space_id, list(answers))
    past = [one for one in held if one.record.latest.until is not None and one.record.latest.until <= now]
    other = [
        one
        for one in held
        if one.record.agreement_digest != request.agreement_digest
        or (answers[one.record.purpose] and _names_more(request, one.record))
    ]
    same = [one for one in held if one not in past and one not in other]
    if any(answers[one.record.purpose] for one in same):
        raise RequestAnswered()
    if past:
        await end_all(world, tx, expire.ending(world), past)
    if other := [one for one in other if one not in past]:
        await end_all(world, tx, revoke.ending(world, Reason.TERMS_CHANGED), other)
    if same:
        await withdraw.end_in(world, tx, session, [one.record.consent_id for one in same], method=NO)
    return await tx.consents.newest_of_purposes(session.person_id, request.space_id)


def _names_more(request: ConsentRequest, record: ConsentRecord) -> bool:
    """Whether the request asks for a document that the consent does not list."""
    asked = {one.url for one in request.resources_for(record.purpose) if one.found}
    return not asked.issubset(record.resources)
