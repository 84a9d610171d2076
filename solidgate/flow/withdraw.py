"""Withdraw: one committed transaction ends everything; then wait until nothing is under way.

A *quiescent* withdrawal means: from the reply on, nothing is read, computed or written for this consent,
and no query admitted later sees the person's derived data. Otherwise the reply lists the effects in doubt,
and asking for the status resolves them by reading back with the person's own session; the worker does so too
where the pod still lets the space in. Whatever a pod does, a withdrawal is stored first; where even that
fails, the brake is on and nothing that touches data begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentEvent, with_event
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotGiven, ConsentWithdrawn, PodFault, SolidgateError, StoreUnavailable
from solidgate.flow import cancel_access, door, receipt, watching
from solidgate.flow.each import each
from solidgate.flow.finish import STOP_CHANNEL, finish
from solidgate.flow.reclaim import reclaim
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.run.delivery import DeliveryRow, DeliveryState

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

METHOD = "Pressed the button: Withdraw"
ATTEMPTS = 3
_POLL_SECONDS = 0.05
_TELL_AGAIN = 20
_LISTED = 20


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A resource whose door is the person's to close, and its access control, if the pod names one."""

    resource: str
    access_control: str | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal reached. ``stopped`` counts parts of runs that were under way or queued.

    ``unresolved`` are the effects in doubt for longer than ``consent.doubt_hours``; ``results_*`` are
    addresses in the person's pod: kept and marked as invalid, removed, or no longer ours to touch.
    """

    consent_id: str
    at: datetime
    quiescent: bool
    in_doubt: tuple[str, ...]
    unresolved: tuple[str, ...]
    door: DoorState | None
    door_problem: str | None
    to_close: tuple[LeftOpen, ...]
    results_removed: int
    results_kept: tuple[str, ...]
    results_removed_from_pod: tuple[str, ...]
    results_disputed: tuple[str, ...]
    stopped: int
    receipt: str


@dataclass(frozen=True, slots=True)
class _Ended:
    """One consent that this call ended: how many results left the queries, how many parts were stopped."""

    stored: StoredConsent
    removed: int
    stopped: int


async def withdraw(
    world: World, session: Session, consent_id: str, *, remove_results: bool = False
) -> Withdrawal:
    """End the consent, stop its work, close its door. Asking again changes nothing and tells how it stands.

    Raises ``ConsentNotFound``, ``ConsentNotGiven`` when there is nothing to withdraw, ``StoreUnavailable``
    when it could not be stored: then nothing that touches data begins until it is. Pod trouble never stands
    in the way: the door is then shown as the person's to close.
    """
    (found,) = await _withdraw(world, session, [consent_id], remove_results)
    return found


async def withdraw_all(
    world: World,
    session: Session,
    request_id: str | None = None,
    *,
    space_id: str | None = None,
    remove_results: bool = False,
) -> tuple[Withdrawal, ...]:
    """Withdraw every consent of the person that holds, of one request or one space if named: all or none.

    Raises ``ConsentNotGiven`` when none holds, and ``StoreUnavailable``.
    """
    async with world.store.transaction() as tx:
        held = await tx.consents.of_person(session.person_id)
    chosen = [
        one.record.consent_id
        for one in held
        if one.record.latest.status.valid_for_processing
        and request_id in (None, one.record.request_id)
        and space_id in (None, one.space_id)
    ]
    if not chosen:
        raise ConsentNotGiven()
    return await _withdraw(world, session, chosen, remove_results)


async def _withdraw(
    world: World, session: Session, consent_ids: Sequence[str], remove: bool
) -> tuple[Withdrawal, ...]:
    ended = await _stored(world, session, consent_ids, remove)
    new = {one.stored.record.consent_id: one for one in ended}
    closing = [door.close_for(world, session, one.stored.record, one.stored.space_id) for one in ended]
    await asyncio.gather(_quiet(world, list(new)), *(_bounded(world, one) for one in closing))
    for one in ended:
        await _bounded(world, receipt.push(world, session, one.stored))
    return tuple([await status(world, session, one, new.get(one)) for one in consent_ids])


async def _stored(
    world: World, session: Session, consent_ids: Sequence[str], remove: bool
) -> tuple[_Ended, ...]:
    """Store it, whatever it takes; if it cannot be stored, nothing that touches data begins any more."""
    key = ":".join((session.person_id, *sorted(consent_ids)))
    for left in reversed(range(ATTEMPTS)):
        try:
            ended = await _end(world, session, consent_ids, remove)
        except SolidgateError as fault:
            if not isinstance(fault, StoreUnavailable):
                raise
            trouble: Exception = fault
        except Exception as fault:  # noqa: BLE001 - whatever it was, a withdrawal is not stored
            trouble = fault
        else:
            world.brake.release(key)
            return ended
        world.brake.pull(key, lambda: _end(world, session, consent_ids, remove))
        if left:
            await asyncio.sleep(_POLL_SECONDS)
    raise StoreUnavailable(
        "the withdrawal could not be stored; nothing is processed until it is"
    ) from trouble


async def _end(
    world: World, session: Session, consent_ids: Sequence[str], remove: bool
) -> tuple[_Ended, ...]:
    """The one transaction."""
    async with world.store.transaction() as tx:
        return await end_in(world, tx, session, consent_ids, remove=remove)


async def end_in(
    world: World,
    tx: Transaction,
    session: Session,
    consent_ids: Sequence[str],
    *,
    remove: bool = False,
    method: str = METHOD,
) -> tuple[_Ended, ...]:
    """Withdraw in a transaction. Locks in the order of every other writer: consents, parts, runs."""
    now, ended = world.clock.now(), []
    for consent_id in sorted(consent_ids):
        stored = await tx.consents.one(consent_id, person_id=session.person_id, lock="update")
        if stored.record.latest.status is ConsentStatus.WITHDRAWN:
            if remove:
                await tx.withdrawals.change(consent_id, remove_results=True)
        else:
            ended.append(await _end_one(world, tx, session, stored, remove, method))
    ids = [one.stored.record.consent_id for one in ended]
    stopped = {one: await tx.runs.stop_parts(one, now, ConsentWithdrawn.code) for one in ids}
    for run_id in sorted({part.run_id for parts in stopped.values() for part in parts}):
        await finish(world, tx, run_id)
    await tx.jobs.notify(STOP_CHANNEL, [f"*:{one}" for one in stopped])
    for one in ended:
        await prove(world, tx, one.stored)
        await watching.leave(tx, one.stored.record.consent_id)
        await cancel_access.leave(tx, one.stored.record.consent_id)
    return tuple(_Ended(one.stored, one.removed, len(stopped[one.stored.record.consent_id])) for one in ended)


async def _end_one(
    world: World, tx: Transaction, session: Session, stored: StoredConsent, remove: bool, method: str
) -> _Ended:
    before, consent_id = stored.record.latest, stored.record.consent_id
    if not before.status.valid_for_processing:
        raise ConsentNotGiven()
    at = max(world.clock.now(), before.at)
    event = ConsentEvent(before.sequence + 1, ConsentStatus.WITHDRAWN, at, session.webid, method)
    record = with_event(stored.record, event)
    await tx.consents.end(stored, event)
    await tx.withdrawals.put(consent_id, stored.person_id, at, remove_results=remove)
    removed = await tx.results.unpublish(consent_id)
    return _Ended(StoredConsent(record, stored.person_id, stored.space_id), removed, 0)


async def prove(world: World, tx: Transaction, stored: StoredConsent) -> None:
    """Receipt and audit entry, unless they are there. Neither may hold the withdrawal up: it stays owed."""
    record, consent_id = stored.record, stored.record.consent_id
    owed = await tx.withdrawals.one(consent_id, lock=True)

    async def signed() -> None:
        agreement = await tx.spaces.agreement(record.agreement_digest)
        await receipt.issue(world, tx, stored.person_id, agreement, record)

    async def audited() -> None:
        entry = AuditEntry(Action.CONSENT_WITHDRAWN, owed.at, "data_subject", (consent_id,), Outcome.DONE)
        await tx.trail.append(entry)

    await tx.withdrawals.proved(
        consent_id,
        receipted=not owed.receipted and await tx.apart(signed),
        audited=not owed.audited and await tx.apart(audited),
    )


async def prove_owed(world: World) -> None:
    """Receipts and audit entries of withdrawals that could not be made with them."""
    async with world.store.transaction() as tx:
        left = await tx.withdrawals.unproved(_LISTED)

    async def proved(consent_id: str) -> None:
        async with world.store.transaction() as tx:
            await prove(world, tx, await tx.consents.one(consent_id, lock="share"))

    await each(left, proved, "withdrawal.not-proved")


async def _quiet(world: World, consent_ids: Sequence[str]) -> None:
    """Wait for open leases, at most as long as the setting says; a worker may have missed the notice."""
    deadline = world.clock.monotonic() + world.settings.consent.withdraw_wait_seconds
    for look in range(1, 1_000_000):
        async with world.store.transaction() as tx:
            if not await tx.leases.open(consent_ids) or world.clock.monotonic() >= deadline:
                return
            if look % _TELL_AGAIN == 0:
                await tx.jobs.notify(STOP_CHANNEL, [f"*:{one}" for one in consent_ids])
        await asyncio.sleep(_POLL_SECONDS)


async def _bounded(world: World, work: Coroutine[object, object, object]) -> None:
    """Work at a pod, which may be down or slow: what is not done stays owed, and is shown."""
    with suppress(TimeoutError, SolidgateError):
        async with asyncio.timeout(world.settings.consent.withdraw_wait_seconds):
            await work


async def status(world: World, session: Session, consent_id: str, ended: _Ended | None = None) -> Withdrawal:
    """How a withdrawal stands; resolves what is in doubt, and closes the door if it is still open.

    Raises ``ConsentNotFound``, and ``ConsentNotGiven`` for a consent that was not withdrawn.
    """
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        known = await tx.doors.one(consent_id)
    if stored.record.latest.status is not ConsentStatus.WITHDRAWN:
        raise ConsentNotGiven("this consent was not withdrawn")
    if ended is None and known is not None and known.state is not DoorState.CLOSED:
        await _bounded(world, door.close_for(world, session, stored.record, stored.space_id))
    await _bounded(world, reclaim(world, session, stored))
    return await _withdrawal(world, session, stored, ended)


async def _withdrawal(
    world: World, session: Session, stored: StoredConsent, ended: _Ended | None
) -> Withdrawal:
    consent_id = stored.record.consent_id
    async with world.store.transaction() as tx:
        # First the leases, then the deliveries: a holder may record an outcome just before it gives back.
        leases = await tx.leases.open([consent_id])
        seen = await tx.doors.one(consent_id)
        rows = await tx.results.of_consent(stored.person_id, consent_id)
        newest = await tx.receipts.newest(stored.person_id, consent_id)
        waiting = await tx.signposts.waiting(stored.person_id, consent_id)
    doubts = (*_targets(rows, DeliveryState.PLANNED), *waiting)
    long_ago = world.clock.now() - timedelta(hours=world.settings.consent.doubt_hours)
    is_old = stored.record.latest.at < long_ago
    is_open = seen is not None and seen.state is not DoorState.CLOSED
    return Withdrawal(
        consent_id=consent_id,
        at=stored.record.latest.at,
        quiescent=not doubts and not leases,
        in_doubt=doubts,
        unresolved=doubts if is_old else (),
        door=None if seen is None else seen.state,
        door_problem=None if seen is None else seen.problem,
        to_close=await _left_open(world, session, stored) if is_open else (),
        results_removed=ended.removed if ended else 0,
        results_kept=_targets(rows, DeliveryState.WRITTEN),
        results_removed_from_pod=_targets(rows, DeliveryState.REMOVED),
        results_disputed=_targets(rows, DeliveryState.DISPUTED),
        stopped=ended.stopped if ended else 0,
        receipt=newest.token,
    )


def _targets(rows: Sequence[DeliveryRow], state: DeliveryState) -> tuple[str, ...]:
    return tuple(row.delivery.target for row in rows if row.state is state)


async def _left_open(world: World, session: Session, stored: StoredConsent) -> tuple[LeftOpen, ...]:
    """What the person can close without us; the addresses alone when the pod does not answer."""
    async with world.store.transaction() as tx:
        granted = await tx.access_requests.of(stored.person_id, stored.record.consent_id)
    if granted is not None:  # grants end on the owner's access page, all at one place
        return tuple(LeftOpen(url, granted.page or None) for one in granted.grants for url in one.resources)
    listed = (*stored.record.resources, stored.record.result_container)[:_LISTED]
    lists: dict[str, str | None] = {}
    with suppress(PodFault, TimeoutError):
        async with asyncio.timeout(world.settings.consent.withdraw_wait_seconds):
            for url in listed:
                lists[url] = (await world.pods.state(session.access, url)).access_control
    return tuple(LeftOpen(url, lists.get(url)) for url in listed)
