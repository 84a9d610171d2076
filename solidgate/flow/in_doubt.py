"""In doubt: writes whose part ended without knowing how they did, looked at again until the pod tells.

After a withdrawal, ``reclaim`` does this, and takes out what landed.
"""

from __future__ import annotations

from contextlib import suppress

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import status_at
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotGiven, EpochPassed, PodDisputed, PodFault
from solidgate.flow.owner import landing
from solidgate.flow.tenure import tenure
from solidgate.flow.world import World
from solidgate.flow.write_back import read_back
from solidgate.ports import Access
from solidgate.run.delivery import DeliveryRow, DeliveryState


async def look_again(world: World, access: Access, run_id: str, consent_id: str) -> None:
    """Read back one planned result with the space's own key; what the pod does not tell is asked again later.

    Works under a lease, so that no withdrawal is called quiescent meanwhile; fenced by it.
    """
    now = world.clock.now()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="share")
        row = await tx.results.planned(stored.person_id, run_id, consent_id)
        if row is None or not status_at(stored.record, now).valid_for_processing:
            return
        await tx.results.looked(run_id, consent_id, now)
    with suppress(PodFault, ConsentNotGiven, EpochPassed, TimeoutError):
        async with tenure(world, consent_id, name=run_id) as held:
            await held.still()
            await _settle(world, held.fenced(access), row)


async def look_for(world: World, access: Access, stored: StoredConsent) -> None:
    """The same with the person's own session, for a consent that ended by the clock or the organisation.

    What landed while the consent held is theirs, and stays.
    """
    consent_id = stored.record.consent_id
    async with world.store.transaction() as tx:
        if await tx.leases.open([consent_id]):
            return
        rows = await tx.results.of_consent(stored.person_id, consent_id)
    for row in rows:
        if row.state is DeliveryState.PLANNED:
            with suppress(PodFault):
                await _settle(world, access, row)


async def _settle(world: World, access: Access, row: DeliveryRow) -> None:
    try:
        found = await read_back(world, access, row.delivery, row.sha256)
    except PodDisputed:
        await _record(world, row, DeliveryState.DISPUTED)
        return
    if found is not None:
        await _record(world, row, DeliveryState.WRITTEN)
    elif row.planned + landing(world) < world.clock.now():  # until then it could still arrive
        await _record(world, row, DeliveryState.ABANDONED)


async def _record(world: World, row: DeliveryRow, state: DeliveryState) -> None:
    now = world.clock.now()
    async with world.store.transaction() as tx:
        await tx.results.resolve(row.run_id, row.consent_id, state, now)
        if state is DeliveryState.WRITTEN:
            objects = (row.run_id, row.consent_id)
            await tx.trail.append(AuditEntry(Action.RESULT_WRITTEN, now, "enclave", objects, Outcome.DONE))
