"""Work for one consent outside a run, under a lease that its withdrawal waits for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from solidgate.consent.record import status_at
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotGiven, EpochPassed, StoreUnavailable
from solidgate.flow.step import OWN_SHARE, clock
from solidgate.flow.world import World


@asynccontextmanager
async def tenure(
    world: World, consent_id: str, *, person_id: str | None = None
) -> AsyncIterator[StoredConsent]:
    """A consent that holds, for the length of one lease of its own.

    Raises ``ConsentNotFound ConsentNotGiven``, and ``TimeoutError`` before the lease ends: whatever begins
    inside has come to its end, or is given up, when a withdrawal is answered.
    """
    begin, seconds = clock(), world.settings.worker.lease_seconds
    await world.brake.admit()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=person_id, lock="share")
        if not status_at(stored.record, world.clock.now()).valid_for_processing:
            raise ConsentNotGiven()
        name = f"by-the-way:{uuid.uuid4().hex}"  # beside other work for the same consent
        fence = await tx.leases.take(consent_id, stored.record.epoch, name, seconds)
    if fence is None:
        raise EpochPassed()
    try:
        async with asyncio.timeout_at(begin + seconds * OWN_SHARE):
            yield stored
    finally:
        await asyncio.shield(_give_back(world, fence))


async def holds(world: World, consent_id: str) -> bool:
    """Whether it still holds: to be asked again after each thing that took time."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id)
    return status_at(stored.record, world.clock.now()).valid_for_processing


async def _give_back(world: World, fence: int) -> None:
    with suppress(StoreUnavailable):  # without the database it lapses by itself
        async with world.store.transaction() as tx:
            await tx.leases.release(fence)
