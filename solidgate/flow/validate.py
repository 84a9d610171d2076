"""Validate: hold a program's output against the agreed shapes, in a process that can be killed."""

from __future__ import annotations

from solidgate.algorithm.manifest import Program
from solidgate.derived.conform import ConformantGraph, RawOutput, conform
from solidgate.flow.world import World
from solidgate.sandbox.limits import Limits
from solidgate.space.canonical import sha256_digest


def validation_limits(world: World) -> Limits:
    """What one validation may use."""
    settings = world.settings.validation
    return Limits(settings.cpu_seconds, settings.wall_seconds, settings.memory_bytes)


async def validate(
    world: World, program: Program, raw: RawOutput, shapes_path: str, shape_digest: str
) -> ConformantGraph:
    """The result that may leave. Raises ``ShapeViolated ResultForeign ValidationFailed``.

    The shapes come out of the approved package; their digest must be the one that people consented to.
    """
    shapes = program.files[shapes_path]
    verdict = await world.sandbox.validate(shapes, raw.content, validation_limits(world))
    return conform(
        raw,
        verdict,
        shapes_digest=shape_digest,
        vocabulary=program.manifest.output_vocabulary,
        max_bytes=world.settings.sandbox.output_bytes,
        max_triples=world.settings.validation.max_triples,
    )


def shapes_digest(program: Program, shapes_path: str) -> str:
    """``sha256:<hex>`` of a shapes file in a package."""
    return sha256_digest(program.files[shapes_path])
