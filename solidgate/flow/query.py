"""Query: a guarded SPARQL query over the derived graphs of people whose consent holds now."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.errors import QueryLimit
from solidgate.flow import space
from solidgate.flow.world import World
from solidgate.identity.login import Caller
from solidgate.query.dataset import dataset
from solidgate.query.guard import guard
from solidgate.query.results import Answer, ResultFormat
from solidgate.sandbox.limits import Limits
from solidgate.space.participant import Role

_GRACE_SECONDS = 2


async def query(
    world: World, caller: Caller, space_id: str, text: str, accept: Sequence[ResultFormat]
) -> Answer:
    """The whole answer, for a data consumer of the space; logged before it is given.

    The dataset is built for this query from what may be seen now; there is nothing else in the process that
    answers it. Raises ``SpaceNotFound RoleMissing SpaceClosed QueryInvalid QueryRefused QueryLimit``.
    """
    settings = world.settings.query
    world.brake.check()
    guard(text, max_bytes=settings.max_query_bytes, max_depth=settings.max_depth)
    async with world.store.transaction() as tx:
        view = await space.view(world, tx, space_id)
        space.require_role(view, caller, Role.DATA_CONSUMER)
        space.require_open(view)
        graphs = await tx.results.visible(space_id, world.clock.now())
        await tx.trail.append(_entry(world, space_id, text, len(graphs)))
    content = dataset((row.graph, row.content) for row in graphs)
    limits = Limits(settings.cpu_seconds, settings.wall_seconds, settings.memory_bytes, settings.answer_bytes)
    # The name is of exactly these bytes, so a store that is kept ready can never answer for another view.
    view_name = hashlib.sha256(content).hexdigest()
    try:
        # The sandbox bounds the query itself; this also bounds the wait for a place, since a withdrawal that
        # came in between relies on the whole ending in its time.
        async with asyncio.timeout(settings.wall_seconds + _GRACE_SECONDS):
            return await world.sandbox.query(content, text, accept, limits, view=view_name)
    except TimeoutError as late:
        raise QueryLimit("query.wall_seconds") from late


def _entry(world: World, space_id: str, text: str, graphs: int) -> AuditEntry:
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    objects = (space_id, digest, f"graphs:{graphs}")
    return AuditEntry(Action.QUERY_ADMITTED, world.clock.now(), "data_consumer", objects, Outcome.DONE)
