"""One person's part of a run: pull -> run -> validate -> write back, each step on a consent decided anew."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from solidgate.algorithm.manifest import Program
from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentRecord
from solidgate.derived.conform import ConformantGraph
from solidgate.derived.provenance import Provenance, result_document
from solidgate.errors import (
    ConsentWithdrawn,
    EpochPassed,
    InternalFault,
    PodDisputed,
    Refused,
    SolidgateError,
    StoreUnavailable,
)
from solidgate.flow import run as running
from solidgate.flow.door import door_of
from solidgate.flow.look import remember_pulled
from solidgate.flow.pull import PulledDocuments, pull
from solidgate.flow.step import Fenced, Step, leased
from solidgate.flow.validate import validate
from solidgate.flow.world import World
from solidgate.flow.write_back import plan, target_of, write_back
from solidgate.pod.resource import Document
from solidgate.ports import EnclaveKeys, PodChannels
from solidgate.run.delivery import DeliveryRow, DeliveryState, DerivedRow
from solidgate.run.state import FINAL, PartState, RunRow
from solidgate.sandbox.limits import IsolationLevel, RunContext
from solidgate.space.agreement import Agreement

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Enclave:
    """The world with what only the worker may hold: the keys of the spaces.

    Without ``channels`` no pod is asked to tell of changes: documents are only looked at from time to time.
    """

    world: World
    keys: EnclaveKeys
    channels: PodChannels | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What all parts of a batch share: the run, its agreement and its approved program."""

    run: RunRow
    agreement: Agreement
    program: Program


async def part(enclave: Enclave, job: Job, consent_id: str) -> None:
    """Carry one part to its final outcome. No fault of one person's pod or data reaches anybody else's.

    Raises ``StoreUnavailable``: nobody's fault, so the part stands where it stood, for the next attempt.
    """
    world = enclave.world
    try:
        if await _is_final(world, job, consent_id):
            return
        async with leased(world, job.run, job.agreement, consent_id) as step:
            await _journey(enclave, job, step)
    except StoreUnavailable:
        raise
    except SolidgateError as fault:
        await _end(world, job, consent_id, _final_state(fault), fault.code)
    except Exception as fault:  # noqa: BLE001 - whatever broke here is this part's alone
        _log.error("part.failed", run=job.run.run_id, consent=consent_id, exc_info=fault)
        await _end(world, job, consent_id, PartState.FAILED, InternalFault.code)


async def _journey(enclave: Enclave, job: Job, step: Step) -> None:
    planned = await _planned(step)
    if planned is None:
        planned = await _produce(enclave, job, step)
    fresh = await step.advance(PartState.WRITING)
    access = Fenced(await enclave.keys.access_for(job.run.space_id), step)
    try:
        await write_back(step.world, access, planned.delivery, planned.sha256, fresh, carry=step.answered)
    except PodDisputed:
        await _resolve(step, DeliveryState.DISPUTED)
        raise
    step.unanswered = False  # whatever the pod answered, the result was seen there
    await _publish(step, planned)


async def _produce(enclave: Enclave, job: Job, step: Step) -> DeliveryRow:
    """Pull, run and validate; then commit the intent to write."""
    world, keys = step.world, enclave.keys
    active = await step.advance(PartState.PULLING)
    access = Fenced(await keys.access_for(job.run.space_id), step)
    door = door_of(world, step.record, job.run.space_id)
    optional = _optional(job.agreement, step.record)
    pulled = await pull(world, active, access, active.resources, door, optional=optional)
    await step.advance(PartState.RUNNING)
    await _record_pull(step, pulled.documents)
    subject = await _subject(step)
    raw = await running.run(world, job.program, pulled, subject, _context(job, subject))
    await step.advance(PartState.VALIDATING)
    shapes_path = job.program.manifest.output_shapes
    graph = await validate(world, job.program, raw, shapes_path, job.agreement.output_shape)
    return await _plan(job, step, graph, pulled)


async def _record_pull(step: Step, documents: Sequence[Document]) -> None:
    objects = (step.run.run_id, step.consent_id, f"resources:{len(documents)}")
    async with step.world.store.transaction() as tx:
        await step.recheck(tx)
        await remember_pulled(tx, step.agreement, step.person_id, step.record, documents)
        now = step.world.clock.now()
        await tx.trail.append(AuditEntry(Action.RESOURCES_PULLED, now, "enclave", objects, Outcome.DONE))


def _optional(agreement: Agreement, record: ConsentRecord) -> frozenset[str]:
    """The agreed resources without which the program still runs."""
    storage = record.result_container.removesuffix(agreement.result_container)
    needs = agreement.purpose(record.purpose).needs
    return frozenset(storage + need.path for need in needs if not need.required)


async def _plan(job: Job, step: Step, graph: ConformantGraph, pulled: PulledDocuments) -> DeliveryRow:
    now = step.world.clock.now()
    async with step.world.store.transaction() as tx:
        fresh = await step.recheck(tx)
        key = await tx.people.key(step.person_id)
        pseudonym = tx.people.pseudonym(step.person_id, job.run.space_id)
        provenance = Provenance(
            result=target_of(fresh, job.run.run_id),
            run=f"{step.world.space_iri(job.run.space_id)}/runs/{job.run.run_id}",
            consent=step.record.iri,
            data_subject=step.record.data_subject,
            algorithm=job.program.digest,
            shapes=graph.shapes_digest,
            content=graph.digest,
            inputs=_input_digests(key, pulled),
            level=IsolationLevel(step.world.sandbox.level).name,
            started=job.run.started or job.run.created,
            ended=now,
        )
        document = result_document(graph, provenance)
        name = f"{step.world.space_iri(job.run.space_id)}/results/{pseudonym}"
        delivery, sha256 = plan(graph, fresh, job.run.run_id, name, document)
        await tx.results.plan(
            step.person_id, job.run.run_id, step.consent_id, fresh.epoch, delivery, sha256, now
        )
        planned = await tx.results.planned(step.person_id, job.run.run_id, step.consent_id)
    assert planned is not None  # the row was written in this very transaction
    return planned


def _input_digests(key: bytes, pulled: PulledDocuments) -> Mapping[str, str]:
    # Keyed, because a small personal value could be guessed from a plain digest; the key dies with erasure.
    return {
        one.url: "hmac-sha256:" + hmac.new(key, one.content, hashlib.sha256).hexdigest()
        for one in pulled.documents
    }


async def _publish(step: Step, planned: DeliveryRow) -> None:
    """Make the result visible to queries, in the transaction that decides once more."""
    now = step.world.clock.now()
    run, delivery = step.run, planned.delivery
    async with step.world.store.transaction() as tx:
        await step.recheck(tx)
        await tx.results.resolve(run.run_id, step.consent_id, DeliveryState.WRITTEN, now)
        row = DerivedRow(delivery.graph, delivery.derived)
        await tx.results.publish(step.person_id, run.space_id, run.run_id, step.consent_id, row, now)
        await tx.trail.append(
            AuditEntry(Action.RESULT_WRITTEN, now, "enclave", (run.run_id, step.consent_id), Outcome.DONE)
        )
        if not await _advance(step.world, tx, run, step.consent_id, PartState.WRITTEN, None):
            raise EpochPassed()  # somebody ended the part meanwhile: nothing of it becomes visible


async def _end(world: World, job: Job, consent_id: str, state: PartState, outcome: str) -> None:
    async with world.store.transaction() as tx:
        if not await _advance(world, tx, job.run, consent_id, state, outcome):
            return  # it had ended already, or its person was erased: nothing more is told about them
        await tx.trail.append(
            AuditEntry(
                Action.RESULT_REFUSED,
                world.clock.now(),
                "enclave",
                (job.run.run_id, consent_id, outcome),
                Outcome.REFUSED,
            )
        )


async def _advance(
    world: World, tx: Transaction, run: RunRow, consent_id: str, state: PartState, outcome: str | None
) -> bool:
    moved = await tx.runs.advance(run.run_id, consent_id, state, world.clock.now(), outcome)
    await running.finish(world, tx, run.run_id)
    return moved


def _final_state(fault: SolidgateError) -> PartState:
    if isinstance(fault, (ConsentWithdrawn, EpochPassed)):
        return PartState.STOPPED
    return PartState.REFUSED if isinstance(fault, Refused) else PartState.FAILED


async def _is_final(world: World, job: Job, consent_id: str) -> bool:
    async with world.store.transaction() as tx:
        return (await tx.runs.part(job.run.run_id, consent_id)).state in FINAL


async def _planned(step: Step) -> DeliveryRow | None:
    async with step.world.store.transaction() as tx:
        return await tx.results.planned(step.person_id, step.run.run_id, step.consent_id)


async def _resolve(step: Step, state: DeliveryState) -> None:
    async with step.world.store.transaction() as tx:
        await tx.results.resolve(step.run.run_id, step.consent_id, state, step.world.clock.now())


async def _subject(step: Step) -> str:
    async with step.world.store.transaction() as tx:
        pseudonym = tx.people.pseudonym(step.person_id, step.run.space_id)
    return f"{step.world.space_iri(step.run.space_id)}/subjects/{pseudonym}"


def _context(job: Job, subject: str) -> RunContext:
    return RunContext(
        now=job.run.created.isoformat(), subject=subject, parameters=dict(job.agreement.parameters)
    )
