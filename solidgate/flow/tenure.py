"""Work for one consent outside a run, under a lease that its withdrawal waits for, and fenced like a step."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from solidgate.consent.record import status_at
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotGiven, EpochPassed, SolidgateError, StoreUnavailable
from solidgate.flow.fenced import OWN_SHARE, Fenced, clock
from solidgate.flow.granted import Granted
from solidgate.flow.owner import Sender
from solidgate.flow.world import World
from solidgate.ports import Access

_BEAT_SECONDS = 1.0


@dataclass(slots=True)
class Tenure(Sender):
    """A consent that holds, and a lease under which something is done for it, until ``until`` at most.

    While a write is in doubt the lease is not given back, but lapses by itself.
    """

    world: World
    stored: StoredConsent
    until: float
    ended: SolidgateError | None = None
    unanswered: bool = False

    def check(self) -> None:
        """Raises ``EpochPassed`` once the lease may have lapsed, or why the consent ended. Asks no store.

        Raises ``StoreUnavailable`` while the brake is on.
        """
        self.world.brake.check()
        if self.ended is not None or clock() >= self.until:
            raise self.ended or EpochPassed()

    async def still(self) -> None:
        """Before each request: the consent holds now. Raises as ``check``, and ``StoreUnavailable``."""
        self.check()
        if not await holds(self.world, self.stored.record.consent_id):
            self.ended = ConsentNotGiven()
        self.check()

    def fenced(self, access: Access) -> Access:
        """The access, which signs nothing after the end: for the attempts within one request too."""
        if isinstance(access, Granted):
            return replace(access, access=Fenced(access.access, self))
        return Fenced(access, self)


@asynccontextmanager
async def tenure(
    world: World,
    consent_id: str,
    *,
    person_id: str | None = None,
    name: str = "",
    seconds: float | None = None,
) -> AsyncIterator[Tenure]:
    """A consent that holds, for the length of one lease; ``name`` keeps others out who would do the same.

    Raises ``ConsentNotFound ConsentNotGiven``, ``EpochPassed`` while somebody else has the name, and
    ``TimeoutError`` before the lease ends: whatever begins inside has come to its end, or is given up, when
    a withdrawal is answered.
    """
    begin, seconds = clock(), world.settings.worker.lease_seconds if seconds is None else seconds
    world.brake.check()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=person_id, lock="share")
        if not status_at(stored.record, world.clock.now()).valid_for_processing:
            raise ConsentNotGiven()
        # Without a name it goes on beside other work for the same consent.
        name = name or f"by-the-way:{uuid.uuid4().hex}"
        fence = await tx.leases.take(consent_id, stored.record.epoch, name, seconds)
    if fence is None:
        raise EpochPassed()
    held = Tenure(world, stored, begin + seconds * OWN_SHARE)
    beat = asyncio.create_task(_beat(held))
    try:
        async with asyncio.timeout_at(held.until):
            yield held
    finally:
        held.ended = held.ended or EpochPassed()
        beat.cancel()
        if not held.unanswered:
            await asyncio.shield(_give_back(world, fence))


async def holds(world: World, consent_id: str) -> bool:
    """Whether it still holds: to be asked again after each thing that took time."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id)
    return status_at(stored.record, world.clock.now()).valid_for_processing


async def _beat(held: Tenure) -> None:
    """Notice an end in good time before a withdrawal is answered, however long one request takes."""
    pause = min(_BEAT_SECONDS, max(0.05, held.world.settings.consent.withdraw_wait_seconds / 4))
    while held.ended is None:
        await asyncio.sleep(pause)
        try:
            await held.still()
        except StoreUnavailable:
            continue  # the lease's own end needs no database
        except SolidgateError as fault:
            held.ended = held.ended or fault


async def _give_back(world: World, fence: int) -> None:
    with suppress(StoreUnavailable):  # without the database it lapses by itself
        async with world.store.transaction() as tx:
            await tx.leases.release(fence)
