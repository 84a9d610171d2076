"""Reconcile: what was recorded about results, held against what the pods hold now.

Once in a while, at no fixed moment, each written result is read by the space as any reader would. It says the
same: seen. Nothing there: the person took it away, and it is not written again. Anything else: disputed, and
never overwritten. A pod that does not answer is asked again at the next turn.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from solidgate.consent.record import status_at
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotGiven, EpochPassed, FetchTooLarge, PodNotFound, PodUnreadable
from solidgate.flow import signpost
from solidgate.flow.same import is_same
from solidgate.flow.tenure import tenure
from solidgate.flow.world import World
from solidgate.ports import Access
from solidgate.run.delivery import DeliveryRow, DeliveryState, Unresolved
from solidgate.run.signpost import Due
from solidgate.run.standing import pause

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


_PATIENCE = timedelta(hours=1)
"""Until a signpost that could not be brought to its end is tried again."""
_LEFT = (ConsentNotGiven, EpochPassed, TimeoutError)
"""It ended, or somebody else works for it, or it took too long: the next turn looks where one is due."""


async def results_due(world: World) -> tuple[Unresolved, ...]:
    """Written results that nobody looked at for long enough, a batch of them."""
    limits, now = world.settings.worker, world.clock.now()
    async with world.store.transaction() as tx:
        return await tx.standing.due(now, _usual(world), limits.reconcile_batch)


async def signposts_due(world: World) -> tuple[Due, ...]:
    """Signposts that are still planned, or were not looked at for long enough."""
    async with world.store.transaction() as tx:
        return await tx.signposts.due(world.clock.now(), world.settings.worker.reconcile_batch)


async def look(world: World, access: Access, run_id: str, consent_id: str) -> None:
    """Read one result back with the space's own key, while its consent holds. Raises pod faults.

    Works under a lease, so that no withdrawal is called quiescent meanwhile; each request is fenced by it.
    """
    now = world.clock.now()
    async with world.store.transaction() as tx:
        stored = await _holding(world, tx, consent_id)
        if stored is None:
            return
        row = await tx.results.planned(stored.person_id, run_id, consent_id)
        await tx.standing.looked(run_id, consent_id, now + pause(_usual(world), run_id, consent_id, now))
    if row is None:
        return
    with suppress(*_LEFT):
        async with tenure(world, consent_id, name=run_id) as held:
            await held.still()
            await _record(world, row, state := await _state(world, held.fenced(access), row))
            if state is not DeliveryState.WRITTEN:
                await signpost.follow(held, access, run_id)


async def look_at_signposts(world: World, access: Access, due: Due) -> None:
    """The same for the two documents that lead to results, of which a planned one is brought to its end."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        if await _holding(world, tx, due.consent_id) is None:
            return
        await tx.signposts.look_next(due.person_id, due.space_id, due.place, now + _PATIENCE)
    with suppress(*_LEFT):
        async with tenure(world, due.consent_id, name=due.run_id) as held:
            await signpost.look_again(held, access, due.place)


async def _holding(world: World, tx: Transaction, consent_id: str) -> StoredConsent | None:
    stored = await tx.consents.one(consent_id, lock="share")
    holds = status_at(stored.record, world.clock.now()).valid_for_processing
    return stored if holds else None


async def _state(world: World, access: Access, row: DeliveryRow) -> DeliveryState:
    limit = world.settings.pull.max_resource_bytes
    try:
        found = await world.pods.read(access, row.delivery.target, max_bytes=limit)
    except PodNotFound:
        return DeliveryState.GONE
    except (PodUnreadable, FetchTooLarge):
        return DeliveryState.DISPUTED
    same = await is_same(world, found, row.delivery.content, row.sha256)
    return DeliveryState.WRITTEN if same else DeliveryState.DISPUTED


async def _record(world: World, row: DeliveryRow, state: DeliveryState) -> None:
    now = world.clock.now()
    async with world.store.transaction() as tx:
        if state is DeliveryState.WRITTEN:
            await tx.standing.seen(row.run_id, row.consent_id, now)
        else:
            await tx.results.resolve(row.run_id, row.consent_id, state, now)


def _usual(world: World) -> timedelta:
    return timedelta(hours=world.settings.worker.reconcile_hours)
