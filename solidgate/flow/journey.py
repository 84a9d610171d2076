"""One person's part of a run: pull -> run -> validate -> write back, each step on a consent decided anew."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from solidgate.algorithm.manifest import Program
from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentRecord
from solidgate.derived.conform import ConformantGraph
from solidgate.derived.provenance import Provenance, result_document
from solidgate.errors import (
    ConsentWithdrawn,
    CredentialsRefused,
    DoorTooWide,
    EpochPassed,
    InternalFault,
    PodDisputed,
    PodForbidden,
    Refused,
    SolidgateError,
    StoreUnavailable,
)
from solidgate.flow import lead, shut
from solidgate.flow import run as running
from solidgate.flow.door import door_of
from solidgate.flow.fenced import Fenced
from solidgate.flow.granted import granted, noticed
from solidgate.flow.leased import leased
from solidgate.flow.look import remember_pulled
from solidgate.flow.pull import PulledDocuments
from solidgate.flow.step import Step
from solidgate.flow.unchanged import memory, pulled_unless_unchanged
from solidgate.flow.validate import validate
from solidgate.flow.width import note_width
from solidgate.flow.world import World
from solidgate.flow.write_back import plan, target_of, write_back
from solidgate.ports import Access, EnclaveKeys, PodChannels
from solidgate.run.delivery import DeliveryRow, DeliveryState, DerivedRow, Intended, Published
from solidgate.run.held import Held
from solidgate.run.place import Place
from solidgate.run.signpost import Lead
from solidgate.run.state import PartState, RunRow
from solidgate.sandbox.limits import IsolationLevel, RunContext
from solidgate.space.agreement import Agreement
from solidgate.space.rerun import ON_CHANGE

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Steps

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
    """What all parts of a batch share: the run, its agreement and its approved program.

    ``found`` are the batch's consents as they were when it began; each part asks for their epoch again.
    """

    run: RunRow
    agreement: Agreement
    program: Program
    found: Mapping[str, Held] = field(default_factory=dict)


async def part(enclave: Enclave, job: Job, consent_id: str) -> None:
    """Carry one part to its final outcome. No fault of one person's pod or data reaches anybody else's.

    Raises ``StoreUnavailable``: nobody's fault, so the part stands where it stood, for the next attempt.
    """
    world = enclave.world
    try:
        held = job.found.get(consent_id)
        async with leased(world, job.run, job.agreement, consent_id, held) as step:
            await _journey(enclave, job, step)
    except StoreUnavailable:
        raise
    except SolidgateError as fault:
        if isinstance(fault, CredentialsRefused):  # only the operator can mend it
            _log.warning("part.refused", run=job.run.run_id, code=fault.code, detail=fault.detail)
        await noticed(world, consent_id, fault)
        await shut.noticed(world, consent_id, fault)
        await _end(world, job, consent_id, _final_state(fault), fault.code)
    except Exception as fault:  # noqa: BLE001 - whatever broke here is this part's alone
        _log.error("part.failed", run=job.run.run_id, consent=consent_id, exc_info=fault)
        await _end(world, job, consent_id, PartState.FAILED, InternalFault.code)


async def _journey(enclave: Enclave, job: Job, step: Step) -> None:
    planned = step.planned
    if planned is None:
        planned = await _produce(enclave, job, step)
    if planned is None:
        return  # nothing has changed, and the part has ended
    access = await _access(enclave, job, step)
    try:
        await write_back(
            step.world, access, planned.delivery, planned.sha256, step.first, carry=step.answered
        )
    except PodDisputed:
        await _resolve(step, DeliveryState.DISPUTED)
        raise
    except PodForbidden as refused:
        raise shut.named(step, refused) from refused
    step.unanswered = False  # whatever the pod answered, the result was seen there
    await shut.seen_open(step)
    if not step.world.settings.worker.signposts:
        await _publish(step, planned, keep=False)
        return
    leading = await lead.lead_to(step, planned)
    published = await _publish(step, planned, leading, keep=leading is None or bool(leading.changes))
    if not step.given_back:
        await lead.follow(step, access, leading, published.signed)


async def _access(enclave: Enclave, job: Job, step: Step) -> Access:
    """The space's own while the step lasts, with what the owner granted where a pod asks for that.

    Whether it does was told with the move before.
    """
    fenced = Fenced(await enclave.keys.access_for(job.run.space_id), step)
    if not step.asks:
        return fenced
    return await granted(step.world, fenced, step.consent_id)


async def _produce(enclave: Enclave, job: Job, step: Step) -> DeliveryRow | None:
    """Pull, run and validate; then commit the intent to write. None when the earlier result stands."""
    access = await _access(enclave, job, step)
    door = door_of(step.world, step.record, job.run.space_id)
    optional = _optional(job.agreement, step.record)
    await shut.check(step, access, door)
    pulled = await pulled_unless_unchanged(step, job.program, step.first, access, door, optional)
    if pulled is None:
        return None
    await _pulled(step, pulled)
    subject = f"{step.world.space_iri(job.run.space_id)}/subjects/{_pseudonym(step)}"
    raw = await running.run(step.world, job.program, pulled, subject, _context(job, subject))
    await step.advance(PartState.VALIDATING)
    shapes_path = job.program.manifest.output_shapes
    graph = await validate(step.world, job.program, raw, shapes_path, job.agreement.output_shape)
    return await _plan(job, step, graph, pulled)


async def _pulled(step: Step, pulled: PulledDocuments) -> None:
    """The documents are there, and the trail says so, with the move to the program."""
    objects = (step.run.run_id, step.consent_id, f"resources:{len(pulled.documents)}")

    def make(steps: Steps, place: Place, now: datetime) -> Awaitable[bool]:
        entry = AuditEntry(Action.RESOURCES_PULLED, now, "enclave", objects, Outcome.DONE)
        return steps.move_audited(place, PartState.RUNNING, entry)

    await step.move(make)
    if step.agreement.rerun == ON_CHANGE:
        async with step.world.store.transaction() as tx:
            await step.recheck(tx)
            await remember_pulled(tx, step.person_id, step.record, pulled.documents)
    if bool(pulled.wide) != (step.door_problem == DoorTooWide.code):
        async with step.world.store.transaction() as tx:
            await step.recheck(tx)
            await note_width(tx, step.consent_id, step.world.clock.now(), wide=bool(pulled.wide))


def _optional(agreement: Agreement, record: ConsentRecord) -> frozenset[str]:
    """The agreed resources without which the program still runs."""
    storage = record.result_container.removesuffix(agreement.result_container)
    needs = {need.key: need for need in agreement.purpose(record.purpose).needs}
    answers = [(storage + key, need) for key, need in needs.items() if not need.is_found]
    answers += [(url, needs[key]) for url, key in record.found_by]
    optional = {url for url, need in answers if not need.required}
    return frozenset(optional - {url for url, need in answers if need.required})


async def _plan(job: Job, step: Step, graph: ConformantGraph, pulled: PulledDocuments) -> DeliveryRow:
    """The intent, in the transaction that decides again and moves to the writing."""
    world, run = step.world, job.run
    key = world.store.keys.person_key(step.person_id, step.held.key_sealed)
    descent = Provenance(
        result=target_of(step.first, run.run_id),
        run=f"{world.space_iri(run.space_id)}/runs/{run.run_id}",
        consent=step.record.iri,
        data_subject=step.record.data_subject,
        algorithm=job.program.digest,
        shapes=graph.shapes_digest,
        content=graph.digest,
        inputs=_input_digests(key, pulled),
        level=IsolationLevel(world.sandbox.level).name,
        started=run.started or run.created,
        ended=world.clock.now(),
    )
    name = f"{world.space_iri(run.space_id)}/results/{_pseudonym(step)}"
    delivery, sha256 = plan(graph, step.first, run.run_id, descent.run, name, result_document(graph, descent))
    earlier = memory(step, job.program, pulled)

    def make(steps: Steps, place: Place, now: datetime) -> Awaitable[Intended | None]:
        return steps.plan(place, step.held, delivery, sha256, now, earlier)

    intended = await step.move(make)
    step.asks = intended.asks
    return intended.row


def _input_digests(key: bytes, pulled: PulledDocuments) -> Mapping[str, str]:
    # Keyed, because a small personal value could be guessed from a plain digest; the key dies with erasure.
    return {
        one.url: "hmac-sha256:" + hmac.digest(key, one.content, "sha256").hex() for one in pulled.documents
    }


def _pseudonym(step: Step) -> str:
    return step.world.store.keys.pseudonym_of(step.person_id, step.run.space_id)


async def _publish(step: Step, planned: DeliveryRow, leading: Lead | None = None, *, keep: bool) -> Published:
    """Make the result visible to queries, in the transaction that decides once more, and end the part.

    When somebody ended it meanwhile, nothing of it becomes visible. The lease is kept for what follows.
    """
    delivery, objects = planned.delivery, (step.run.run_id, step.consent_id)
    row = DerivedRow(delivery.graph, delivery.derived)

    def make(steps: Steps, place: Place, now: datetime) -> Awaitable[Published | None]:
        entry = AuditEntry(Action.RESULT_WRITTEN, now, "enclave", objects, Outcome.DONE)
        return steps.publish(place, step.held, row, entry, leading if keep else None, keep=keep)

    published = await step.move(make)
    step.given_back = not keep
    return published


async def _end(world: World, job: Job, consent_id: str, state: PartState, outcome: str) -> None:
    run_id, now = job.run.run_id, world.clock.now()
    async with world.store.transaction() as tx:
        if not await tx.runs.advance(run_id, consent_id, state, now, outcome):
            return  # it had ended already, or its person was erased: nothing more is told about them
        objects = (run_id, consent_id, outcome)
        await tx.trail.append(AuditEntry(Action.RESULT_REFUSED, now, "enclave", objects, Outcome.REFUSED))


def _final_state(fault: SolidgateError) -> PartState:
    if isinstance(fault, (ConsentWithdrawn, EpochPassed)):
        return PartState.STOPPED
    return PartState.REFUSED if isinstance(fault, Refused) else PartState.FAILED


async def _resolve(step: Step, state: DeliveryState) -> None:
    async with step.world.store.transaction() as tx:
        await tx.results.resolve(step.run.run_id, step.consent_id, state, step.world.clock.now())


def _context(job: Job, subject: str) -> RunContext:
    return RunContext(
        now=job.program.manifest.time(job.run.created.isoformat()),
        subject=subject,
        parameters=dict(job.agreement.parameters),
    )
