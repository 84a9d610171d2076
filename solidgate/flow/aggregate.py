"""The group's result: from conformant graphs of people whose consent holds now, and of enough of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.derived.conform import RawOutput
from solidgate.derived.disclosure import require_group, suppress_small_cells
from solidgate.errors import EpochPassed, SolidgateError
from solidgate.flow import space
from solidgate.flow.journey import Enclave
from solidgate.flow.run import sandbox_limits
from solidgate.flow.validate import validate
from solidgate.flow.world import World
from solidgate.run.delivery import DerivedRow
from solidgate.sandbox.limits import RunContext

ATTEMPTS = 3
"""How often a group's result is made before it is given up because people keep leaving."""


async def aggregate(enclave: Enclave, run_id: str) -> None:
    """Make and release the result about the group for a finished run, or record why there is none."""
    world = enclave.world
    try:
        await _release(world, run_id)
    except SolidgateError as fault:
        async with world.store.transaction() as tx:
            await tx.trail.append(
                AuditEntry(
                    Action.AGGREGATE_REFUSED,
                    world.clock.now(),
                    "enclave",
                    (run_id, fault.code),
                    Outcome.REFUSED,
                )
            )


async def _release(world: World, run_id: str) -> None:
    """Make it anew when a contributor's consent ended meanwhile; raises ``EpochPassed`` when that goes on."""
    for _ in range(ATTEMPTS):
        if await _made(world, run_id):
            return
    raise EpochPassed()


async def _made(world: World, run_id: str) -> bool:
    """Whether nothing is left to do; false when the group changed before its result could be released."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        run = await tx.runs.one(run_id)
        agreement = await tx.spaces.agreement(run.agreement_digest)
        program = await space.approved_program(tx, run.space_id, run.agreement_digest)
        graphs = _by_person(await tx.results.visible(run.space_id, now, run_id=run_id))
    if not program.manifest.aggregate:
        return True
    require_group(len(graphs), agreement.min_group_size)
    subject = f"{world.space_iri(run.space_id)}/runs/{run_id}/aggregate"
    begun = program.manifest.time(run.created.isoformat())
    context = RunContext(begun, subject, dict(agreement.parameters))
    content = await world.sandbox.aggregate(program, graphs, context, sandbox_limits(world))
    raw = RawOutput(suppress_small_cells(content, agreement.min_group_size, len(graphs)), subject)
    shapes_path = program.manifest.aggregate_shapes
    graph = await validate(world, program, raw, shapes_path, agreement.aggregate_shape)
    async with world.store.transaction() as tx:
        # The shared locks keep withdrawals out until this commits: what is released counts nobody who left.
        await tx.results.hold(run_id)
        held = await tx.results.visible(run.space_id, world.clock.now(), run_id=run_id)
        if _by_person(held) != graphs:
            return False
        await tx.results.release(run.space_id, run_id, graph.content, len(graphs), now)
        await tx.trail.append(
            AuditEntry(Action.AGGREGATE_RELEASED, now, "enclave", (run_id, graph.digest), Outcome.DONE)
        )
    return True


def _by_person(rows: Sequence[DerivedRow]) -> list[bytes]:
    """One document for each person: neither a second purpose nor a second account makes two of somebody.

    Graphs of one account are about one subject and become one document; of two accounts the first counts.
    """
    people: dict[bytes, DerivedRow] = {}
    for row in rows:
        known = people.setdefault(row.person, row)
        if known is not row and known.graph == row.graph:
            people[row.person] = replace(known, content=known.content + row.content)
    return [row.content for row in people.values()]
