"""Run: the one approved program on one person's documents; and the organisation's view of a run."""

from __future__ import annotations

import math
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from solidgate.algorithm.manifest import Program
from solidgate.algorithm.sample import NOW, Sample
from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.derived.conform import RawOutput
from solidgate.errors import GroupTooSmall, RunNotFound
from solidgate.flow import finish as finishing
from solidgate.flow import space
from solidgate.flow.pull import PulledDocuments
from solidgate.flow.space import SpaceView
from solidgate.flow.world import World
from solidgate.identity.login import Caller
from solidgate.pod.resource import Document
from solidgate.run.delivery import DeliveryState
from solidgate.run.state import PartState, RunRow, RunState
from solidgate.sandbox.limits import Limits, RunContext
from solidgate.space.participant import Role

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

BATCH_TASK = "solidgate.run_batch"
AGGREGATE_TASK = finishing.AGGREGATE_TASK
finish = finishing.finish
LISTED_RUNS = 100


@dataclass(frozen=True, slots=True)
class RunView:
    """A run in counts only: never who. A count below the agreed group size is withheld as ``<k``.

    ``rate`` is people a second over the last ``progress.window_seconds``, ``remaining_seconds`` what is left
    at that rate; neither is told while it would be about fewer people than the group size.
    """

    run_id: str
    space_id: str
    state: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    counts: Mapping[str, int | str]
    outcomes: Mapping[str, int | str]
    aggregate: bool
    rate: float | None = None
    remaining_seconds: int | None = None
    pods: Mapping[str, int | str] = field(default_factory=dict)


async def run(
    world: World, program: Program, pulled: PulledDocuments, subject: str, context: RunContext
) -> RawOutput:
    """The program's unchecked result for one person. Raises ``SandboxFailed SandboxLimit PodUnreadable``."""
    return await _derived(world, program, pulled.documents, subject, context)


async def on_sample(world: World, program: Program, sample: Sample) -> RawOutput:
    """The program's unchecked result for a person that its maker invented. Same errors as ``run``."""
    context = RunContext(program.manifest.time(NOW), sample.subject, dict(program.manifest.parameters))
    return await _derived(world, program, sample.documents, sample.subject, context)


async def _derived(
    world: World, program: Program, documents: Sequence[Document], subject: str, context: RunContext
) -> RawOutput:
    content = await world.sandbox.derive(program, documents, context, sandbox_limits(world))
    return RawOutput(content=content, subject=subject)


def sandbox_limits(world: World) -> Limits:
    """What one person's process may use."""
    sandbox = world.settings.sandbox
    return Limits(sandbox.cpu_seconds, sandbox.wall_seconds, sandbox.memory_bytes, sandbox.output_bytes)


async def start(world: World, caller: Caller, space_id: str) -> str:
    """Begin a run over everybody whose consent holds now; the run's id.

    The run, its parts and its jobs are one transaction. Raises ``RoleMissing SpaceClosed
    AlgorithmNotApproved RunOpen``.
    """
    world.brake.check()
    async with world.store.transaction() as tx:
        view = await space.view(world, tx, space_id)
        space.require_open(view)
        roles = space.require_role(view, caller, Role.OWNER, Role.DATA_CONSUMER)
        return await create(world, tx, view, roles[0].value)


async def create(
    world: World, tx: Transaction, view: SpaceView, actor: str, only: Collection[str] | None = None
) -> str:
    """A run with its parts and jobs, in this transaction, over everybody or only these consents; its id.

    Raises ``AlgorithmNotApproved RunOpen`` and leaves the transaction usable.
    """
    now, run_id = world.clock.now(), uuid.uuid4().hex
    program = await space.approved_program(tx, view.space_id, view.agreement_digest)
    row = RunRow(
        run_id, view.space_id, view.agreement_digest, program.digest, RunState.QUEUED, now, None, None
    )
    people = await tx.runs.create(row, only)
    await _defer_batches(world, tx, row)
    await tx.trail.append(AuditEntry(Action.RUN_STARTED, now, actor, (view.space_id, run_id), Outcome.DONE))
    if not people:
        await tx.runs.finish_if_done(run_id, now)
    return run_id


async def _defer_batches(world: World, tx: Transaction, row: RunRow) -> None:
    """One job for each batch, each in a later round than the one before.

    Rounds go on from the one that waiting jobs are at, and a worker takes the earliest round first: so the
    spaces take turns, batch by batch, however many people one of them has. And only so many jobs of one space
    are done at once, so that a place for another one is never far.
    """
    settings, after = world.settings.worker, ""
    for place in count(await tx.jobs.round(BATCH_TASK)):
        batch = await tx.runs.batch(row.run_id, after, settings.batch_people)
        if not batch:
            return
        lane = f"{row.space_id}:{place % settings.jobs_of_space}"
        payload = {"run_id": row.run_id, "consents": batch}
        await tx.jobs.defer(BATCH_TASK, payload, priority=-place, lock=lane)
        after = batch[-1]


async def show(world: World, caller: Caller, space_id: str, run_id: str) -> RunView:
    """One run, for the space's owner and consumers. Raises ``RunNotFound RoleMissing``."""
    async with world.store.transaction() as tx:
        floor = await _floor(world, tx, caller, space_id)
        row = await tx.runs.one(run_id)
        if row.space_id != space_id:
            raise RunNotFound()
        return await _with_pace(world, tx, row, await _view(tx, row, floor), floor)


async def listing(world: World, caller: Caller, space_id: str) -> tuple[RunView, ...]:
    """The newest runs, newest first."""
    async with world.store.transaction() as tx:
        floor = await _floor(world, tx, caller, space_id)
        return tuple([await _view(tx, row, floor) for row in await tx.runs.of_space(space_id, LISTED_RUNS)])


async def cancel(world: World, caller: Caller, space_id: str, run_id: str) -> RunView:
    """Stop a run: what is under way is killed, what is written stays. Idempotent."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        floor = await _floor(world, tx, caller, space_id)
        row = await tx.runs.one(run_id)  # not locked: the parts come first, for everybody
        if row.space_id != space_id:
            raise RunNotFound()
        stopped = await tx.runs.cancel(run_id, now)
        await finishing.follow(tx, run_id)
        await tx.jobs.notify(STOP_CHANNEL, [f"{run_id}:{consent_id}" for consent_id in stopped])
        await tx.trail.append(
            AuditEntry(Action.RUN_CANCELLED, now, "organisation", (space_id, run_id), Outcome.DONE)
        )
        return await _view(tx, await tx.runs.one(run_id), floor)


STOP_CHANNEL = finishing.STOP_CHANNEL


async def aggregate(world: World, caller: Caller, space_id: str) -> bytes:
    """The newest released result about the group, as N-Triples. Raises ``GroupTooSmall`` before the first."""
    async with world.store.transaction() as tx:
        await _floor(world, tx, caller, space_id)
        newest = await tx.results.newest_aggregate(space_id)
    if newest is None:
        raise GroupTooSmall("no result about the group has been released yet")
    return newest[0]


async def _floor(world: World, tx: Transaction, caller: Caller, space_id: str) -> int:
    view = await space.view(world, tx, space_id)
    space.require_role(view, caller, Role.OWNER, Role.DATA_CONSUMER)
    return view.agreement.min_group_size


async def _view(tx: Transaction, row: RunRow, floor: int) -> RunView:
    states, outcomes = await tx.runs.counts(row.run_id)
    counts = {state.value: states.get(state.value, 0) for state in PartState}
    newest = await tx.results.newest_aggregate(row.space_id)
    return RunView(
        run_id=row.run_id,
        space_id=row.space_id,
        state=row.state.value,
        created=row.created,
        started=row.started,
        ended=row.ended,
        counts=_withheld(counts, floor),
        outcomes=_withheld(outcomes, floor),
        aggregate=newest is not None and newest[1] == row.run_id,
        pods=_withheld(await _in_pods(tx, row.run_id), floor),
    )


async def _in_pods(tx: Transaction, run_id: str) -> dict[str, int]:
    """Results of the run that are not what was written any more, or not there; nobody learns whose."""
    found = await tx.standing.counts(run_id)
    return {state.value: found.get(state.value, 0) for state in (DeliveryState.GONE, DeliveryState.DISPUTED)}


async def _with_pace(world: World, tx: Transaction, row: RunRow, view: RunView, floor: int) -> RunView:
    """With the rate and the remaining time of a run under way."""
    if row.state is not RunState.RUNNING or row.started is None:
        return view
    now = world.clock.now()
    since = max(row.started, now - timedelta(seconds=world.settings.progress.window_seconds))
    ended, left = await tx.runs.pace(row.run_id, since)
    if ended < max(1, floor):
        return view
    rate = ended / max(1.0, (now - since).total_seconds())
    remaining = math.ceil(left / rate) if left >= floor else None
    return replace(view, rate=round(rate, 2), remaining_seconds=remaining)


def _withheld(counts: Mapping[str, int], floor: int) -> dict[str, int | str]:
    return {key: f"<{floor}" if 0 < count < floor else count for key, count in counts.items()}
