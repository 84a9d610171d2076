"""Invalidate: a consent that is found void, by the operator and with a reason."""

from __future__ import annotations

from solidgate.audit.entry import Action
from solidgate.consent.record import ConsentEvent, ConsentRecord, Reason
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentInvalidated, ConsentNotGiven
from solidgate.flow.ending import Ending, end_all
from solidgate.flow.world import World
from solidgate.space.agreement import Agreement


async def invalidate(world: World, consent_id: str, reason: Reason) -> None:
    """End a consent as void: runs stop, derived data leaves all queries, a receipt says why.

    Raises ``ConsentNotFound``, ``ConsentNotGiven`` when there is no yes to invalidate, and
    ``TransitionRefused`` for a reason of another kind.
    """
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="update")
        if not stored.record.latest.status.valid_for_processing:
            raise ConsentNotGiven()
        await end_all(world, tx, _ending(world, reason), [stored])


def _ending(world: World, reason: Reason) -> Ending:
    def event(record: ConsentRecord, agreement: Agreement) -> ConsentEvent:
        before = record.latest
        at = max(world.clock.now(), before.at)
        sequence = before.sequence + 1
        return ConsentEvent(sequence, ConsentStatus.INVALIDATED, at, world.public_url, reason=reason)

    return Ending(event, ConsentInvalidated, Action.CONSENT_INVALIDATED, "operator")
