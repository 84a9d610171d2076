"""Housekeeping: what time alone brings, looked at every minute by one of the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Protocol

from solidgate.adapters.sql.logins import SqlLogins
from solidgate.flow import (
    erase,
    expire,
    in_doubt,
    look,
    lost,
    reclaim,
    reconcile,
    rerun,
    retain,
    subscribe,
    withdraw,
)
from solidgate.flow.each import each
from solidgate.flow.granted import granted
from solidgate.flow.journey import Enclave
from solidgate.flow.world import World
from solidgate.ports import Access


async def keep_house(enclave: Enclave) -> None:
    """What time alone brings: ended consents are marked, lost runs ended, dead leases and logins removed.

    A step that fails is logged and done again at the next turn; it holds up none of the others.
    """
    world = enclave.world
    patience = 2 * world.settings.consent.withdraw_wait_seconds
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "erasures": lambda: erase.finish_erasures(world, patience=patience),
        "ends": lambda: expire.expire(world),
        "retention": lambda: retain.delete_old(world),
        "leases": lambda: _drop_stale(world),
        "lost-runs": lambda: lost.end_lost(world),
        "proofs": lambda: withdraw.prove_owed(world),
        "withdrawn-writes": lambda: read_back_doubts(enclave),
        "planned-writes": lambda: settle_planned(enclave),
        "standing-results": lambda: reconcile_results(enclave),
        "signposts": lambda: reconcile_signposts(enclave),
        "logins": lambda: _purge(world),
        "watches": lambda: subscribe.see_to(world),
        "sweep": lambda: look.sweep(world),
        "reruns": lambda: rerun.see_to(world),
    }
    await each(steps, lambda name: steps[name](), "house.failed")


async def _drop_stale(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.leases.drop_stale()


async def _purge(world: World) -> None:
    if isinstance(world.logins, SqlLogins):
        await world.logins.purge()


async def read_back_doubts(enclave: Enclave) -> None:
    """Look again at writes in doubt after withdrawals, where a pod still lets the space in."""
    world, now = enclave.world, enclave.world.clock.now()
    since = now - timedelta(hours=world.settings.consent.doubt_hours)
    async with world.store.transaction() as tx:
        left = await tx.withdrawals.doubtful(since, now, reclaim.BATCH)

    async def read_back(consent_id: str) -> None:
        async with world.store.transaction() as tx:
            space_id = (await tx.consents.one(consent_id)).space_id
        access = await granted(world, await enclave.keys.access_for(space_id), consent_id)
        async with asyncio.timeout(world.settings.worker.lease_seconds):
            await reclaim.read_back(world, access, consent_id)

    await each(left, read_back, "house.doubt-left")


async def settle_planned(enclave: Enclave) -> None:
    """Look again at writes whose part ended without knowing how they did."""
    world, now = enclave.world, enclave.world.clock.now()
    since = now - timedelta(hours=world.settings.consent.doubt_hours)
    async with world.store.transaction() as tx:
        left = {one.key: one for one in await tx.results.unresolved(since, now, reclaim.BATCH)}

    async def settle(access: Access, key: str) -> None:
        run_id, consent_id = left[key].run_id, left[key].consent_id
        await in_doubt.look_again(world, await granted(world, access, consent_id), run_id, consent_id)

    await _each_as_its_space(enclave, _spaces(left), settle, "house.doubt-left")


async def reconcile_results(enclave: Enclave) -> None:
    """Hold what was recorded against what pods hold, a batch of results at a turn."""
    left = {one.key: one for one in await reconcile.results_due(enclave.world)}

    async def hold(access: Access, key: str) -> None:
        await reconcile.look(enclave.world, access, left[key].run_id, left[key].consent_id)

    await _each_as_its_space(enclave, _spaces(left), hold, "house.not-reconciled")


async def reconcile_signposts(enclave: Enclave) -> None:
    """End what a fault left undone at the documents that lead to results, and look whether they stand."""
    left = {one.key: one for one in await reconcile.signposts_due(enclave.world)}

    async def mend(access: Access, key: str) -> None:
        await reconcile.look_at_signposts(enclave.world, access, left[key])

    await _each_as_its_space(enclave, _spaces(left), mend, "house.not-reconciled")


class _OfSpace(Protocol):
    @property
    def space_id(self) -> str: ...


def _spaces(left: Mapping[str, _OfSpace]) -> dict[str, str]:
    return {key: one.space_id for key, one in left.items()}


async def _each_as_its_space(
    enclave: Enclave,
    spaces: Mapping[str, str],
    work: Callable[[Access, str], Awaitable[object]],
    event: str,
) -> None:
    """The work for each item with the access of its space, none longer than the lease it takes."""

    async def one(key: str) -> None:
        access = await enclave.keys.access_for(spaces[key])
        async with asyncio.timeout(enclave.world.settings.worker.lease_seconds):
            await work(access, key)

    await each(spaces, one, event)
