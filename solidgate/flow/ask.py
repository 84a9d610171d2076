"""Ask: one person's request under the current terms, bound to what is really in their pod."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from solidgate.consent.request import AskedResource, ConsentRequest
from solidgate.errors import RequestAnswered
from solidgate.flow import space
from solidgate.flow.find import Found, find
from solidgate.flow.space import SpaceView
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.space.purpose import Purpose

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


async def ask(world: World, session: Session, token: str) -> str:
    """The id of this person's request, made from an invitation or found again.

    After a no to everything it is the answered one for ``consent.reask_days``, also under changed terms: only
    the person asks to look anew, by ``ask_again``.

    Raises ``InvitationInvalid SpaceClosed NoStorage`` and pod faults. Looks whether documents are there, with
    the person's own session: by HEAD where the terms name a path, else as ``find`` does.
    """
    async with world.store.transaction() as tx:
        space_id = await tx.spaces.invited_to(token, world.clock.now(), used_up=True)
        view = await space.view(world, tx, space_id)
        space.require_open(view)
        # Under the lock, so that the same person's other call has either not used the invitation, or is seen.
        await tx.requests.alone(session.person_id, space_id)
        known = await _known(world, tx, session, view) or await _refused_lately(world, tx, session, view)
        if known is None:
            await tx.spaces.invited_to(token, world.clock.now())
    if known is not None:
        return known
    request = await make_request(world, session, view, uuid.uuid4().hex)
    async with world.store.transaction() as tx:
        await tx.requests.alone(session.person_id, space_id)
        known = await _known(world, tx, session, view) or await _refused_lately(world, tx, session, view)
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


async def _refused_lately(world: World, tx: Transaction, session: Session, view: SpaceView) -> str | None:
    days = timedelta(days=world.settings.consent.reask_days)
    return await tx.requests.refused_since(session.person_id, view.space_id, world.clock.now() - days)


async def make_request(
    world: World, session: Session, view: SpaceView, request_id: str, storage: str = ""
) -> ConsentRequest:
    """The request as the pod stands now, for the purposes that have documents which no yes names.

    Bound to the ``storage`` that the person chose; one alone needs no choice. Raises ``RequestAnswered`` when
    there is no such purpose: a second yes to the same would only hide the first.
    """
    now = world.clock.now()
    storages = await world.pods.storages(session.webid, session.access)
    chosen = storage if storage in storages else storages[0] if len(storages) == 1 else ""
    bare = ConsentRequest(
        request_id=request_id,
        space_id=view.space_id,
        data_subject=session.webid,
        agreement_digest=view.agreement_digest,
        storage=chosen,
        resources=(),
        result_container=chosen + view.agreement.result_container if chosen else "",
        created=now,
        answers_by=now + timedelta(days=world.settings.consent.answer_days),
        storages=storages,
    )
    return await _bound(world, session, view, bare)


async def _bound(world: World, session: Session, view: SpaceView, bare: ConsentRequest) -> ConsentRequest:
    """The request with what is asked of its storage; without a storage nothing is asked yet."""
    held, purposes = await _held(world, session, view), view.agreement.purposes
    if not bare.storage:
        return bare
    needs = [need for purpose in purposes for need in purpose.needs]
    there = await _there(world, session, bare.storage, {need.path for need in needs if not need.is_found})
    found = await find(world, session, bare.storage, view.agreement, needs)
    asked = {purpose.id: _asked(bare.storage, purpose, there, found) for purpose in purposes}
    asked = {name: one for name, one in asked.items() if not _covered(held.get(name), one)}
    if not asked:
        raise RequestAnswered()
    return dataclasses.replace(bare, resources=tuple(asked.items()), looked=found.looked)


def _asked(
    storage: str, purpose: Purpose, there: Mapping[str, bool], found: Found
) -> tuple[AskedResource, ...]:
    asked: list[AskedResource] = []
    for need in purpose.needs:
        if need.is_found:
            asked += found.resources[need.key]
        else:
            asked.append(AskedResource(storage + need.path, need.path, need.required, there[need.path]))
    return tuple(asked)


def _covered(held: frozenset[str] | None, asked: tuple[AskedResource, ...]) -> bool:
    """Whether a yes that holds names every document that is there; one that is gone needs no new yes."""
    return held is not None and held.issuperset(one.url for one in asked if one.found)


async def _held(world: World, session: Session, view: SpaceView) -> dict[str, frozenset[str]]:
    """The purposes that have a yes to these terms, each with the documents that it names."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        newest = await tx.consents.newest_of_purposes(session.person_id, view.space_id)
        held = {
            purpose: one.consent_id
            for purpose, one in newest.items()
            # A yes to other terms is about to be revoked: by their change, or by the answer to these.
            if one.agreement_digest == view.agreement_digest and one.at(now).valid_for_processing
        }
        return {
            purpose: frozenset((await tx.consents.one(consent_id)).record.resources)
            for purpose, consent_id in held.items()
        }


async def _there(world: World, session: Session, storage: str, paths: Collection[str]) -> dict[str, bool]:
    states = await asyncio.gather(*(world.pods.state(session.access, storage + path) for path in paths))
    return {path: state.is_document for path, state in zip(paths, states, strict=True)}


async def refreshed(
    world: World, session: Session, view: SpaceView, request: ConsentRequest
) -> ConsentRequest:
    """The request under the current terms: made anew when they changed, when something that it asks has a yes
    by now, or when documents were missing.

    Documents that have to be found are looked for again only when the person asks for it: it costs the pod.
    """
    held = await _held(world, session, view)
    asked = dict(request.resources)
    still_open = all(not _covered(held.get(name), one) for name, one in asked.items())
    if request.agreement_digest != view.agreement_digest or not still_open:
        return await look_again(world, session, view, request)
    paths = {one.path for each in asked.values() for one in each if not one.found and not one.need}
    if not paths:
        return request
    there = await _there(world, session, request.storage, paths)
    resources = tuple((name, tuple(_seen(one, there) for one in each)) for name, each in asked.items())
    return dataclasses.replace(request, resources=resources)


def _seen(asked: AskedResource, there: Mapping[str, bool]) -> AskedResource:
    return asked if asked.need else dataclasses.replace(asked, found=there.get(asked.path, asked.found))


async def look_again(
    world: World, session: Session, view: SpaceView, request: ConsentRequest, storage: str = ""
) -> ConsentRequest:
    """The same request, made anew from the pod as it is now, at this storage or the one chosen before."""
    made = await make_request(world, session, view, request.request_id, storage or request.storage)
    return dataclasses.replace(
        made, created=request.created, answers_by=max(made.answers_by, request.answers_by)
    )
