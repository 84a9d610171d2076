"""At the pod: what a withdrawal owes there, done with the person's own session after they were answered.

The session is known to the process that answered, so the work goes on in that one. A row says so to the
others: none of them calls the withdrawal quiescent meanwhile. The row is no lease of a step, since nobody
waits for it; it lapses by itself if the process dies, not before the work was given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from solidgate.consent.stored import StoredConsent
from solidgate.errors import SolidgateError, StoreUnavailable
from solidgate.flow import door, receipt
from solidgate.flow.reclaim import reclaim
from solidgate.flow.withdrawal import found
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

_WAITS = 4  # for the door, for the quiet, for the receipt, for the rest
_SPARE = 1.25  # the row stands for longer than the work may last


async def announce(world: World, tx: Transaction, stored: StoredConsent) -> int:
    """Say to every process, with the commit, that something will be on its way to the pod; the row's number.

    The row is new and nobody else's: to add it waits for nobody, whatever the transaction holds.
    """
    return await tx.leases.announce(stored.record.consent_id, stored.record.epoch, _longest(world) * _SPARE)


def begin(
    world: World,
    session: Session,
    stored: StoredConsent,
    announced: Mapping[str, int],
    still: asyncio.Future[None] | None = None,
) -> None:
    """Begin what was announced, unless it is under way here.

    ``still`` comes with a consent that was just withdrawn: its door may be opening in this very moment.
    """
    consent_id = stored.record.consent_id
    fence = announced[consent_id]
    if not world.after.begin(consent_id, partial(_announced, world, session, consent_id, fence, still)):
        world.after.begin(f"{consent_id}:{fence}", partial(_over, world, fence))


async def _announced(
    world: World, session: Session, consent_id: str, fence: int, still: asyncio.Future[None] | None
) -> None:
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_longest(world)):
                await _at_pod(world, session, consent_id, still)
    finally:
        await asyncio.shield(_over(world, fence))


async def _over(world: World, fence: int) -> None:
    with suppress(StoreUnavailable):  # without the database it lapses by itself
        async with world.store.transaction() as tx:
            await tx.leases.release(fence)


async def _at_pod(
    world: World, session: Session, consent_id: str, still: asyncio.Future[None] | None
) -> None:
    """The door at once; the rest once no work is under way."""
    stored, known = await found(world, session, consent_id)
    if still is not None or (known is not None and known.state is not DoorState.CLOSED):
        await _bounded(world, door.close_for(world, session, stored.record, stored.space_id))
    if still is not None:
        await asyncio.wait([still])
        await _bounded(world, receipt.push(world, session, stored))
    await _bounded(world, reclaim(world, session, stored))


def _longest(world: World) -> float:
    return _WAITS * world.settings.consent.withdraw_wait_seconds


async def _bounded(world: World, work: Coroutine[object, object, object]) -> None:
    """Work at a pod, which may be down or slow: what is not done stays owed, and is shown."""
    with suppress(TimeoutError, SolidgateError):
        async with asyncio.timeout(world.settings.consent.withdraw_wait_seconds):
            await work
