"""Rerun: a run over those whose documents changed, or over everybody when the schedule says so.

What waits is a row for each consent. One open run is all that a space may have; whoever is wanted meanwhile
waits for its end, and then comes in one run, never in two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solidgate.errors import AlgorithmNotApproved, AlgorithmNotFound, RunOpen, SolidgateError
from solidgate.flow import run as running
from solidgate.flow import space
from solidgate.flow.each import each
from solidgate.flow.finish import RERUN_TASK
from solidgate.flow.world import World
from solidgate.run.schedule import due
from solidgate.space.rerun import is_schedule

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

BATCH = 100
ACTOR = "system"


async def want(world: World, tx: Transaction, consent_id: str, space_id: str) -> None:
    """A run is wanted for this consent, in this transaction."""
    await tx.reruns.want(consent_id, space_id, world.clock.now())
    await tx.jobs.defer(RERUN_TASK, {"space_id": space_id})


async def again(world: World, space_id: str) -> str | None:
    """A run over everybody who is wanted and whose consent holds; its id, or none when none can begin now.

    While another run is open nothing is lost: its end asks again.
    """
    world.brake.check()
    async with world.store.transaction() as tx:
        row = await tx.spaces.one(space_id, lock=True)
        wanted = await tx.reruns.wanted(space_id)
        holding = await tx.consents.holding(space_id, world.clock.now()) if row.state == "open" else ()
        chosen = {consent_id for consent_id, _ in holding} & set(wanted)
        if not chosen:
            await tx.reruns.granted(wanted)
            return None
        try:
            view = await space.view(world, tx, space_id)
            run_id = await running.create(world, tx, view, ACTOR, chosen)
        except (RunOpen, AlgorithmNotApproved, AlgorithmNotFound):
            return None
        await tx.reruns.granted(wanted)
    return run_id


async def scheduled(world: World, space_id: str) -> str | None:
    """A run over everybody, when the schedule of the space says that it is time; its id.

    However many times were missed, it is one run. Nobody's consent means no run.
    """
    world.brake.check()
    now = world.clock.now()
    async with world.store.transaction() as tx:
        row = await tx.spaces.one(space_id, lock=True)
        view = await space.view(world, tx, space_id)
        if row.state != "open" or not is_schedule(view.agreement.rerun):
            return None
        newest = await tx.runs.of_space(space_id, 1)
        since = newest[0].created if newest else await tx.spaces.agreed(view.agreement_digest)
        people = await tx.consents.holding(space_id, now)
        if due(view.agreement.rerun, since) > now or not people:
            return None
        try:
            return await running.create(world, tx, view, ACTOR)
        except (RunOpen, AlgorithmNotApproved, AlgorithmNotFound):
            return None


async def see_to(world: World) -> int:
    """What housekeeping does: runs that are wanted and were not begun, and those that a schedule names."""
    async with world.store.transaction() as tx:
        waiting = await tx.reruns.spaces(BATCH)
        timed = [one for one in await tx.spaces.ids("open") if await _is_timed(tx, one)]
    begun = await each(waiting, lambda one: again(world, one), "rerun.failed")
    return begun + await each(timed, lambda one: scheduled(world, one), "rerun.failed")


async def _is_timed(tx: Transaction, space_id: str) -> bool:
    try:
        row = await tx.spaces.one(space_id)
        return is_schedule((await tx.spaces.agreement(row.agreement_digest)).rerun)
    except SolidgateError:
        return False  # one space that cannot be read holds up none of the others
