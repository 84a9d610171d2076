"""Expire: what the clock decided already is written into the record, and its derived data removed."""

from __future__ import annotations

from solidgate.audit.entry import Action
from solidgate.consent.record import ConsentEvent, ConsentRecord
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentExpired
from solidgate.flow.each import each
from solidgate.flow.ending import Ending, end_all
from solidgate.flow.world import World
from solidgate.space.agreement import Agreement

BATCH = 200


async def expire(world: World) -> int:
    """Mark consents past their end; how many. No decision waits for this: ``decide`` reads the clock."""
    async with world.store.transaction() as tx:
        ended = await tx.consents.past_end(world.clock.now(), BATCH)
    return await each(ended, lambda consent_id: _expire(world, consent_id), "consent.not-expired")


async def _expire(world: World, consent_id: str) -> None:
    now = world.clock.now()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="update")
        before = stored.record.latest
        if not before.status.valid_for_processing or before.until is None or before.until > now:
            return
        await end_all(world, tx, ending(world), [stored])


def ending(world: World) -> Ending:
    """How the clock ends a consent."""

    def event(record: ConsentRecord, agreement: Agreement) -> ConsentEvent:
        sequence = record.latest.sequence + 1
        return ConsentEvent(sequence, ConsentStatus.EXPIRED, world.clock.now(), world.public_url)

    # No receipt: the one of the yes names the end already.
    return Ending(event, ConsentExpired, Action.CONSENT_EXPIRED, "system", receipt=False)
