"""Look: what changed in one person's pod since it was last seen, asked as the space, and nothing more.

A look reads no document. It happens under a lease on the consent, so that a withdrawal waits for it; and what
it found is remembered in the transaction that asks for the run, so that one change asks for one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from solidgate.consent.record import ConsentRecord, status_at
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotFound, ConsentNotGiven, EpochPassed, PodFault, SealBroken
from solidgate.flow import rerun
from solidgate.flow.each import each
from solidgate.flow.tenure import Tenure, tenure
from solidgate.flow.watching import next_sweep
from solidgate.flow.world import World
from solidgate.pod.notification import fingerprint
from solidgate.pod.resource import Document, ResourceState
from solidgate.ports import Access, EnclaveKeys
from solidgate.run.watch import LookRow, topics_of
from solidgate.space.agreement import Agreement
from solidgate.space.rerun import ON_CHANGE

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

LOOK_TASK = "solidgate.look"
BATCH = 200
_AT_ONCE = 4
_LOOKING_SHARE = 0.6
_GIVEN_UP_SECONDS = 600
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watched:
    """A consent that holds, under a lease, with the documents that may be looked at by their place."""

    stored: StoredConsent
    agreement: Agreement
    topics: Mapping[int, str]
    tenure: Tenure


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found by place, and the places that it did not get to."""

    found: Mapping[int, str]
    left: tuple[int, ...]


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
    seen = Seen({}, ())
    async with held(world, consent_id, "look") as watched:
        if watched is not None:
            access = await keys.access_for(watched.stored.space_id)
            seen = await states(watched, access, _chosen(watched, asked))
    return await _conclude(world, asked, watched, seen)


def _chosen(watched: Watched, asked: LookRow) -> Mapping[int, str]:
    return {number: watched.topics[number] for number in asked.numbers if number in watched.topics}


async def states(watched: Watched, access: Access, topics: Mapping[int, str]) -> Seen:
    """What stands at these documents now, as many as a good part of ``notifications.look_seconds`` allows.

    One that cannot be asked, or that tells nothing, is in neither list. Each is asked only while the consent
    holds: what was not asked then is left.
    """
    world, fenced = watched.tenure.world, watched.tenure.fenced(access)
    gate, answered = asyncio.Semaphore(_AT_ONCE), dict[int, str]()

    async def one(number: int, url: str) -> None:
        async with gate:
            try:
                await watched.tenure.still()
                answered[number] = fingerprint(await world.pods.state(fenced, url))
            except (ConsentNotGiven, ConsentNotFound, EpochPassed):
                return
            except PodFault as fault:
                _log.info("look.refused", code=fault.code)
                answered[number] = ""

    with suppress(TimeoutError):
        async with (
            asyncio.timeout(world.settings.notifications.look_seconds * _LOOKING_SHARE),
            asyncio.TaskGroup() as group,
        ):
            for number, url in topics.items():
                group.create_task(one(number, url))
    left = tuple(number for number in topics if number not in answered)
    return Seen({number: seen for number, seen in answered.items() if seen}, left)


async def _conclude(world: World, asked: LookRow, watched: Watched | None, seen: Seen) -> int:
    """Remember what was seen and ask for the run, in one transaction that decides once more."""
    now, changed = world.clock.now(), 0
    async with world.store.transaction() as tx:
        if watched is not None and seen.found:
            changed = await _remember(world, tx, watched, seen.found)
        if not await tx.reruns.looked(asked):
            due = now + timedelta(seconds=world.settings.notifications.settle_seconds)
            await tx.reruns.look_due(asked.consent_id, due)
            await _defer(tx, asked.consent_id, due)
        elif seen.left and len(seen.left) < len(asked.numbers):
            # A slow pod: it goes on where it ended. Where nothing moves, the sweep comes back to it.
            await ask(tx, asked.consent_id, seen.left, now)
    return changed


async def _remember(world: World, tx: Transaction, watched: Watched, found: Mapping[int, str]) -> int:
    record, person = watched.stored.record, watched.stored.person_id
    fresh = await _watched(world, tx, record.consent_id, watched.tenure)
    if fresh is None or fresh.stored.record.epoch != record.epoch:
        return 0  # it ended while we looked: what was seen is nobody's business any more
    known = await tx.watches.seen(person, record.consent_id)
    await tx.watches.see(person, record.consent_id, {n: v for n, v in found.items() if known.get(n) != v})
    # A document that was never seen before has not changed: this look is its first.
    changed = [number for number, seen in found.items() if known.get(number, seen) != seen]
    if changed:
        await rerun.want(world, tx, record.consent_id, watched.stored.space_id)
    return len(changed)


async def remember_pulled(
    tx: Transaction, person_id: str, record: ConsentRecord, documents: Sequence[Document]
) -> None:
    """What a run has read is seen, whatever becomes of the run: the same again would only fail again."""
    places = {url: number for number, url in topics_of(record.resources, record.result_container).items()}
    await tx.watches.see(
        person_id,
        record.consent_id,
        {places[one.url]: seen for one in documents if one.url in places and (seen := _pulled(one))},
    )


def _pulled(document: Document) -> str:
    return fingerprint(
        ResourceState(document.url, True, document.etag, document.media_type, modified=document.modified)
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
