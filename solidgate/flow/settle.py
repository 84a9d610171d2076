"""Settle: what only the person's own session can finish, done when they come back.

A consent that ended by the clock or by the organisation leaves its door open, because nobody but its person
holds a key to their pod; the gate itself refuses to use it from then on. A receipt that could not be copied
waits in the same way.

After a withdrawal all of this is work that is announced, by whichever way it is asked for: nobody calls the
withdrawal quiescent meanwhile.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from solidgate.consent.record import status_at
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import StoredConsent
from solidgate.errors import SolidgateError
from solidgate.flow import at_pod, door, in_doubt, receipt
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.pod.door_event import DoorEvent


async def settle(world: World, session: Session) -> int:
    """Close the doors and copy the receipts that were left; how many consents were looked at.

    Takes ``consent.settle_seconds`` at most, and never raises: what fails is remembered and shown.
    """
    left: tuple[str, ...] = ()
    with suppress(TimeoutError, SolidgateError):
        async with world.store.transaction() as tx:
            unsettled = await tx.consents.unsettled(session.person_id, world.clock.now())
            left = tuple({*unsettled, *await tx.withdrawals.owed_by(session.person_id)})
        async with asyncio.timeout(world.settings.consent.settle_seconds):
            for consent_id in left:
                with suppress(SolidgateError):
                    await settle_one(world, session, consent_id)
    return len(left)


async def settle_one(world: World, session: Session, consent_id: str) -> None:
    """Do what is left for one consent. Raises ``ConsentNotFound``; faults of the pod are remembered."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        known = await tx.doors.one(consent_id)
        newest = await tx.receipts.newest(session.person_id, consent_id)
    if _is_withdrawn(stored):
        await _as_withdrawn(world, session, consent_id)
        return
    holds = status_at(stored.record, world.clock.now()).valid_for_processing
    if not holds and known is not None and known.state is not DoorState.CLOSED:
        await door.close_for(world, session, stored.record, stored.space_id)
    if not holds:
        await in_doubt.look_for(world, session.access, stored)
    if receipt.is_owed(stored.record, newest):
        await receipt.copy(world, session, stored)


async def close_left(world: World, session: Session, consent_id: str) -> None:
    """Close the door that an ended consent left open; one that holds keeps its door. Faults are remembered.

    Raises ``ConsentNotFound``.
    """
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        known = await tx.doors.one(consent_id)
        if known is not None and known.state is not DoorState.CLOSED:
            await tx.door_events.append(consent_id, DoorEvent.CLOSE_ASKED, world.clock.now())
    if _is_withdrawn(stored):
        await _as_withdrawn(world, session, consent_id)
    elif known is not None and not status_at(stored.record, world.clock.now()).valid_for_processing:
        await door.close_for(world, session, stored.record, stored.space_id)


async def resend(world: World, session: Session, consent_id: str) -> None:
    """Try again to copy the newest receipt. Raises ``ConsentNotFound``."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
    if _is_withdrawn(stored):
        await _as_withdrawn(world, session, consent_id)
    else:
        await receipt.copy(world, session, stored)


def _is_withdrawn(stored: StoredConsent) -> bool:
    return stored.record.latest.status is ConsentStatus.WITHDRAWN


async def _as_withdrawn(world: World, session: Session, consent_id: str) -> None:
    """Begin what is owed, unless it goes on already, and give it a moment; it may go on after that."""
    await at_pod.again(world, session, consent_id)
    await world.after.wait([consent_id], world.settings.consent.settle_seconds)
