"""Ask: one person's request under the current terms, bound to what is really in their pod."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from solidgate.consent.request import AskedResource, ConsentRequest
from solidgate.errors import RequestAnswered
from solidgate.flow import space
from solidgate.flow.space import SpaceView
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.space.purpose import Purpose, ResourceNeed

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


async def ask(world: World, session: Session, token: str) -> str:
    """The id of this person's request, made from an invitation or found again.

    Raises ``InvitationInvalid SpaceClosed NoStorage`` and pod faults. Looks whether documents are there
    (HEAD), with the person's own session; reads none.
    """
    async with world.store.transaction() as tx:
        space_id = await tx.spaces.invited_to(token, world.clock.now(), used_up=True)
        view = await space.view(world, tx, space_id)
        space.require_open(view)
        # Under the lock, so that the same person's other call has either not used the invitation, or is seen.
        await tx.requests.alone(session.person_id, space_id)
        known = await _known(world, tx, session, view)
        if known is None:
            await tx.spaces.invited_to(token, world.clock.now())
    if known is not None:
        return known
    request = await make_request(world, session, view, uuid.uuid4().hex)
    async with world.store.transaction() as tx:
        await tx.requests.alone(session.person_id, space_id)
        known = await _known(world, tx, session, view)
        if known is not None:
            return known
        await tx.spaces.invited_to(token, world.clock.now(), use=True)
        await tx.requests.put(session.person_id, request)
    return request.request_id


async def ask_again(world: World, session: Session, space_id: str) -> str:
    """A request under the terms that hold now, for somebody who answered before and may decide anew."""
    async with world.store.transaction() as tx:
        view = await space.view(world, tx, space_id)
        space.require_open(view)
        await tx.requests.answered_before(session.person_id, space_id)
    request = await make_request(world, session, view, uuid.uuid4().hex)
    async with world.store.transaction() as tx:
        await tx.requests.alone(session.person_id, space_id)
        known = await _known(world, tx, session, view, unanswered=True)
        if known is not None:
            return known
        await tx.requests.put(session.person_id, request)
    return request.request_id


async def _known(
    world: World, tx: Transaction, session: Session, view: SpaceView, *, unanswered: bool = False
) -> str | None:
    now, digest = world.clock.now(), view.agreement_digest
    return await tx.requests.open_one(session.person_id, view.space_id, digest, now, unanswered=unanswered)


async def make_request(world: World, session: Session, view: SpaceView, request_id: str) -> ConsentRequest:
    """The request as the pod stands now, for the purposes that have no yes yet.

    Raises ``RequestAnswered`` when there are none: a second yes to the same would only hide the first.
    """
    now = world.clock.now()
    purposes = await _open_purposes(world, session, view)
    storage = (await world.pods.storages(session.webid, session.access))[0]
    found = await _found(world, session, storage, purposes)
    return ConsentRequest(
        request_id=request_id,
        space_id=view.space_id,
        data_subject=session.webid,
        agreement_digest=view.agreement_digest,
        storage=storage,
        resources=tuple(
            (purpose.id, tuple(_asked(storage, need, found) for need in purpose.needs))
            for purpose in purposes
        ),
        result_container=storage + view.agreement.result_container,
        created=now,
        answers_by=now + timedelta(days=world.settings.consent.answer_days),
    )


def _asked(storage: str, need: ResourceNeed, found: Mapping[str, bool]) -> AskedResource:
    return AskedResource(storage + need.path, need.path, need.required, found[need.path])


async def _open_purposes(world: World, session: Session, view: SpaceView) -> tuple[Purpose, ...]:
    async with world.store.transaction() as tx:
        newest = await tx.consents.newest_of_purposes(session.person_id, view.space_id)
    now = world.clock.now()
    held = {
        purpose
        for purpose, one in newest.items()
        # A yes to other terms is about to be revoked, by the change of the terms or by the answer to these.
        if one.agreement_digest == view.agreement_digest and one.at(now).valid_for_processing
    }
    purposes = tuple(purpose for purpose in view.agreement.purposes if purpose.id not in held)
    if not purposes:
        raise RequestAnswered()
    return purposes


async def _found(
    world: World, session: Session, storage: str, purposes: tuple[Purpose, ...]
) -> dict[str, bool]:
    paths = sorted({need.path for purpose in purposes for need in purpose.needs})
    states = await asyncio.gather(*(world.pods.state(session.access, storage + path) for path in paths))
    return {path: state.exists for path, state in zip(paths, states, strict=True)}


async def refreshed(
    world: World, session: Session, view: SpaceView, request: ConsentRequest
) -> ConsentRequest:
    """The request under the current terms: made anew when they changed, when documents were missing, or when
    something that it asks has a yes by now."""
    complete = all(one.found for _, asked in request.resources for one in asked)
    still_open = {purpose.id for purpose in await _open_purposes(world, session, view)}
    complete = complete and still_open.issuperset(purpose_id for purpose_id, _ in request.resources)
    if request.agreement_digest == view.agreement_digest and complete:
        return request
    made = await make_request(world, session, view, request.request_id)
    return dataclasses.replace(
        made, created=request.created, answers_by=max(made.answers_by, request.answers_by)
    )
