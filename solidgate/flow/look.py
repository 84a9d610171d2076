"""Look: what changed in one person's pod since it was last seen, asked as the space, and nothing more.

A look happens under a lease on the consent, so that a withdrawal waits for it; and what it found is
remembered in the transaction that asks for the run, so that one change asks for one. ``sight`` asks the pod.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentRecord, status_at
from solidgate.errors import ConsentNotGiven, EpochPassed, SealBroken
from solidgate.flow import rerun
from solidgate.flow.each import each
from solidgate.flow.sight import Seen, Watched, seen
from solidgate.flow.tenure import Tenure, tenure
from solidgate.flow.watching import next_sweep
from solidgate.flow.world import World
from solidgate.pod.resource import Document
from solidgate.ports import EnclaveKeys
from solidgate.run.sighting import Meaning, Observed, Sighting, meaning, pulled
from solidgate.run.watch import LookRow, topics_of
from solidgate.space.rerun import ON_CHANGE

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

LOOK_TASK = "solidgate.look"
BATCH = 200
_GIVEN_UP_SECONDS = 600


@asynccontextmanager
async def held(world: World, consent_id: str, purpose: str) -> AsyncIterator[Watched | None]:
    """The consent under a lease of ``notifications.look_seconds``; none when it does not hold, or somebody
    else does this very thing with it.

    Raises ``ConsentNotFound``, and ``TimeoutError`` before the lease ends.
    """
    seconds = world.settings.notifications.look_seconds
    async with AsyncExitStack() as stack:
        found = None
        with suppress(ConsentNotGiven, EpochPassed):
            lasting = await stack.enter_async_context(
                tenure(world, consent_id, name=purpose, seconds=seconds)
            )
            async with world.store.transaction() as tx:
                found = await _watched(world, tx, consent_id, lasting)
        yield found


async def _watched(world: World, tx: Transaction, consent_id: str, lasting: Tenure) -> Watched | None:
    stored = await tx.consents.one(consent_id, lock="share")
    agreement = await tx.spaces.agreement(stored.record.agreement_digest)
    record = stored.record
    if agreement.rerun != ON_CHANGE or not status_at(record, world.clock.now()).valid_for_processing:
        return None
    return Watched(stored, agreement, topics_of(record.resources, record.result_container), lasting)


async def ask(tx: Transaction, consent_id: str, numbers: Sequence[int], due: datetime) -> None:
    """Ask for a look in this transaction; several before it is due become one."""
    if await tx.reruns.ask_look(consent_id, numbers, due):
        await _defer(tx, consent_id, due)


async def _defer(tx: Transaction, consent_id: str, due: datetime) -> None:
    # A list under this name, so that an erasure finds the person's consents in jobs too.
    await tx.jobs.defer(LOOK_TASK, {"consents": [consent_id]}, queue="looks", at=due)


async def look(world: World, keys: EnclaveKeys, consent_id: str) -> int:
    """Do the look that is asked for; how many documents changed. Repeating it repeats no effect."""
    async with world.store.transaction() as tx:
        asked = await tx.reruns.look(consent_id)
    if asked is None:
        return 0
    found = Seen({}, ())
    async with held(world, consent_id, "look") as watched:
        if watched is not None:
            access = await keys.access_for(watched.stored.space_id)
            found = await seen(watched, access, _chosen(watched, asked))
    return await _conclude(world, asked, watched, found)


def _chosen(watched: Watched, asked: LookRow) -> Mapping[int, str]:
    return {number: watched.topics[number] for number in asked.numbers if number in watched.topics}


async def _conclude(world: World, asked: LookRow, watched: Watched | None, found: Seen) -> int:
    """Remember what was seen and ask for the run, in one transaction that decides once more."""
    now, changed = world.clock.now(), 0
    async with world.store.transaction() as tx:
        if watched is not None and found.found:
            changed = await _remember(world, tx, watched, found.found)
            await tell_of_reading(world, tx, watched, found)
        if not await tx.reruns.looked(asked):
            due = now + timedelta(seconds=world.settings.notifications.settle_seconds)
            await tx.reruns.look_due(asked.consent_id, due)
            await _defer(tx, asked.consent_id, due)
        elif found.left and len(found.left) < len(asked.numbers):
            # A slow pod: it goes on where it ended. Where nothing moves, the sweep comes back to it.
            await ask(tx, asked.consent_id, found.left, now)
    return changed


async def _remember(world: World, tx: Transaction, watched: Watched, found: Mapping[int, Observed]) -> int:
    record, person = watched.stored.record, watched.stored.person_id
    fresh = await _watched(world, tx, record.consent_id, watched.tenure)
    if fresh is None or fresh.stored.record.epoch != record.epoch:
        return 0  # it ended while we looked: what was seen is nobody's business any more
    # Decided anew, and under a lock: a run may have read meanwhile.
    known = await tx.sightings.locked(person, record.consent_id)
    told = {number: meaning(known.get(number), one) for number, one in found.items()}
    await tx.sightings.keep(person, record.consent_id, sure(known, told))
    changed = [number for number, (means, _) in told.items() if means is Meaning.CHANGED]
    if changed:
        await rerun.want(world, tx, record.consent_id, watched.stored.space_id)
    return len(changed)


async def tell_of_reading(world: World, tx: Transaction, watched: Watched, found: Seen) -> None:
    """The trail says that content was read, though only to compare it."""
    if any(one.reading is not None and one.reading.digest for one in found.found.values()):
        now, objects = world.clock.now(), (watched.stored.record.consent_id,)
        await tx.trail.append(AuditEntry(Action.RESOURCES_COMPARED, now, "enclave", objects, Outcome.DONE))


def sure(
    known: Mapping[int, Sighting], told: Mapping[int, tuple[Meaning, Sighting]]
) -> Mapping[int, Sighting]:
    """What is to be kept: what is certain, or was tried in vain, and not kept already."""
    return {
        number: after
        for number, (means, after) in told.items()
        if known.get(number) != after and (means is not Meaning.UNSURE or _is_tried(known.get(number), after))
    }


def _is_tried(known: Sighting | None, after: Sighting) -> bool:
    return after.read != (known.read if known else None)


async def remember_pulled(
    tx: Transaction, person_id: str, record: ConsentRecord, documents: Sequence[Document]
) -> None:
    """What a run has read is seen, whatever becomes of the run: the same again would only fail again."""
    places = {url: number for number, url in topics_of(record.resources, record.result_container).items()}
    read = {places[one.url]: one for one in documents if one.url in places}
    known = await tx.sightings.locked(person_id, record.consent_id)
    now = {number: pulled(known.get(number), one) for number, one in read.items()}
    await tx.sightings.keep(
        person_id, record.consent_id, {n: one for n, one in now.items() if known.get(n) != one}
    )


async def sweep(world: World) -> int:
    """Ask for looks at everything that was not looked at for long; how many consents.

    The safety net for notifications that were lost and channels that died. Bounded, the longest waiting
    first, and spread, so that no server is asked for all its pods in one moment.
    """
    now, settings = world.clock.now(), world.settings.notifications
    async with world.store.transaction() as tx:
        due = await tx.watches.to_look_at(now, settings.sweep_consents)
    asked = await each(due, lambda consent_id: _swept(world, consent_id, now), "sweep.failed")
    async with world.store.transaction() as tx:
        for consent_id in await tx.reruns.overdue(now - timedelta(seconds=_GIVEN_UP_SECONDS), BATCH):
            # Its job was given up or is gone.
            await tx.reruns.look_due(consent_id, now)
            await _defer(tx, consent_id, now)
    return asked


async def _swept(world: World, consent_id: str, now: datetime) -> None:
    try:
        await _ask_all(world, consent_id, now)
    except SealBroken:
        async with world.store.transaction() as tx:  # it must not stand first in every turn
            await tx.watches.look_next(consent_id, next_sweep(world, now), now)
        raise


async def _ask_all(world: World, consent_id: str, now: datetime) -> None:
    """One consent, in a transaction of its own: it waits for nobody while it holds another's row."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="share")
        # Unless another worker was faster.
        if await tx.watches.look_next(consent_id, next_sweep(world, now), now):
            topics = topics_of(stored.record.resources, stored.record.result_container)
            await ask(tx, consent_id, tuple(topics), now + _somewhat(world))


def _somewhat(world: World) -> timedelta:
    longest = min(30.0, world.settings.notifications.sweep_seconds / 10)
    return timedelta(seconds=random.uniform(0, longest))
