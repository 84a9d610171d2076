"""Cancel: an access request that its owner has not answered when the consent ends.

Only who asked can cancel, and only the worker holds the space's key: so the end of a consent leaves a job. An
answer that comes all the same is refused, and a grant revoked, by ``access_request.answered``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from solidgate.consent.record import status_at
from solidgate.errors import ConsentNotFound, PodFault
from solidgate.flow.world import World
from solidgate.ports import Access, EnclaveKeys
from solidgate.run.watch import next_pause

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

CANCEL_TASK = "solidgate.cancel_access"
ATTEMPTS = 12
_FIRST_PAUSE = 60.0
_POLL_SECONDS = 0.1
_log = structlog.get_logger()


async def leave(tx: Transaction, consent_id: str) -> None:
    """A consent ended: what was asked at its pod is cancelled; in the transaction that ends it."""
    # Nothing is unsealed here: a row that cannot be opened must not hold up a withdrawal.
    if await tx.access_requests.were_made(consent_id):
        await promise(tx, consent_id)


async def promise(tx: Transaction, consent_id: str) -> None:
    """Cancel as soon as this transaction is committed."""
    await tx.jobs.defer(CANCEL_TASK, {"consents": [consent_id]})


async def cancel(world: World, keys: EnclaveKeys, consent_id: str, tries: int = 0) -> None:
    """Cancel what waits for an answer, as the space; what a service did not take is tried again for a day.

    While the consent holds, only the requests that others took the place of.
    """
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id)
        known = await tx.access_requests.of(stored.person_id, consent_id)
    if known is None:
        return
    holds = status_at(stored.record, world.clock.now()).valid_for_processing
    if not (waiting := known.replaced if holds else known.waiting):
        return
    access = await keys.access_for(stored.space_id)
    done = [one for one in waiting if await _cancelled(world, access, known.storage, one)]
    async with world.store.transaction() as tx:
        latest = await tx.access_requests.of(stored.person_id, consent_id, lock=True) or known
        for request_id in done:
            latest = latest.cancelled(request_id)
        await tx.access_requests.keep(stored.person_id, consent_id, latest)
        if len(done) < len(waiting) and tries < ATTEMPTS:
            at = world.clock.now() + timedelta(seconds=next_pause(_FIRST_PAUSE, tries, 4 * 3600))
            await tx.jobs.defer(CANCEL_TASK, {"consents": [consent_id], "tries": tries + 1}, at=at)


async def withdrawn(world: World, access: Access, storage: str, requests: Sequence[str]) -> None:
    """Cancel requests of a consent that is not there any more, as well as anybody can."""
    for request_id in requests:
        await _cancelled(world, access, storage, request_id)


async def wait(world: World, person_id: str) -> None:
    """Before an erasure: until everything is cancelled that was asked, in bounded time."""
    deadline = world.clock.monotonic() + world.settings.consent.withdraw_wait_seconds
    while await _waiting(world, person_id) and world.clock.monotonic() < deadline:  # noqa: ASYNC110 - as it says
        await asyncio.sleep(_POLL_SECONDS)


async def _waiting(world: World, person_id: str) -> bool:
    async with world.store.transaction() as tx:
        for stored in await tx.consents.of_person(person_id):
            known = await tx.access_requests.of(person_id, stored.record.consent_id)
            if known is not None and known.waiting:
                return True
    return False


async def _cancelled(world: World, access: Access, storage: str, request_id: str) -> bool:
    try:
        async with asyncio.timeout(world.settings.worker.lease_seconds):
            await world.pods.cancel_request(access, storage, request_id)
    except PodFault as fault:
        _log.info("access-request.not-cancelled", code=fault.code)
        return False
    except TimeoutError:
        _log.info("access-request.not-cancelled", code="fetch.timed-out")
        return False
    return True


async def cancel_all(world: World, keys: EnclaveKeys, consents: Sequence[str], tries: int = 0) -> None:
    """A job: the consents that are named. One that was erased meanwhile has nothing left."""
    for consent_id in consents:
        try:
            await cancel(world, keys, consent_id, tries)
        except ConsentNotFound:
            continue
