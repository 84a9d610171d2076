"""An example of the result, before any answer: the program on an invented person, nobody's data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

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

    Raises ``RequestNotFound``.
    """
    try:
        await _sample(world, session, request_id)
    except NoExample:
        return False
    return True


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
