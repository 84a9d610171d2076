"""Reclaim: what a pod still holds after a withdrawal, brought to what was promised.

A write whose outcome nobody knows is read back: what landed is removed where it says exactly what we wrote.
Results that were written stay, with a note beside them that says since when they are invalid, or are removed
if the person wishes so. What is not ours any more is never touched: it is disputed, and shown.

The note is a document of its own, so that the result keeps the digest that was recorded and signed.
"""

from __future__ import annotations

from datetime import timedelta

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.stored import StoredConsent
from solidgate.derived.provenance import invalidation
from solidgate.errors import PodConflict, PodFault, PodNotFound, PodUnreadable
from solidgate.flow import signpost
from solidgate.flow.owner import Owner, landing
from solidgate.flow.same import is_same
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.ports import Access
from solidgate.run.delivery import DeliveryRow, DeliveryState

NOTE_TYPE = "text/turtle"
BATCH = 50
_FIRST_TRY = timedelta(minutes=1)
_LAST_PACE = timedelta(hours=1)


def note_of(target: str) -> str:
    """Where the note about a result stands: beside it."""
    return f"{target.removesuffix('.ttl')}.withdrawn.ttl"


async def reclaim(world: World, session: Session, stored: StoredConsent, owner: Owner) -> None:
    """Do with the person's session what is owed; a pod's fault leaves it owed. Repeating is harmless."""
    consent_id = stored.record.consent_id
    async with world.store.transaction() as tx:
        owed = await tx.withdrawals.one(consent_id)
        rows = await tx.results.of_consent(stored.person_id, consent_id)
        may_doubt = not await tx.leases.open([consent_id])
    for row in rows:
        try:
            if row.state is DeliveryState.PLANNED and may_doubt:
                await _resolve(world, session.access, row, owner)
            elif row.state is DeliveryState.WRITTEN and owed.remove_results:
                await _take_out(world, session.access, row, owner)
            elif row.state is DeliveryState.WRITTEN and row.noted is None:
                await _note(world, session.access, stored, row, owner)
        except PodFault:
            continue
    await signpost.afresh(world, session.access, stored, owner)
    await _settled(world, stored)


async def read_back(world: World, access: Access, consent_id: str) -> None:
    """The same for what is in doubt alone, with the space's own key, where the pod still lets it in.

    Works under a lease, so that no withdrawal is called quiescent meanwhile; and only while something is in
    doubt, so never after it was.
    """
    now = world.clock.now()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="share")
        owed = await tx.withdrawals.one(consent_id)
        pace = min(_LAST_PACE, _FIRST_TRY * 2 ** min(owed.tries, 10))
        await tx.withdrawals.tried(consent_id, now + pace)
        if await tx.leases.open([consent_id]):
            return
        rows = await tx.results.of_consent(stored.person_id, consent_id)
        planned = [row for row in rows if row.state is DeliveryState.PLANNED]
        if not planned:
            return
        seconds = world.settings.worker.lease_seconds
        fence = await tx.leases.take(consent_id, stored.record.epoch, planned[0].run_id, seconds)
    if fence is None:
        return  # another worker began in this very moment
    try:
        for row in planned:
            await _resolve(world, access, row, Owner())
    except PodFault:
        return
    finally:
        async with world.store.transaction() as tx:
            await tx.leases.release(fence)


async def _resolve(world: World, access: Access, row: DeliveryRow, owner: Owner) -> None:
    """Settle a write in doubt. That nothing is there proves nothing while the write could still arrive."""
    try:
        await _take_out(world, access, row, owner)
    except PodNotFound:
        if await _cannot_arrive(world, row):
            await _record(world, row, DeliveryState.ABANDONED)


async def _cannot_arrive(world: World, row: DeliveryRow) -> bool:
    async with world.store.transaction() as tx:
        door = await tx.doors.one(row.consent_id)
    is_late = row.planned + landing(world) < world.clock.now()
    return (door is not None and door.state is DoorState.CLOSED) or is_late


async def _take_out(world: World, access: Access, row: DeliveryRow, owner: Owner) -> None:
    """Remove the result if it is still ours; else it is disputed. Raises pod faults."""
    target = row.delivery.target
    try:
        found = await world.pods.read(access, target, max_bytes=world.settings.pull.max_resource_bytes)
    except PodUnreadable:
        await _record(world, row, DeliveryState.DISPUTED)
        return
    except PodNotFound:
        if row.state is DeliveryState.WRITTEN:  # the person took it out before us
            await _record(world, row, DeliveryState.REMOVED)
            return
        raise
    if not await is_same(world, found, row.delivery.content, row.sha256):
        await _record(world, row, DeliveryState.DISPUTED)
        return
    await owner.answered(world.pods.remove(access, target, found.etag))
    await _record(world, row, DeliveryState.REMOVED)


async def _record(world: World, row: DeliveryRow, state: DeliveryState) -> None:
    now = world.clock.now()
    async with world.store.transaction() as tx:
        await tx.results.resolve(row.run_id, row.consent_id, state, now)
        if state is DeliveryState.REMOVED:
            objects = (row.run_id, row.consent_id)
            await tx.trail.append(AuditEntry(Action.RESULT_REMOVED, now, "system", objects, Outcome.DONE))


async def _note(world: World, access: Access, stored: StoredConsent, row: DeliveryRow, owner: Owner) -> None:
    """Say beside the result since when it is invalid (invariant 29)."""
    target, at = row.delivery.target, row.invalidated or stored.record.latest.at
    content = invalidation(target, at, stored.record.iri)
    try:
        await owner.answered(world.pods.create(access, note_of(target), content, NOTE_TYPE))
    except PodConflict:
        found = await world.pods.read(access, note_of(target), max_bytes=_note_bytes(content))
        if not await is_same(world, found, content):
            raise
    async with world.store.transaction() as tx:
        await tx.results.noted(row.run_id, row.consent_id, world.clock.now())


def _note_bytes(content: bytes) -> int:
    """Room for the note in any form: without prefixes it is a few times as long."""
    return len(content) * 8 + 1024


async def _settled(world: World, stored: StoredConsent) -> None:
    consent_id = stored.record.consent_id
    async with world.store.transaction() as tx:
        owed = await tx.withdrawals.one(consent_id, lock=True)
        rows = await tx.results.of_consent(stored.person_id, consent_id)
        waiting = await tx.signposts.waiting(stored.person_id, consent_id)
        rest = bool(waiting) or any(_is_owed(row, remove=owed.remove_results) for row in rows)
        if owed.settled is None and not rest:
            await tx.withdrawals.settle(consent_id, world.clock.now())


def _is_owed(row: DeliveryRow, *, remove: bool) -> bool:
    if row.state is DeliveryState.WRITTEN:
        return remove or row.noted is None
    return row.state is DeliveryState.PLANNED
