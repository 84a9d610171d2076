"""The door at the pod: opened and closed with the person's own session, never with a stored token."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentRecord, status_at
from solidgate.consent.stored import StoredConsent
from solidgate.errors import (
    ConsentNotGiven,
    EpochPassed,
    FetchTimedOut,
    PodFault,
    SolidgateError,
)
from solidgate.flow import access_request, watching
from solidgate.flow.tenure import Tenure, tenure
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.by_hand import Paste
from solidgate.pod.door import Door, DoorState
from solidgate.pod.door_event import DoorEvent, closing, opening, seen

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

_SEEN = {DoorState.OPEN: Action.DOOR_OPENED, DoorState.CLOSED: Action.DOOR_CLOSED}


def door_of(world: World, record: ConsentRecord, space_id: str) -> Door:
    """What the space's WebID needs for one consent, and nothing more."""
    return Door(
        agent=world.agent(space_id),
        owner=record.data_subject,
        read=record.resources,
        write=record.result_container,
    )


async def open_for(
    world: World, session: Session, consent_id: str, *, again: bool = False
) -> tuple[DoorState, str | None]:
    """Open the door of a consent that holds; the state read back, and an error code when it is not open.

    ``again`` is what the person asked for after their answer; it is told.

    Raises ``ConsentNotGiven`` for a consent that does not hold. A pod's fault is an answer, not an error:
    the consent stands, and the person can try again.
    """
    try:
        async with tenure(world, consent_id, person_id=session.person_id) as held:
            return await _open(held, session, DoorEvent.OPEN_ASKED if again else None)
    except TimeoutError:
        return await _given_up(world, session, consent_id)


async def _open(held: Tenure, session: Session, asked: DoorEvent | None) -> tuple[DoorState, str | None]:
    """Open it while the consent holds. From another window it may be withdrawn meanwhile: then close it.

    The withdrawal may have closed it before it was open.
    """
    record, space_id = held.stored.record, held.stored.space_id
    with suppress(ConsentNotGiven, EpochPassed):
        return await _attempt(held, replace(session, access=held.fenced(session.access)), asked)
    return await close_for(held.world, session, record, space_id)


async def _attempt(held: Tenure, session: Session, asked: DoorEvent | None) -> tuple[DoorState, str | None]:
    """One attempt, by a session whose access is fenced. Raises ``ConsentNotGiven EpochPassed``."""
    world, stored, place = held.world, held.stored, held.stored.record.result_container
    door = door_of(world, stored.record, stored.space_id)
    try:
        if (await world.pods.kind_of(place)).by_grant:
            return await held.answered(access_request.begin(world, session, stored, place, door))
        # The intent first: whatever becomes of this process, a door that may be open is known.
        await _remember_held(held, DoorState.PARTIAL, None, asked)
        state, problem = await _try_open(held, session, door)
        event = opening(state, problem)
    except PodFault as fault:  # before anything was sent: what was known of it stays so
        async with world.store.transaction() as tx:
            known = await tx.doors.one(stored.record.consent_id)
        state, problem = known.state if known else DoorState.CLOSED, fault.code
        event = DoorEvent.NOT_OPENED
    await _remember_held(held, state, problem, event)
    return state, problem


async def _try_open(held: Tenure, session: Session, door: Door) -> tuple[DoorState, str | None]:
    world = held.world
    try:
        if door.write is not None:
            await held.answered(world.pods.ensure_container(session.access, door.write))
        return await held.answered(world.pods.open_door(session.access, door)), None
    except PodFault as fault:
        state = await _seen(world, session, door)
        return state, None if state is DoorState.OPEN else fault.code


async def _given_up(world: World, session: Session, consent_id: str) -> tuple[DoorState, str | None]:
    """A pod that is too slow: what it took of the opening is not known."""
    stored = await _stored(world, session, consent_id)
    if not status_at(stored.record, world.clock.now()).valid_for_processing:
        return await close_for(world, session, stored.record, stored.space_id)
    await _remember(world, consent_id, DoorState.PARTIAL, FetchTimedOut.code, DoorEvent.NOT_OPENED)
    return DoorState.PARTIAL, FetchTimedOut.code


async def look_again(world: World, session: Session, consent_id: str) -> tuple[DoorState, str | None]:
    """Read the door of a consent that holds anew, and change nothing at the pod.

    A problem that was known stays known until the door is open. Raises ``ConsentNotFound ConsentNotGiven``.
    """
    stored = await _holding(world, session, consent_id)
    async with world.store.transaction() as tx:
        known = await tx.doors.one(consent_id)
        asked = await tx.access_requests.of(session.person_id, consent_id)
    if known is not None and asked is not None:  # its answers decide, and they come by the access page
        return known.state, known.problem
    found = await _read(world, session, door_of(world, stored.record, stored.space_id))
    state = found or DoorState.PARTIAL
    problem = known.problem if known is not None and state is not DoorState.OPEN else None
    if known is None or (state, problem) != (known.state, known.problem):
        await _remember(world, consent_id, state, problem, None if found is None else seen(found))
    return state, problem


async def by_hand(world: World, session: Session, consent_id: str) -> tuple[Paste, ...]:
    """What the person puts into their pod themselves, for a consent that holds; none for what is open.

    Raises ``ConsentNotFound ConsentNotGiven``, and faults of the pod.
    """
    stored = await _holding(world, session, consent_id)
    door = door_of(world, stored.record, stored.space_id)
    return await world.pods.door_by_hand(session.access, door)


async def _stored(world: World, session: Session, consent_id: str) -> StoredConsent:
    async with world.store.transaction() as tx:
        return await tx.consents.one(consent_id, person_id=session.person_id)


async def _holding(world: World, session: Session, consent_id: str) -> StoredConsent:
    stored = await _stored(world, session, consent_id)
    if not status_at(stored.record, world.clock.now()).valid_for_processing:
        raise ConsentNotGiven()
    return stored


async def close_for(
    world: World, session: Session, record: ConsentRecord, space_id: str
) -> tuple[DoorState, str | None]:
    """Take back what was given; the state read back, and an error code when it is not closed.

    What another consent of the same person in the same space still needs stays open.
    """
    async with world.store.transaction() as tx:
        granted = await tx.access_requests.of(session.person_id, record.consent_id)
    if granted is not None:
        state, problem = await access_request.close(world, session, granted)
        await _remember(world, record.consent_id, state, problem, closing(state))
        return state, problem
    door = door_of(world, record, space_id)
    kept = await _still_needed(world, session, record, space_id)
    taken = Door(
        agent=door.agent,
        owner=door.owner,
        read=tuple(url for url in door.read if url not in kept),
        write=None if door.write in kept else door.write,
    )
    try:
        state, problem = await world.pods.close_door(session.access, taken), None
    except PodFault as fault:
        state, problem = await _seen(world, session, taken), fault.code
    await _remember(world, record.consent_id, state, problem, closing(state))
    return state, problem


async def _still_needed(
    world: World, session: Session, record: ConsentRecord, space_id: str
) -> frozenset[str]:
    now = world.clock.now()
    async with world.store.transaction() as tx:
        others = await tx.consents.of_person(session.person_id)
    needed: set[str] = set()
    for other in others:
        if other.record.consent_id == record.consent_id or other.space_id != space_id:
            continue
        if status_at(other.record, now).valid_for_processing:
            needed.update((*other.record.resources, other.record.result_container))
    return frozenset(needed)


async def _seen(world: World, session: Session, door: Door) -> DoorState:
    # Not known is shown as partial: the page then offers both to open and to close.
    return await _read(world, session, door) or DoorState.PARTIAL


async def _read(world: World, session: Session, door: Door) -> DoorState | None:
    try:
        return await world.pods.door_state(session.access, door)
    except SolidgateError:
        return None


async def _remember(
    world: World, consent_id: str, state: DoorState, problem: str | None, event: DoorEvent | None
) -> None:
    async with world.store.transaction() as tx:
        await _put(world, tx, consent_id, state, problem, event)


async def _remember_held(
    held: Tenure, state: DoorState, problem: str | None, event: DoorEvent | None
) -> None:
    """The same of a door that is being opened. Raises ``ConsentNotGiven EpochPassed``: then close it.

    The shared lock keeps a withdrawal out until it stands, so that it finds the door.
    """
    held.check()
    world, consent_id = held.world, held.stored.record.consent_id
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="share")
        if not status_at(stored.record, world.clock.now()).valid_for_processing:
            raise ConsentNotGiven()
        await _put(world, tx, consent_id, state, problem, event)


async def _put(
    world: World,
    tx: Transaction,
    consent_id: str,
    state: DoorState,
    problem: str | None,
    event: DoorEvent | None,
) -> None:
    now = world.clock.now()
    await tx.doors.put(consent_id, state, problem, now, event)
    if state in _SEEN:
        await tx.trail.append(AuditEntry(_SEEN[state], now, "data_subject", (consent_id,), Outcome.DONE))
    if state is DoorState.OPEN:
        await watching.begin(world, tx, consent_id)
