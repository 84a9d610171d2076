"""Expire: what the clock decided already is written into the record, and its derived data removed."""

from __future__ import annotations

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentEvent, with_event
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentExpired
from solidgate.flow import run
from solidgate.flow.world import World

BATCH = 200


async def expire(world: World) -> int:
    """Mark consents past their end; how many. No decision waits for this: ``decide`` reads the clock."""
    async with world.store.transaction() as tx:
        ended = await tx.consents.past_end(world.clock.now(), BATCH)
    for consent_id in ended:
        await _expire(world, consent_id)
    return len(ended)


async def _expire(world: World, consent_id: str) -> None:
    now = world.clock.now()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="update")
        before = stored.record.latest
        if not before.status.valid_for_processing or before.until is None or before.until > now:
            return
        event = ConsentEvent(before.sequence + 1, ConsentStatus.EXPIRED, now, world.public_url)
        with_event(stored.record, event)
        await tx.consents.end(stored, event)
        for part in await tx.runs.stop_parts(consent_id, now, ConsentExpired.code):
            await run.finish(world, tx, part.run_id)
        await tx.results.unpublish(consent_id)
        await tx.spaces.changed(stored.space_id)
        await tx.jobs.notify(run.STOP_CHANNEL, [f"*:{consent_id}"])
        await tx.trail.append(AuditEntry(Action.CONSENT_EXPIRED, now, "system", (consent_id,), Outcome.DONE))
