"""Shut: a door that a run found shut is shown to its person, and asked about before the next run reads.

Where the results go is known to be shut only when one is written, on most pods. That is too late for that
run, but not for the next: once it was so, the container is asked about before a document is read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from solidgate.consent.record import status_at
from solidgate.errors import ConsentNotFound, DoorNotOpen, PodFault, PodForbidden, SolidgateError
from solidgate.flow.step import Step
from solidgate.flow.world import World
from solidgate.pod.door import Door, DoorState
from solidgate.pod.door_event import DoorEvent
from solidgate.ports import Access


async def check(step: Step, access: Access, door: Door) -> None:
    """Raises ``DoorNotOpen`` while the container of the results is still shut, where it was the last time."""
    if step.door_problem != DoorNotOpen.code or door.write is None or step.asks:
        return
    # The documents tell by themselves when they are read.
    if await step.world.pods.door_state(access, replace(door, read=())) is not DoorState.OPEN:
        raise DoorNotOpen("the pod does not let the space write a result")


def named(step: Step, refused: PodForbidden) -> PodFault:
    """The name of a refusal to write: of the door, where lists decide; a grant's end has a name already."""
    return refused if step.asks else DoorNotOpen("the pod does not let the space write a result")


async def noticed(world: World, consent_id: str, fault: SolidgateError) -> None:
    """Remember a door that should be open and is shut, so that its person sees it and can open it again."""
    if not isinstance(fault, DoorNotOpen):
        return
    now = world.clock.now()
    with suppress(ConsentNotFound):  # it was erased meanwhile
        await _noticed(world, consent_id, fault, now)


async def _noticed(world: World, consent_id: str, fault: SolidgateError, now: datetime) -> None:
    async with world.store.transaction() as tx:
        # Of a consent that ended the door is closed on purpose; its end keeps the row.
        stored = await tx.consents.one(consent_id, lock="share")
        known = await tx.doors.one(consent_id)
        holds = status_at(stored.record, now).valid_for_processing
        if holds and known is not None and known.state is DoorState.OPEN:
            await tx.doors.put(consent_id, DoorState.PARTIAL, fault.code, now, DoorEvent.FOUND_SHUT)


async def seen_open(step: Step) -> None:
    """A result was written where it was said to be shut: it is open again."""
    if step.door_problem != DoorNotOpen.code:
        return
    async with step.world.store.transaction() as tx:
        await step.recheck(tx)
        now = step.world.clock.now()
        await tx.doors.put(step.consent_id, DoorState.OPEN, None, now, DoorEvent.FOUND_OPEN)
