"""Signpost: bring the two documents that lead to a person's results to what the results are now.

1. The intent (bytes, digest, address) is committed before anything is sent, with everything planned before.
2. Each is brought as ``flow.bring`` says: what is not ours is never touched.

A signpost never decides what becomes of a run: what a pod's fault left undone is done by housekeeping. What
leads to a result that was just made goes the short way of ``flow.lead``, where nothing has come between.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from solidgate.consent.stored import StoredConsent
from solidgate.derived import signpost as written
from solidgate.errors import SolidgateError
from solidgate.flow.bring import PATIENCE, Holder, Spot, bring_all
from solidgate.flow.same import sha256_of
from solidgate.flow.step import Step
from solidgate.flow.tenure import Tenure
from solidgate.flow.world import World
from solidgate.ports import Access
from solidgate.run.delivery import DeliveryState
from solidgate.run.signpost import Kind, Listed, planned

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


async def after_result(step: Step, access: Access) -> None:
    """Lead to a result that was just published, the long way: under its step's lease, decided anew."""
    with suppress(SolidgateError):  # the result stands; what is missing here stays planned
        async with step.world.store.transaction() as tx:
            await step.recheck(tx)
            place = await _plan(step.world, tx, step.held.stored, step.run.run_id)
        await bring_all(Spot(step.world, access, step.person_id, step.run.space_id, place, step))


async def afresh(world: World, access: Access, stored: StoredConsent, holder: Holder) -> None:
    """Follow, as the person, what became of the results: invalid by a withdrawal, removed, gone.

    Only where there are signposts already: nothing new is written into a pod for this.
    """
    place = await _replanned(world, stored, "")
    if place is not None:
        await bring_all(Spot(world, access, stored.person_id, stored.space_id, place, holder))


async def follow(held: Tenure, access: Access, run_id: str) -> None:
    """The same as the space, for a consent that holds. Raises what ``Tenure.still`` raises."""
    await held.still()
    place = await _replanned(held.world, held.stored, run_id)
    if place is not None:
        await bring_all(_spot(held, access, place))


async def look_again(held: Tenure, access: Access, place: str) -> None:
    """Housekeeping's turn: go on with what is planned, and see whether what was written still stands.

    Raises what ``Tenure.still`` raises.
    """
    await bring_all(_spot(held, access, place))


def _spot(held: Tenure, access: Access, place: str) -> Spot:
    stored = held.stored
    return Spot(held.world, held.fenced(access), stored.person_id, stored.space_id, place, held)


async def _replanned(world: World, stored: StoredConsent, run_id: str) -> str | None:
    """The name of the place once the newest intent is planned; none where there are no signposts."""
    async with world.store.transaction() as tx:
        await tx.signposts.alone(stored.person_id, stored.space_id)
        place = await tx.signposts.place(stored.person_id, stored.record.result_container)
        if await tx.signposts.one(stored.person_id, stored.space_id, place, Kind.INDEX) is None:
            return None
        return await _plan(world, tx, stored, run_id)


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
        sign = planned(before, kind, target, content, sha256_of(content))
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
    await tx.signposts.look_next(person_id, space_id, place, world.clock.now() + PATIENCE)
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
