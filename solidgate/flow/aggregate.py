"""The group's result: from conformant graphs of people whose consent holds now, and of enough of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solidgate.algorithm.manifest import Program
from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.derived.conform import ConformantGraph, RawOutput
from solidgate.derived.disclosure import require_distance, require_group, suppress_small_cells
from solidgate.errors import GroupChanged, SandboxLimit, SolidgateError, StoreUnavailable
from solidgate.flow import space
from solidgate.flow.fenced import OWN_SHARE, TAKE_OVER_SECONDS, clock
from solidgate.flow.groups import Groups
from solidgate.flow.journey import Enclave
from solidgate.flow.run import sandbox_limits
from solidgate.flow.validate import validate
from solidgate.flow.world import World
from solidgate.run.delivery import DerivedRow
from solidgate.run.state import RunRow
from solidgate.sandbox.limits import RunContext
from solidgate.space.agreement import Agreement

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

ATTEMPTS = 3
"""How often a group's result is made before it is given up because people keep leaving."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Whose graphs the result is made from, under leases that end at ``until`` by our own clock."""

    run: RunRow
    agreement: Agreement
    program: Program
    rows: tuple[DerivedRow, ...]
    fences: tuple[int, ...]
    until: float

    @property
    def graphs(self) -> list[bytes]:
        """One document for each person."""
        return _by_person(self.rows)

    @property
    def consents(self) -> tuple[str, ...]:
        """The consents behind the graphs."""
        return tuple(row.consent_id for row in self.rows)


async def aggregate(enclave: Enclave, run_id: str, groups: Groups | None = None) -> None:
    """Make and release the result about the group for a finished run, or record why there is none.

    ``groups`` hears of withdrawals while it is made. Raises ``StoreUnavailable``: nobody's fault.
    """
    world = enclave.world
    try:
        await _release(world, run_id, groups or Groups())
    except StoreUnavailable:
        raise
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


async def _release(world: World, run_id: str, groups: Groups) -> None:
    """Make it anew when somebody in it left meanwhile; raises ``GroupChanged`` when that goes on."""
    for _ in range(ATTEMPTS):
        with suppress(GroupChanged):
            return await _attempt(world, run_id, groups)
    raise GroupChanged()


async def _attempt(world: World, run_id: str, groups: Groups) -> None:
    """One attempt, under a lease on every consent in it: a withdrawal ends it, and waits for that."""
    world.brake.check()
    group = await _gathered(world, run_id)
    if group is None:
        return
    try:
        async with asyncio.timeout_at(group.until):
            graph = await groups.carry(group.consents, _made(world, group))
            await _released(world, group, graph)
    except TimeoutError as late:
        raise SandboxLimit("the group's result took longer than worker.lease_seconds") from late
    finally:
        await asyncio.shield(_give_back(world, group))


async def _gathered(world: World, run_id: str) -> _Group | None:
    """The group as it consents now, with its leases; none when its program says nothing about groups."""
    while True:
        begin, seconds = clock(), world.settings.worker.lease_seconds
        async with world.store.transaction() as tx:
            run = await tx.runs.one(run_id)
            agreement = await tx.spaces.agreement(run.agreement_digest)
            program = await space.approved_program(tx, run.space_id, run.agreement_digest)
            if not program.manifest.aggregate or await tx.results.released(run_id):
                return None
            await tx.results.hold(run_id)
            rows = await tx.results.visible(run.space_id, world.clock.now(), run_id=run_id)
            require_group(len(_by_person(rows)), agreement.min_group_size)
            await _check_distance(tx, run.space_id, rows, agreement.min_group_size)
            fences = await tx.leases.take_group(run_id, [row.consent_id for row in rows], seconds)
        if fences:
            return _Group(run, agreement, program, rows, fences, begin + seconds * OWN_SHARE)
        # Somebody else makes it, or died while making it: then the leases lapse by themselves.
        await asyncio.sleep(TAKE_OVER_SECONDS)


async def _check_distance(tx: Transaction, space_id: str, rows: Sequence[DerivedRow], minimum: int) -> None:
    """Asked before the result is made, to spare it, and where it is released: another run may be quicker."""
    people = {row.person for row in rows}
    require_distance(len(people), await tx.results.released_groups(space_id, people), minimum)


async def _made(world: World, group: _Group) -> ConformantGraph:
    run, agreement, program, graphs = group.run, group.agreement, group.program, group.graphs
    subject = f"{world.space_iri(run.space_id)}/runs/{run.run_id}/aggregate"
    begun = program.manifest.time(run.created.isoformat())
    context = RunContext(begun, subject, dict(agreement.parameters))
    content = await world.sandbox.aggregate(program, graphs, context, sandbox_limits(world))
    raw = RawOutput(suppress_small_cells(content, agreement.min_group_size, len(graphs)), subject)
    return await validate(world, program, raw, program.manifest.aggregate_shapes, agreement.aggregate_shape)


async def _released(world: World, group: _Group, graph: ConformantGraph) -> None:
    run, now = group.run, world.clock.now()
    async with world.store.transaction() as tx:
        # The shared locks keep withdrawals out until this commits: what is released counts nobody who left.
        await tx.results.hold(run.run_id)
        if await tx.results.visible(run.space_id, now, run_id=run.run_id) != group.rows:
            raise GroupChanged()
        await _check_distance(tx, run.space_id, group.rows, group.agreement.min_group_size)
        await tx.results.release(run.space_id, run.run_id, graph.content, len(group.graphs), now)
        await tx.trail.append(
            AuditEntry(Action.AGGREGATE_RELEASED, now, "enclave", (run.run_id, graph.digest), Outcome.DONE)
        )


async def _give_back(world: World, group: _Group) -> None:
    with suppress(StoreUnavailable):  # without the database the leases lapse by themselves
        async with world.store.transaction() as tx:
            await tx.leases.release(*group.fences)


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
