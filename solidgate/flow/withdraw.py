"""Withdraw: one committed transaction ends everything; then wait until nothing is under way.

A *quiescent* withdrawal means: from the reply on, nothing is read, computed or written for this consent,
and no query admitted later sees the person's derived data. Otherwise the reply lists the effects in doubt,
and asking for the status resolves them by reading back with the person's own session.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentEvent, with_event
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotGiven, ConsentWithdrawn, PodFault, PodNotFound
from solidgate.flow import door, receipt, run
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.run.delivery import DeliveryRow, DeliveryState

METHOD = "Pressed the button: Withdraw"
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal reached. ``stopped`` counts parts of runs that were under way or queued."""

    consent_id: str
    at: datetime
    quiescent: bool
    in_doubt: tuple[str, ...]
    door: DoorState | None
    door_problem: str | None
    results_removed: int
    stopped: int
    receipt: str


async def withdraw(world: World, session: Session, consent_id: str) -> Withdrawal:
    """End the consent, stop its work, close its door. Asking again changes nothing and tells how it stands.

    Raises ``ConsentNotFound``, ``ConsentNotGiven`` when there is nothing to withdraw, ``StoreUnavailable``.
    Pod trouble never stands in the way: the door is then shown as the person's to close.
    """
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
    if stored.record.latest.status is ConsentStatus.WITHDRAWN:
        return await status(world, session, consent_id)
    ended, removed, stopped = await _end(world, session, consent_id)
    await asyncio.gather(
        _quiet(world, consent_id), door.close_for(world, session, ended.record, ended.space_id)
    )
    doubts = await _resolved(world, session, ended)
    await receipt.push(world, session, ended)
    return await _withdrawal(world, ended, doubts, removed=removed, stopped=stopped)


async def _end(world: World, session: Session, consent_id: str) -> tuple[StoredConsent, int, int]:
    """The one transaction: event, epoch, results out of queries, parts stopped, receipt, audit."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id, lock="update")
        before = stored.record.latest
        if not before.status.valid_for_processing:
            raise ConsentNotGiven()
        event = ConsentEvent(
            before.sequence + 1, ConsentStatus.WITHDRAWN, max(now, before.at), session.webid, METHOD
        )
        record = with_event(stored.record, event)
        await tx.consents.end(stored, event)
        stopped = await tx.runs.stop_parts(consent_id, now, ConsentWithdrawn.code)
        removed = await tx.results.unpublish(consent_id)
        await tx.spaces.changed(stored.space_id)
        agreement = await tx.spaces.agreement(record.agreement_digest)
        await receipt.issue(world, tx, stored.person_id, record, agreement)
        for part in stopped:
            await run.finish(world, tx, part.run_id)
        await tx.trail.append(
            AuditEntry(Action.CONSENT_WITHDRAWN, now, "data_subject", (consent_id,), Outcome.DONE)
        )
        await tx.jobs.notify(run.STOP_CHANNEL, [f"*:{consent_id}"])
    return StoredConsent(record, stored.person_id, stored.space_id), removed, len(stopped)


async def _quiet(world: World, consent_id: str) -> None:
    """Wait for open leases, at most as long as the setting says."""
    deadline = world.clock.monotonic() + world.settings.consent.withdraw_wait_seconds
    # The leases are in the database, where workers on other machines give them back: nothing to wait on here.
    while world.clock.monotonic() < deadline and await _open_leases(world, consent_id):  # noqa: ASYNC110
        await asyncio.sleep(_POLL_SECONDS)


async def _open_leases(world: World, consent_id: str) -> int:
    async with world.store.transaction() as tx:
        return await tx.consents.open_leases(consent_id, world.clock.now())


async def status(world: World, session: Session, consent_id: str) -> Withdrawal:
    """How a withdrawal stands; resolves what is in doubt, and closes the door if it is still open."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        known = await tx.consents.door(consent_id)
    if stored.record.latest.status is not ConsentStatus.WITHDRAWN:
        raise ConsentNotGiven("this consent was not withdrawn")
    if known is not None and known.state is not DoorState.CLOSED:
        await door.close_for(world, session, stored.record, stored.space_id)
    doubts = await _resolved(world, session, stored)
    return await _withdrawal(world, stored, doubts, removed=0, stopped=0)


async def _withdrawal(
    world: World, stored: StoredConsent, doubts: tuple[str, ...], *, removed: int, stopped: int
) -> Withdrawal:
    consent_id = stored.record.consent_id
    async with world.store.transaction() as tx:
        seen = await tx.consents.door(consent_id)
        newest = await tx.consents.receipt(stored.person_id, consent_id)
        leases = await tx.consents.open_leases(consent_id, world.clock.now())
    return Withdrawal(
        consent_id=consent_id,
        at=stored.record.latest.at,
        quiescent=not doubts and not leases,
        in_doubt=doubts,
        door=None if seen is None else seen.state,
        door_problem=None if seen is None else seen.problem,
        results_removed=removed,
        stopped=stopped,
        receipt=newest.token,
    )


async def _resolved(world: World, session: Session, stored: StoredConsent) -> tuple[str, ...]:
    """Resolve planned deliveries by reading back; the addresses that stay in doubt.

    While a lease is open its request may still be on the wire, so nothing can be resolved before.
    """
    consent_id = stored.record.consent_id
    async with world.store.transaction() as tx:
        rows = await tx.results.of_consent(stored.person_id, consent_id)
    planned = [row for row in rows if row.state is DeliveryState.PLANNED]
    if await _open_leases(world, consent_id):
        return tuple(row.delivery.target for row in planned)
    return tuple([row.delivery.target for row in planned if not await _resolve(world, session, row)])


async def _resolve(world: World, session: Session, row: DeliveryRow) -> bool:
    """Remove a result that landed without being recorded, if it is still exactly ours."""
    try:
        state = await _settle(world, session, row)
    except PodFault:
        return False
    async with world.store.transaction() as tx:
        await tx.results.resolve(row.run_id, row.consent_id, state, world.clock.now())
    return True


async def _settle(world: World, session: Session, row: DeliveryRow) -> DeliveryState:
    target, limit = row.delivery.target, world.settings.pull.max_resource_bytes
    try:
        found = await world.pods.read(session.access, target, max_bytes=limit)
    except PodNotFound:
        return DeliveryState.ABANDONED
    if hashlib.sha256(found.content).hexdigest() != row.sha256:
        return DeliveryState.DISPUTED
    await world.pods.remove(session.access, target, found.etag)
    return DeliveryState.REMOVED
