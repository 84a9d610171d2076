"""How a run comes to its end, for everything that can end the last of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solidgate.flow.world import World

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

AGGREGATE_TASK = "solidgate.aggregate"
STOP_CHANNEL = "solidgate_stop"
RERUN_TASK = "solidgate.rerun"


async def finish(world: World, tx: Transaction, run_id: str) -> None:
    """Finish a run whose parts are all final, and let the group's result be made, once."""
    if await tx.runs.finish_if_done(run_id, world.clock.now()):
        await tx.jobs.defer(AGGREGATE_TASK, {"run_id": run_id})
        await follow(tx, run_id)


async def follow(tx: Transaction, run_id: str) -> None:
    """The place of an ended run is free: let those have it for whom a run is wanted."""
    space_id = (await tx.runs.one(run_id)).space_id
    if await tx.reruns.is_wanted(space_id):
        await tx.jobs.defer(RERUN_TASK, {"space_id": space_id})
