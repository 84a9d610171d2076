"""Access requests: asked by the space, answered by the person on their pod's own page, checked by the gate.

Only the worker holds the space's key, and a request must be the requestor's own: so the intent is recorded
with the job that issues it. The person's browser brings the answer back, and nothing that it says is
believed before the grant service said the same to the person's own session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import status_at
from solidgate.consent.stored import StoredConsent
from solidgate.errors import (
    AccessDenied,
    AccessGrantInvalid,
    AccessGrantNarrowed,
    ConsentNotFound,
    ConsentNotGiven,
    EpochPassed,
    PodFault,
)
from solidgate.flow import cancel_access
from solidgate.flow.granted import required_of
from solidgate.flow.tenure import Tenure, tenure
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.access_request import RequestedAccess, RequestedPart, requested
from solidgate.pod.door import Door, DoorState
from solidgate.pod.door_event import opening
from solidgate.pod.grant import Grant, renamed
from solidgate.ports import Access

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

ACCESS_TASK = "solidgate.request_access"
_NAME = "access"
_NEXT_TURN = timedelta(seconds=2)


async def begin(
    world: World, session: Session, stored: StoredConsent, storage: str, door: Door
) -> tuple[DoorState, str | None]:
    """Record what is to be asked, with the job that asks it. What was granted already is not asked again.

    Raises pod faults before anything is recorded.
    """
    consent_id, urls = stored.record.consent_id, (*door.read, *((door.write,) if door.write else ()))
    if door.write is not None:
        await world.pods.ensure_container(session.access, door.write)
    names = {url: await world.pods.canonical(session.access, url) for url in urls}
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id, lock="share")
        if not status_at(stored.record, world.clock.now()).valid_for_processing:
            raise ConsentNotGiven()
        agreement = await tx.spaces.agreement(stored.record.agreement_digest)
        purpose = agreement.purpose(stored.record.purpose).broader
        access = requested(door, storage, names, purpose, stored.record.latest.until)
        seen = await tx.doors.one(consent_id)
        if (before := await tx.access_requests.of(stored.person_id, consent_id, lock=True)) is not None:
            ended = seen is not None and seen.state is DoorState.CLOSED
            access = access.asked_again(before, ended=ended)
        state = await _put(world, tx, stored, access)
        await tx.jobs.defer(ACCESS_TASK, {"consents": [consent_id]})
    return state, None


async def issue(world: World, access: Access, consent_id: str) -> None:
    """Issue the requests that were recorded, with the space's own key. Repeating it asks nothing twice.

    A fault of the pod's services is remembered for the person, who can try again. Under a lease: nothing is
    asked in the name of a consent that ended, and what was asked while it ended is cancelled. One at a time:
    while another job asks for the same consent, this one comes back.
    """
    is_ours = False
    try:
        # Two leases: the turn is given back in any case, the other one only when the pod has answered.
        async with tenure(world, consent_id, name=_NAME), tenure(world, consent_id) as held:
            is_ours = True
            await _issue(held, access)
    except EpochPassed:
        if not is_ours:
            await _later(world, consent_id)
    except (ConsentNotFound, ConsentNotGiven, TimeoutError):
        return


async def _later(world: World, consent_id: str) -> None:
    async with world.store.transaction() as tx:
        at = world.clock.now() + _NEXT_TURN
        await tx.jobs.defer(ACCESS_TASK, {"consents": [consent_id]}, at=at)


async def _issue(held: Tenure, access: Access) -> None:
    world, stored = held.world, held.stored
    async with world.store.transaction() as tx:
        wanted = await tx.access_requests.of(stored.person_id, stored.record.consent_id)
    if wanted is None:
        return
    issued: dict[str, str] = {}
    page, problem = wanted.page, None
    try:
        page = page or await world.pods.access_page(stored.record.data_subject, wanted.storage) or ""
        for one in wanted.parts:
            if not one.request_id:
                await held.still()
                asking = world.pods.request_access(held.fenced(access), wanted.storage, one.asked)
                issued[one.part] = await held.answered(asking)
    except PodFault as fault:
        problem = fault.code
    finally:
        await asyncio.shield(_kept(held, access, wanted, issued, page, problem))


async def _kept(
    held: Tenure,
    access: Access,
    wanted: RequestedAccess,
    issued: dict[str, str],
    page: str,
    problem: str | None,
) -> None:
    """Keep what was issued, whatever happened meanwhile; after an erasure there is only the cancelling."""
    world, consent_id = held.world, held.stored.record.consent_id
    try:
        async with world.store.transaction() as tx:
            await _keep_issued(world, tx, consent_id, wanted, issued, page, problem)
    except ConsentNotFound:
        await cancel_access.withdrawn(world, access, wanted.storage, tuple(issued.values()))


async def _keep_issued(
    world: World,
    tx: Transaction,
    consent_id: str,
    wanted: RequestedAccess,
    issued: dict[str, str],
    page: str,
    problem: str | None,
) -> None:
    stored = await tx.consents.one(consent_id, lock="share")
    latest = await tx.access_requests.of(stored.person_id, consent_id, lock=True)
    if latest is None:
        return
    latest, surplus = _with_issued(latest, wanted, issued)
    is_valid = status_at(stored.record, world.clock.now()).valid_for_processing
    if is_valid:
        await _put(world, tx, stored, replace(latest, page=page), problem)
    elif issued:
        await tx.access_requests.keep(stored.person_id, consent_id, latest)
    if surplus or (issued and not is_valid):
        await cancel_access.promise(tx, consent_id)


def _with_issued(
    latest: RequestedAccess, wanted: RequestedAccess, issued: Mapping[str, str]
) -> tuple[RequestedAccess, tuple[str, ...]]:
    """The parts with their requests; and those that another took the place of, to be cancelled at once."""
    left, asked = dict(issued), {one.part: one.asked for one in wanted.parts}
    for one in latest.parts:
        if one.part in left and not one.request_id and asked[one.part] == one.asked:
            latest = latest.changed(replace(one, request_id=left.pop(one.part)))
        elif left.get(one.part) == one.request_id:
            left.pop(one.part, None)
    surplus = tuple(left.values())
    return replace(latest, replaced=(*latest.replaced, *surplus)), surplus


async def answered(world: World, session: Session, consent_id: str, url: str) -> DoorState:
    """Take the answer at ``url``, which the person's browser brought back; nothing is believed unchecked.

    Raises ``ConsentNotFound``; ``AccessGrantInvalid`` for what is not this person's answer to a request of
    this consent; ``AccessGrantEnded ConsentNotGiven`` and pod faults.
    """
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        known = await tx.access_requests.of(session.person_id, consent_id)
    if known is None or stored.record.data_subject != session.webid:
        raise AccessGrantInvalid("nothing was asked of this person")
    part, grant = await _matched(world, session, known, url)
    given = None if grant is None else renamed(grant, known.names)
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id, lock="share")
        # The shared lock keeps a withdrawal out until the answer is kept, so that it closes this door too.
        if status_at(stored.record, world.clock.now()).valid_for_processing:
            latest = await tx.access_requests.of(session.person_id, consent_id, lock=True) or known
            return await _put(world, tx, stored, latest.with_answer(part, given))
    if grant is not None:  # given after the end: it must not outlive this page
        await world.pods.revoke_grant(session.access, known.storage, grant)
    raise ConsentNotGiven("the consent ended before the pod's answer came")


async def _matched(
    world: World, session: Session, known: RequestedAccess, url: str
) -> tuple[RequestedPart, Grant | None]:
    """The part that the answer belongs to. Raises what the first part says of an answer to none."""
    refusal: AccessGrantInvalid | None = None
    for part in known.parts:
        if part.request_id:
            try:
                return part, await world.pods.answer_of(
                    session.access, known.storage, url, part.asked, part.request_id
                )
            except AccessGrantInvalid as invalid:
                refusal = refusal or invalid
    raise refusal or AccessGrantInvalid("nothing was asked yet")


async def close(world: World, session: Session, known: RequestedAccess) -> tuple[DoorState, str | None]:
    """Revoke what the person granted for this consent, as they; the state, and why if not all is closed."""
    problem = None
    for grant in (*known.grants, *known.former):
        try:
            await world.pods.revoke_grant(session.access, known.storage, grant)
        except PodFault as fault:
            problem = fault.code
    return DoorState.PARTIAL if problem else DoorState.CLOSED, problem


async def _put(
    world: World, tx: Transaction, stored: StoredConsent, access: RequestedAccess, problem: str | None = None
) -> DoorState:
    """Keep the door as its answers make it; an open one is written into the trail."""
    record, now = stored.record, world.clock.now()
    agreement = await tx.spaces.agreement(record.agreement_digest)
    agent = world.agent(stored.space_id)
    door = Door(agent, record.data_subject, record.resources, record.result_container)
    state = access.state(door, required_of(agreement, record))
    was = await tx.doors.one(record.consent_id)
    named = {DoorState.DENIED: AccessDenied.code, DoorState.PARTIAL: AccessGrantNarrowed.code}
    problem = problem or named.get(state)
    await tx.access_requests.put(
        stored.person_id, record.consent_id, access, state, problem, now, opening(state, problem)
    )
    if state is DoorState.OPEN and (was is None or was.state is not state):
        objects = (record.consent_id,)
        await tx.trail.append(AuditEntry(Action.DOOR_OPENED, now, "data_subject", objects, Outcome.DONE))
    return state
