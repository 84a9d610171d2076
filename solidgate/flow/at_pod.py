"""At the pod: what a withdrawal owes there, done with the person's own session after they were answered.

The session is known to the process that answered, so the work goes on in that one. A row says so to the
others: none of them calls the withdrawal quiescent meanwhile, or begins the same beside it. The row is no
lease of a step, since nobody waits for it; it lapses by itself if the process dies, not before the work was
given up and what it had sent has landed.

A write whose answer was not seen may land later. So its row stays when the work has ended, and keeps nobody
from beginning again: it goes once all that was owed is seen to be done, or when nothing can land any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from solidgate.consent.stored import StoredConsent
from solidgate.errors import EpochPassed, InternalFault, SolidgateError, StoreUnavailable
from solidgate.flow import door, receipt
from solidgate.flow.owner import Owner, landing
from solidgate.flow.quiet import POLL_SECONDS
from solidgate.flow.reclaim import reclaim
from solidgate.flow.withdrawal import found
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

_WAITS = 4  # for the door, for the quiet, for the receipt, for the rest
_SPARE = 1.25  # the row stands for longer than the work may last
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Announced:
    """The row's number, and until when its work may last, by the loop's clock."""

    fence: int
    until: float


async def announce(world: World, tx: Transaction, stored: StoredConsent) -> Announced:
    """Say to every process, with the commit, that something will be on its way to the pod.

    The row is new and nobody else's: to add it waits for nobody, whatever the transaction holds. The work's
    time counts from before the database is asked: it is over before the row lapses, however late the commit.
    """
    longest = _longest(world)
    until = asyncio.get_running_loop().time() + longest
    consent_id, epoch = stored.record.consent_id, stored.record.epoch
    return Announced(await tx.leases.announce(consent_id, epoch, longest * _SPARE + _landing(world)), until)


async def announce_unless(world: World, tx: Transaction, stored: StoredConsent) -> Announced | None:
    """The same, unless it goes on already, in whichever process; the consent is locked meanwhile.

    A row that stands only for what may still land is no reason to wait: what is owed is begun again.
    """
    if await tx.leases.announced(stored.record.consent_id, beyond=_landing(world)):
        return None
    return await announce(world, tx, stored)


def begin(
    world: World,
    session: Session,
    stored: StoredConsent,
    announced: Announced,
    still: asyncio.Future[None] | None = None,
) -> None:
    """Begin what was announced, unless it is under way here.

    ``still`` comes with a consent that was just withdrawn: its door may be opening in this very moment.
    """
    consent_id = stored.record.consent_id
    if not world.after.begin(consent_id, partial(_announced, world, session, consent_id, announced, still)):
        fence = announced.fence
        world.after.begin(f"{consent_id}:{fence}", partial(_given_back, world, fence))


async def again(world: World, session: Session, consent_id: str) -> None:
    """Begin what may still be owed, unless it goes on in this process or another. Raises nothing.

    A task of its own announces and begins it: no row is left by somebody who asked and went away. It is
    waited for as long as a withdrawal is stored, at most. What cannot be announced does not begin.
    """
    if not world.after.is_under_way(consent_id):
        world.after.begin(_looking(consent_id), partial(_again, world, session, consent_id))
        await world.after.wait([_looking(consent_id)], world.settings.consent.store_seconds)


async def stop(world: World, consent_ids: Sequence[str]) -> None:
    """End what goes on for these, and first what would begin it."""
    await world.after.stop([_looking(one) for one in consent_ids])
    await world.after.stop(consent_ids)


async def gone(world: World, consent_ids: Sequence[str], deadline: float) -> None:
    """Wait until no gate's row stands for these, at most until ``deadline`` by the world's clock."""
    while await _stands(world, consent_ids) and world.clock.monotonic() < deadline:  # noqa: ASYNC110 - as it says
        await asyncio.sleep(POLL_SECONDS)


async def _stands(world: World, consent_ids: Sequence[str]) -> bool:
    async with world.store.transaction() as tx:
        return await tx.leases.announced(*consent_ids)


def _looking(consent_id: str) -> str:
    return f"{consent_id}:again"


async def _again(world: World, session: Session, consent_id: str) -> None:
    """One short transaction. Its share of the consent lets no erasure pass before the row is there."""
    try:
        async with world.store.transaction() as tx:
            stored = await tx.consents.one(consent_id, person_id=session.person_id, lock="share")
            announced = await announce_unless(world, tx, stored)
    except Exception as fault:  # noqa: BLE001 - a full disk keeps nobody from being told how it stands
        _log.warning("withdrawal.not-announced", code=getattr(fault, "code", InternalFault.code))
        return
    if announced is not None:
        begin(world, session, stored, announced)


async def _announced(
    world: World,
    session: Session,
    consent_id: str,
    announced: Announced,
    still: asyncio.Future[None] | None,
) -> None:
    owner, done = Owner(), False
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(announced.until):
                done = await _at_pod(world, session, consent_id, still, owner)
    finally:
        over = _in_doubt if owner.unanswered else _settled if done else _given_back
        await asyncio.shield(over(world, announced.fence))


async def _given_back(world: World, fence: int) -> None:
    with suppress(StoreUnavailable):  # without the database it lapses by itself
        async with world.store.transaction() as tx:
            await tx.leases.release(fence)


async def _in_doubt(world: World, fence: int) -> None:
    """Keep the row until what was sent cannot land any more, unless the person was erased meanwhile."""
    with suppress(StoreUnavailable, EpochPassed):
        async with world.store.transaction() as tx:
            await tx.leases.renew(fence, _landing(world))


async def _settled(world: World, fence: int) -> None:
    """Give it back with those that stand for doubts: each write was seen to stand, so an earlier one cannot
    land any more, since each has a condition and its place is taken."""
    with suppress(StoreUnavailable):
        async with world.store.transaction() as tx:
            await tx.leases.settle(fence, _landing(world))


async def _at_pod(
    world: World, session: Session, consent_id: str, still: asyncio.Future[None] | None, owner: Owner
) -> bool:
    """The door at once; the rest once no work is under way. Whether nothing is owed any more."""
    stored, known, _ = await found(world, session, consent_id)
    if still is not None or (known is not None and known.state is not DoorState.CLOSED):
        closing = door.close_for(world, session, stored.record, stored.space_id)
        await _bounded(world, owner.whole(closing))
    if still is not None:
        await asyncio.wait([still])
    if not await _is_copied(world, stored):
        await _bounded(world, receipt.push(world, session, stored, owner))
    await _bounded(world, reclaim(world, session, stored, owner))
    return await _is_done(world, stored)


async def _is_copied(world: World, stored: StoredConsent) -> bool:
    async with world.store.transaction() as tx:
        newest = await tx.receipts.newest(stored.person_id, stored.record.consent_id)
    return newest.pod_url is not None


async def _is_done(world: World, stored: StoredConsent) -> bool:
    async with world.store.transaction() as tx:
        known = await tx.doors.one(stored.record.consent_id)
        owed = await tx.withdrawals.one(stored.record.consent_id)
    is_closed = known is None or known.state is DoorState.CLOSED
    return is_closed and owed.settled is not None and await _is_copied(world, stored)


def _landing(world: World) -> float:
    return landing(world).total_seconds()


def _longest(world: World) -> float:
    return _WAITS * world.settings.consent.withdraw_wait_seconds


async def _bounded(world: World, work: Coroutine[object, object, object]) -> None:
    """Work at a pod, which may be down or slow: what is not done stays owed, and is shown."""
    with suppress(TimeoutError, SolidgateError):
        async with asyncio.timeout(world.settings.consent.withdraw_wait_seconds):
            await work
