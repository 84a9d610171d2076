"""Withdraw: one committed transaction ends everything; then wait until nothing is under way.

A *quiescent* withdrawal means: from the reply on, nothing is read, computed or written for this consent,
and no query admitted later sees the person's derived data. Otherwise the reply lists the effects in doubt,
and asking for the status resolves them by reading back with the person's own session; the worker does so too
where the pod still lets the space in. Whatever a pod does, a withdrawal is stored first, and its answer waits
for the pod a moment only: what is owed there goes on after it. Where even storing fails, the brake is on and
nothing that touches data begins, in no process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentEvent, with_event
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotGiven, ConsentWithdrawn
from solidgate.flow import at_pod, cancel_access, receipt, watching
from solidgate.flow.each import each
from solidgate.flow.ending import taken_out
from solidgate.flow.finish import STOP_CHANNEL, finish
from solidgate.flow.quiet import POLL_SECONDS, quiet
from solidgate.flow.withdrawal import LeftOpen, Withdrawal, counted, told_or_stored
from solidgate.flow.withdrawal import found as found_one
from solidgate.flow.world import World
from solidgate.identity.login import Session

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

METHOD = "Pressed the button: Withdraw"
_LISTED = 20
_AT_ONCE = 4

__all__ = ["LeftOpen", "Withdrawal", "end_in", "prove", "prove_owed", "status", "withdraw", "withdraw_all"]


@dataclass(frozen=True, slots=True)
class _Ended:
    """One withdrawn consent: how many results left the queries and how many parts stopped, whenever it was.

    ``fresh`` unless it had been withdrawn before.
    """

    stored: StoredConsent
    removed: int = 0
    stopped: int = 0
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class _Stored:
    """What one transaction ended, and the wait until nothing is under way for it."""

    ended: tuple[_Ended, ...]
    quiet: asyncio.Future[None]


_Chosen = Callable[["Transaction"], Awaitable[Sequence[str]]]


async def withdraw(
    world: World, session: Session, consent_id: str, *, remove_results: bool = False
) -> Withdrawal:
    """End the consent, stop its work, close its door. Asking again changes nothing and tells how it stands.

    Raises ``ConsentNotFound``, ``ConsentNotGiven`` when there is nothing to withdraw, ``StoreUnavailable``
    when it could not be stored: then nothing that touches data begins until it is. Pod trouble never stands
    in the way: the door is then shown as the person's to close.
    """

    async def this(tx: Transaction) -> Sequence[str]:
        return [consent_id]

    (only,) = await _withdraw(world, session, f"consent:{consent_id}", this, remove_results)
    return only


async def withdraw_all(
    world: World,
    session: Session,
    request_id: str | None = None,
    *,
    space_id: str | None = None,
    remove_results: bool = False,
) -> tuple[Withdrawal, ...]:
    """Withdraw every consent of the person that holds, of one request or one space if named: all or none.

    Raises ``ConsentNotGiven`` when none holds, and ``StoreUnavailable``: then the brake is on, even where it
    could not be learned which they are.
    """

    async def those(tx: Transaction) -> Sequence[str]:
        held = [
            one.record.consent_id
            for one in await tx.consents.of_person(session.person_id)
            if one.record.latest.status.valid_for_processing
            and request_id in (None, one.record.request_id)
            and space_id in (None, one.space_id)
        ]
        if not held:
            raise ConsentNotGiven()
        return held

    return await _withdraw(world, session, f"all:{request_id}:{space_id}", those, remove_results)


async def _withdraw(
    world: World, session: Session, what: str, chosen: _Chosen, remove: bool
) -> tuple[Withdrawal, ...]:
    key = f"{session.person_id}:{remove}:{what}"
    done = await world.brake.insist(key, partial(_store, world, session, chosen, remove))
    # Never longer, also where the store falls silent: it is stored, and that is to be told.
    await asyncio.wait([done.quiet], timeout=world.settings.consent.withdraw_wait_seconds + POLL_SECONDS)
    return await _answered(world, session, done.ended)


async def _store(world: World, session: Session, chosen: _Chosen, remove: bool) -> _Stored:
    """The one transaction; what is owed at the pods begins with its commit, whoever waits for it."""
    async with world.store.transaction() as tx:
        consent_ids = await chosen(tx)
        found = {
            one.stored.record.consent_id: one
            for one in await end_in(world, tx, session, consent_ids, remove=remove)
        }
        ended = tuple(found[one] for one in consent_ids)
        told = [await _announced(world, tx, one) for one in ended]
    new = [one.stored.record.consent_id for one in ended if one.fresh]
    still = asyncio.ensure_future(quiet(world, new))
    for one, announced in zip(ended, told, strict=True):
        if announced is not None:
            at_pod.begin(world, session, one.stored, announced, still if one.fresh else None)
    return _Stored(ended, still)


async def _announced(world: World, tx: Transaction, one: _Ended) -> at_pod.Announced | None:
    """None where it goes on since an earlier withdrawal: then this one only tells."""
    announce = at_pod.announce if one.fresh else at_pod.announce_unless
    return await announce(world, tx, one.stored)


async def _answered(world: World, session: Session, ended: Sequence[_Ended]) -> tuple[Withdrawal, ...]:
    """How they stand once their pods had a moment: a pod that is down holds up no answer."""
    patience = world.settings.consent.pod_wait_seconds
    until = asyncio.get_running_loop().time() + patience
    await world.after.wait([one.stored.record.consent_id for one in ended], patience)
    places = asyncio.Semaphore(_AT_ONCE)

    async def one_told(one: _Ended) -> Withdrawal:
        async with places:
            return await told_or_stored(world, session, one.stored, one.removed, one.stopped, until)

    return tuple(await asyncio.gather(*map(one_told, ended)))


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
    now, ended, before = world.clock.now(), list[_Ended](), list[_Ended]()
    for consent_id in sorted(consent_ids):
        stored = await tx.consents.one(consent_id, person_id=session.person_id, lock="update")
        if stored.record.latest.status is ConsentStatus.WITHDRAWN:
            if remove:
                await tx.withdrawals.change(consent_id, remove_results=True)
            before.append(_Ended(stored, *await counted(tx, consent_id), fresh=False))
        else:
            ended.append(await _end_one(world, tx, session, stored, remove, method))
    ids = [one.stored.record.consent_id for one in ended]
    stopped = {one: await tx.runs.stop_parts(one, now, ConsentWithdrawn.code) for one in ids}
    for run_id in sorted({part.run_id for parts in stopped.values() for part in parts}):
        await finish(world, tx, run_id)
    await tx.jobs.notify(STOP_CHANNEL, [f"*:{one}" for one in stopped])
    fresh = [replace(one, stopped=len(stopped[one.stored.record.consent_id])) for one in ended]
    for one in fresh:
        await tx.withdrawals.reached(one.stored.record.consent_id, one.removed, one.stopped)
        await prove(world, tx, one.stored)
        await watching.leave(tx, one.stored.record.consent_id)
        await cancel_access.leave(tx, one.stored.record.consent_id)
    return (*fresh, *before)


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
    return _Ended(StoredConsent(record, stored.person_id, stored.space_id), removed)


async def prove(world: World, tx: Transaction, stored: StoredConsent) -> None:
    """Receipt and audit entry, unless they are there. Neither may hold the withdrawal up: it stays owed."""
    record, consent_id = stored.record, stored.record.consent_id
    owed = await tx.withdrawals.one(consent_id, lock=True)

    async def signed() -> None:
        agreement = await tx.spaces.agreement(record.agreement_digest)
        await receipt.issue(world, tx, stored.person_id, agreement, record)

    async def audited() -> None:
        entry = AuditEntry(Action.CONSENT_WITHDRAWN, owed.at, "data_subject", (consent_id,), Outcome.DONE)
        await tx.trail.append(entry, *taken_out(consent_id, owed.at, owed.results_removed))

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


async def status(world: World, session: Session, consent_id: str) -> Withdrawal:
    """How a withdrawal stands; resolves what is in doubt, and closes the door if it is still open.

    Where that goes on already, in whichever process, or cannot be announced, it only tells.
    Raises ``ConsentNotFound``, and ``ConsentNotGiven`` for a consent that was not withdrawn.
    """
    stored, _, counts = await found_one(world, session, consent_id)
    await at_pod.again(world, session, consent_id)
    (only,) = await _answered(world, session, [_Ended(stored, *counts, fresh=False)])
    return only
