"""One step on one consent: decide, lease, act, decide again. Nothing touches data outside a lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from solidgate.consent.decide import ActiveConsent, Proposal, decide
from solidgate.consent.record import ConsentRecord
from solidgate.consent.stored import StoredConsent
from solidgate.errors import EpochPassed
from solidgate.flow.world import World
from solidgate.run.state import PartState, RunRow
from solidgate.space.agreement import Agreement
from solidgate.space.participant import Party, Role

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


@dataclass(frozen=True, slots=True)
class Step:
    """What a worker holds while it works for one consent in one run."""

    world: World
    run: RunRow
    agreement: Agreement
    consent_id: str
    person_id: str
    record: ConsentRecord
    lease_id: str
    first: ActiveConsent

    async def advance(self, state: PartState) -> ActiveConsent:
        """Go on only if the consent still holds and the part was not stopped; renews the lease."""
        now = self.world.clock.now()
        async with self.world.store.transaction() as tx:
            active = await self.recheck(tx)
            if not await tx.runs.advance(self.run.run_id, self.consent_id, state, now):
                raise EpochPassed()
            await tx.consents.renew_lease(self.lease_id, now + lease_time(self.world))
        return active

    async def recheck(self, tx: Transaction) -> ActiveConsent:
        """Decide again inside the transaction that makes an effect visible.

        The shared lock keeps a withdrawal out until that transaction ends, so the effect comes wholly before
        the withdrawal or not at all. Raises what ``decide`` raises, and ``EpochPassed``.
        """
        stored = await tx.consents.one(self.consent_id, lock="share")
        active = decided(self.world, stored, self.agreement, self.run)
        if active.epoch != self.first.epoch:
            raise EpochPassed()
        return active


def lease_time(world: World) -> timedelta:
    """How long a lease lasts without a heartbeat."""
    return timedelta(seconds=world.settings.worker.lease_seconds)


def decided(world: World, stored: StoredConsent, agreement: Agreement, run: RunRow) -> ActiveConsent:
    """Whether this run may use this consent now."""
    return decide(stored.record, world.clock.now(), proposal(agreement, stored.record, run))


def proposal(agreement: Agreement, record: ConsentRecord, run: RunRow) -> Proposal:
    """What a run is about to do with one person's data, as its agreement says, not as the record says."""
    return Proposal(
        purpose=record.purpose,
        agreement_digest=run.agreement_digest,
        algorithm_digest=run.algorithm_digest,
        shape_digest=agreement.output_shape,
        resources=record.resources,
        recipients=tuple(party.webid for party in recipients(agreement)),
    )


def recipients(agreement: Agreement) -> tuple[Party, ...]:
    """Who gets results: the data consumers."""
    return agreement.with_role(Role.DATA_CONSUMER)


@asynccontextmanager
async def leased(world: World, run: RunRow, agreement: Agreement, consent_id: str) -> AsyncIterator[Step]:
    """A step under a lease, which a heartbeat renews and which is given back at the end, whatever happens.

    Work that outlives its lease is ended by its own clock first: a withdrawal that finds the lease past its
    deadline may rely on nobody working under it.
    """
    now = world.clock.now()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="share")
        active = decided(world, stored, agreement, run)
        lease_id = await tx.consents.take_lease(consent_id, active.epoch, run.run_id, now + lease_time(world))
    step = Step(world, run, agreement, consent_id, stored.person_id, stored.record, lease_id, active)
    try:
        async with asyncio.timeout(world.settings.worker.lease_seconds) as limit:
            heartbeat = asyncio.create_task(_beat(step, limit))
            try:
                yield step
            finally:
                heartbeat.cancel()
    finally:
        await asyncio.shield(_release(world, lease_id))


async def _beat(step: Step, limit: asyncio.Timeout) -> None:
    world = step.world
    while True:
        await asyncio.sleep(world.settings.worker.heartbeat_seconds)
        now = world.clock.now()
        async with world.store.transaction() as tx:
            await tx.consents.renew_lease(step.lease_id, now + lease_time(world))
        limit.reschedule(asyncio.get_running_loop().time() + world.settings.worker.lease_seconds)


async def _release(world: World, lease_id: str) -> None:
    async with world.store.transaction() as tx:
        await tx.consents.release_lease(lease_id)
