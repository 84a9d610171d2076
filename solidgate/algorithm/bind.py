"""A space's file and a program become an agreement: what the program says of itself enters the terms."""

from __future__ import annotations

from collections.abc import Mapping

from solidgate.algorithm.manifest import Program
from solidgate.errors import SpaceInvalid
from solidgate.space.agreement import Agreement
from solidgate.space.canonical import sha256_digest
from solidgate.space.file import SpaceFile


def bind(space: SpaceFile, terms: Mapping[str, str], program: Program) -> Agreement:
    """The agreement of a space whose file names an algorithm's folder.

    The file's parameters replace the program's own values, by name; its texts, if it has any, replace the
    program's description. Raises ``SpaceInvalid`` for a parameter or a shapes file that the program does not
    have, and for a group smaller than the program asks of the gate.
    """
    manifest, draft = program.manifest, space.draft
    _check(space, program)
    return space.complete(
        terms,
        algorithm=program.digest,
        output_shape=sha256_digest(program.files[manifest.output_shapes]),
        aggregate_shape=_shape(program, manifest.aggregate_shapes),
        algorithm_text=draft.algorithm_text
        or {tag: manifest.description.get(tag, "") for tag in draft.languages},
        algorithm_source=draft.algorithm_source or manifest.source,
        parameters={**manifest.parameters, **draft.parameters},
    )


def _shape(program: Program, path: str) -> str:
    return sha256_digest(program.files[path]) if path else ""


def _check(space: SpaceFile, program: Program) -> None:
    manifest, draft = program.manifest, space.draft
    if unknown := sorted(set(draft.parameters) - set(manifest.parameters)):
        raise SpaceInvalid(f"parameters.{unknown[0]}: the program has no such parameter [known-parameter]")
    for name, value in draft.parameters.items():
        if type(value) is not type(manifest.parameters[name]):
            raise SpaceInvalid(f"parameters.{name}: must be of the kind that the program declares [kind]")
    shapes = {need.shape for purpose in draft.purposes for need in purpose.needs if need.shape}
    if missing := sorted(shapes - set(program.files)):
        raise SpaceInvalid(f"purposes: the program has no shapes file {missing[0]} [known-shape]")
    asked = manifest.gate.get("min_group_size", 1)
    if isinstance(asked, int) and draft.min_group_size < asked:
        raise SpaceInvalid(f"min_group_size: the program asks for {asked} or more [floor]")
