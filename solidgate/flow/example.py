"""An example of the result, before any answer: the program on an invented person, nobody's data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from solidgate.algorithm.approval import require_approved
from solidgate.algorithm.manifest import Program
from solidgate.algorithm.sample import Sample, samples_of
from solidgate.errors import (
    AlgorithmNotApproved,
    AlgorithmNotFound,
    NoExample,
    SandboxFailed,
    SandboxLimit,
)
from solidgate.flow import run as running
from solidgate.flow import space
from solidgate.flow.preview import Names, bounds, names_of, parse_limits
from solidgate.flow.validate import validate
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.resource import Document
from solidgate.sandbox.table import Asked
from solidgate.space.agreement import Agreement

MOST_REMEMBERED = 1024
_brings_sample: dict[str, bool] = {}
"""By digest, of programs that were read. Who approves one finds it in the space, and it stays there."""


@dataclass(frozen=True, slots=True)
class Example:
    """The result about an invented person, property by property; ``names`` by term and language."""

    rows: tuple[tuple[str, str], ...]
    source: Literal["synthetic"] = "synthetic"
    names: Names = field(default_factory=dict)


async def example(world: World, session: Session, request_id: str) -> Example:
    """What the program makes of its own invented sample, by the same steps as a run.

    Raises ``RequestNotFound NoExample SandboxUnavailable``.
    """
    program, sample, agreement = await _sample(world, session, request_id)
    try:
        return await _example(world, program, sample, agreement)
    except (SandboxFailed, SandboxLimit) as fault:
        raise NoExample from fault


async def is_offered(world: World, session: Session, request_id: str) -> bool:
    """Whether there is an approved program with a sample of its own, so that a page may lead to its example.

    Raises ``RequestNotFound``. A package is read once: what a page asks at every view must stay cheap.
    """
    async with world.store.transaction() as tx:
        request, _ = await tx.requests.one(request_id, session.person_id)
        space_id, terms = request.space_id, request.agreement_digest
        agreement = await tx.spaces.agreement(terms)
        try:
            require_approved(agreement, terms, await tx.spaces.approvals(space_id))
            if agreement.algorithm not in _brings_sample:
                program = await space.approved_program(tx, space_id, terms)
                _remember(program)
            return _brings_sample[agreement.algorithm]
        except (AlgorithmNotFound, AlgorithmNotApproved):
            return False


def _remember(program: Program) -> None:
    if len(_brings_sample) >= MOST_REMEMBERED:
        _brings_sample.clear()
    _brings_sample[program.digest] = bool(samples_of(program))


async def _sample(world: World, session: Session, request_id: str) -> tuple[Program, Sample, Agreement]:
    async with world.store.transaction() as tx:
        request, _ = await tx.requests.one(request_id, session.person_id)
        agreement = await tx.spaces.agreement(request.agreement_digest)
        try:
            program = await space.approved_program(tx, request.space_id, request.agreement_digest)
        except (AlgorithmNotFound, AlgorithmNotApproved) as fault:
            raise NoExample from fault
    samples = samples_of(program)
    if not samples:
        raise NoExample
    return program, samples[0], agreement


async def _example(world: World, program: Program, sample: Sample, agreement: Agreement) -> Example:
    manifest = program.manifest
    raw = await running.on_sample(world, program, sample)
    graph = await validate(world, program, raw, manifest.output_shapes, agreement.output_shape)
    result = Document(sample.subject, "application/n-triples", graph.content)
    asked = Asked(naming=(program.files[manifest.output_shapes],))
    table = await world.sandbox.preview(result, asked, bounds(world), parse_limits(world))
    rows = tuple((value.property, value.value) for value in table.rows)
    return Example(rows, names=names_of(table))
