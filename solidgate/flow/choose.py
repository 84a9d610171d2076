"""Choose: in which of several pods the documents are, and looking once more for what was not there.

Both make the same request anew from the pod as it is now; an answered request stays as it was answered.
"""

from __future__ import annotations

from solidgate.consent.request import ConsentRequest
from solidgate.errors import RequestAnswered, StorageNotChosen, StorageNotYours
from solidgate.flow import ask as asking
from solidgate.flow import space
from solidgate.flow.world import World
from solidgate.identity.login import Session


async def storages(world: World, session: Session, request_id: str) -> tuple[tuple[str, ...], str]:
    """The pods that this request can be about, and the one chosen so far (empty: none).

    Raises ``RequestNotFound RequestAnswered``.
    """
    request = await _open(world, session, request_id)
    return request.storages or (request.storage,), request.storage


async def choose(world: World, session: Session, request_id: str, storage: str) -> ConsentRequest:
    """Bind the request to one of the person's own pods, and look there for what is asked.

    Raises ``RequestNotFound RequestAnswered StorageNotYours`` and pod faults.
    """
    request = await _open(world, session, request_id)
    if storage not in await world.pods.storages(session.webid, session.access):
        raise StorageNotYours()
    return await _look(world, session, request, storage)


async def look(world: World, session: Session, request_id: str) -> ConsentRequest:
    """Look again for the documents.

    Raises ``RequestNotFound RequestAnswered StorageNotChosen`` and pod faults.
    """
    request = await _open(world, session, request_id)
    if not request.storage:
        raise StorageNotChosen()
    return await _look(world, session, request, request.storage)


async def _open(world: World, session: Session, request_id: str) -> ConsentRequest:
    async with world.store.transaction() as tx:
        request, answered = await tx.requests.one(request_id, session.person_id)
    if answered:
        raise RequestAnswered()
    return request


async def _look(world: World, session: Session, request: ConsentRequest, storage: str) -> ConsentRequest:
    async with world.store.transaction() as tx:
        view = await space.view(world, tx, request.space_id)
    space.require_open(view)
    made = await asking.look_again(world, session, view, request, storage)
    async with world.store.transaction() as tx:
        await tx.requests.update(session.person_id, made)
    return made
