"""Signpost: bring the two documents that lead to a person's results to what the results are now.

1. The intent (bytes, digest, address) is committed before anything is sent, with everything planned before.
2. What stands in the pod is read. The planned bytes are done; bytes of ours are replaced under ``If-Match``
   with the tag that was seen; anything else is disputed and never touched again.
3. A conflict means that somebody was faster: read again, decide again by the newest intent, a few times.

A signpost never decides what becomes of a run: what a pod's fault left undone is done by housekeeping.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from solidgate.consent.stored import StoredConsent
from solidgate.derived import signpost as written
from solidgate.errors import (
    FetchTooLarge,
    PodConflict,
    PodFault,
    PodNotFound,
    PodUnreadable,
    SolidgateError,
)
from solidgate.flow.step import Step
from solidgate.flow.tenure import Tenure
from solidgate.flow.world import World
from solidgate.pod.resource import Document
from solidgate.ports import Access
from solidgate.run.delivery import DeliveryState
from solidgate.run.signpost import Kind, Listed, Signpost, SignState, planned
from solidgate.run.standing import pause

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

T = TypeVar("T")
ROUNDS = 5
MEDIA_TYPE = "text/turtle"
_PATIENCE = timedelta(minutes=1)


class Holder(Protocol):
    """Whoever may send now, and hears of each write whether it was answered."""

    unanswered: bool

    async def still(self) -> None:
        """Before each request. Raises when it is over."""
        ...

    async def answered(self, effect: Awaitable[T]) -> T:
        """Carry a write to its answer."""
        ...


@dataclass(slots=True)
class _Owner:
    """The person themselves, whose session nobody ends for them."""

    unanswered: bool = False

    async def still(self) -> None: ...

    async def answered(self, effect: Awaitable[T]) -> T:
        return await effect


@dataclass(frozen=True, slots=True)
class _Spot:
    """The signposts of one person in one container of one space, and who works on them."""

    world: World
    access: Access
    person_id: str
    space_id: str
    place: str
    holder: Holder


async def after_result(step: Step, access: Access) -> None:
    """Lead to a result that was just published: under the step's consent, decided anew, and a new lease."""
    if not step.world.settings.worker.signposts:
        return
    with suppress(SolidgateError):  # the result stands; what is missing here stays planned
        async with step.world.store.transaction() as tx:
            stored = await step.resume(tx)
            place = await _plan(step.world, tx, stored, step.run.run_id)
        spot = _Spot(step.world, access, step.person_id, step.run.space_id, place, step)
        await bring(spot)


async def afresh(world: World, access: Access, stored: StoredConsent) -> None:
    """Follow, as the person, what became of the results: invalid by a withdrawal, removed, gone.

    Only where there are signposts already: nothing new is written into a pod for this.
    """
    place = await _replanned(world, stored, "")
    if place is not None:
        await bring(_Spot(world, access, stored.person_id, stored.space_id, place, _Owner()))


async def follow(held: Tenure, access: Access, run_id: str) -> None:
    """The same as the space, for a consent that holds. Raises what ``Tenure.still`` raises."""
    stored = held.stored
    place = await _replanned(held.world, stored, run_id)
    if place is not None:
        await bring(_spot(held, access, place))


async def look_again(held: Tenure, access: Access, place: str) -> None:
    """Housekeeping's turn: go on with what is planned, and see whether what was written still stands.

    Raises what ``Tenure.still`` raises.
    """
    await bring(_spot(held, access, place))


def _spot(held: Tenure, access: Access, place: str) -> _Spot:
    stored = held.stored
    return _Spot(held.world, held.fenced(access), stored.person_id, stored.space_id, place, held)


async def _replanned(world: World, stored: StoredConsent, run_id: str) -> str | None:
    """The name of the place once the newest intent is planned; none where there are no signposts."""
    async with world.store.transaction() as tx:
        await tx.signposts.alone(stored.person_id, stored.space_id)
        place = await tx.signposts.place(stored.person_id, stored.record.result_container)
        if await tx.signposts.one(stored.person_id, stored.space_id, place, Kind.INDEX) is None:
            return None
        return await _plan(world, tx, stored, run_id)


async def bring(spot: _Spot) -> None:
    """Both signposts to what is planned; a pod's fault leaves one planned.

    What was seen to stand there is settled, whatever the pod answered; a write without an answer is in doubt.
    """
    in_doubt, holder = False, spot.holder
    try:
        for kind in (Kind.INDEX, Kind.LATEST):
            holder.unanswered = False
            try:
                await _bring(spot, kind)
            except PodFault:
                in_doubt |= holder.unanswered
            else:
                holder.unanswered = False
    finally:
        holder.unanswered |= in_doubt


async def _plan(world: World, tx: Transaction, stored: StoredConsent, run_id: str) -> str:
    """The intents of both, in the transaction that decides; the name of the place."""
    record, person_id, space_id = stored.record, stored.person_id, stored.space_id
    await tx.signposts.alone(person_id, space_id)  # or the intent of somebody else would be forgotten as ours
    container, language = record.result_container, record.notice_language
    agreement = await tx.spaces.agreement(record.agreement_digest)
    place, listed = await tx.signposts.place(person_id, container), await _listed(tx, stored)
    title = agreement.title.get(language, agreement.space)
    for kind in Kind:
        target = written.address(container, space_id, kind)
        content = written.content(kind, container, space_id, title, language, listed)
        before = await tx.signposts.one(person_id, space_id, place, kind)
        sign = planned(before, kind, target, content, _sha256(content))
        if sign != before:
            await tx.signposts.put(
                person_id,
                space_id,
                place,
                sign,
                consent_id=record.consent_id,
                run_id=run_id,
                now=world.clock.now(),
            )
    await tx.signposts.look_next(person_id, space_id, place, world.clock.now() + _PATIENCE)
    return place


async def _listed(tx: Transaction, stored: StoredConsent) -> tuple[Listed, ...]:
    """Every result of the person in this space and container that the pod was seen to hold, oldest first."""
    found: list[Listed] = []
    for one in await tx.consents.of_person(stored.person_id):
        record = one.record
        if one.space_id != stored.space_id or record.result_container != stored.record.result_container:
            continue
        purpose = (await tx.spaces.agreement(record.agreement_digest)).purpose(record.purpose)
        title = purpose.title.get(stored.record.notice_language) or purpose.id
        rows = await tx.results.of_consent(one.person_id, record.consent_id)
        found += [
            Listed(row.delivery.target, purpose.id, title, row.planned, record.iri, row.invalidated)
            for row in rows
            if row.state is DeliveryState.WRITTEN
        ]
    return tuple(sorted(found, key=lambda one: (one.at, one.url)))


async def _bring(spot: _Spot, kind: Kind) -> None:
    """One signpost to the newest intent. Raises pod faults, which leave it planned.

    Whatever the pod answered to a write, what it holds is read back once: a 500 may have stored it.
    """
    fault: PodFault | None = None
    for left in reversed(range(ROUNDS + 1)):
        async with spot.world.store.transaction() as tx:
            sign = await tx.signposts.one(spot.person_id, spot.space_id, spot.place, kind)
        if sign is None or sign.state.is_left_alone:
            return
        try:
            # Written for the first time it is created at once: a conflict tells that something is there.
            found = None if left == ROUNDS and _is_new(sign) else await _read(spot, sign)
        except (PodUnreadable, FetchTooLarge):
            await _record(spot, sign, SignState.DISPUTED)
            return
        seen = _seen(sign, found)
        if seen is not None:
            await _record(spot, sign, seen)
            return
        if fault is not None or not left:
            raise fault or PodConflict("it changed at every attempt")
        try:
            await _send(spot, sign, found)
        except PodConflict:
            continue
        except PodFault as refusal:
            fault = refusal


def _is_new(sign: Signpost) -> bool:
    return len(sign.ours) == 1 and bool(sign.content) and sign.state is SignState.PLANNED


def _seen(sign: Signpost, found: Document | None) -> SignState | None:
    """What the pod was seen to hold, if that settles it; none while there is something to send."""
    if found is None:
        if not sign.content:
            return SignState.REMOVED
        return SignState.GONE if sign.stood or sign.state is SignState.WRITTEN else None
    sha256 = _sha256(found.content)
    if sha256 == sign.sha256 and sign.content:
        return SignState.WRITTEN
    return None if sha256 in sign.ours else SignState.DISPUTED


async def _read(spot: _Spot, sign: Signpost) -> Document | None:
    limit = spot.world.settings.pull.max_resource_bytes
    await spot.holder.still()
    try:
        return await spot.world.pods.read(spot.access, sign.target, max_bytes=limit)
    except PodNotFound:
        return None


async def _send(spot: _Spot, sign: Signpost, found: Document | None) -> None:
    pods, access, target = spot.world.pods, spot.access, sign.target
    await spot.holder.still()
    if found is None:
        await spot.holder.answered(pods.create(access, target, sign.content, MEDIA_TYPE))
    elif sign.content:
        await spot.holder.answered(pods.replace(access, target, sign.content, MEDIA_TYPE, found.etag))
    else:
        await spot.holder.answered(pods.remove(access, target, found.etag))


async def _record(spot: _Spot, seen: Signpost, state: SignState) -> None:
    """Unless a newer intent was planned meanwhile: then whoever planned it goes on from there."""
    now = spot.world.clock.now()
    usual = timedelta(hours=spot.world.settings.worker.reconcile_hours)
    later = now + pause(usual, spot.place, seen.kind, now)
    async with spot.world.store.transaction() as tx:
        current = await tx.signposts.one(spot.person_id, spot.space_id, spot.place, seen.kind)
        if current is None or current.sha256 != seen.sha256:
            return
        await tx.signposts.resolve(spot.person_id, spot.space_id, spot.place, seen.kind, state, now, later)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
