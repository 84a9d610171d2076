"""Lost: runs that no job carries any more, given up or gone, come to their end all the same."""

from __future__ import annotations

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.errors import RunGivenUp
from solidgate.flow.each import each
from solidgate.flow.finish import finish
from solidgate.flow.run import BATCH_TASK
from solidgate.flow.world import World
from solidgate.run.state import PartState

BATCH = 50


async def end_lost(world: World) -> int:
    """End what such runs left under way, and let them finish; how many runs."""
    async with world.store.transaction() as tx:
        lost = await tx.runs.lost(BATCH_TASK, BATCH)
    return await each(lost, lambda run_id: _end(world, run_id), "run.not-ended")


async def _end(world: World, run_id: str) -> None:
    now, code = world.clock.now(), RunGivenUp.code
    async with world.store.transaction() as tx:
        for consent_id in await tx.runs.end_parts(run_id, PartState.FAILED, now, code):
            objects = (run_id, consent_id, code)
            await tx.trail.append(AuditEntry(Action.RESULT_REFUSED, now, "system", objects, Outcome.REFUSED))
        await finish(world, tx, run_id)
