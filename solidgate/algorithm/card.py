"""A program in plain words: what a person or an approver should know of it, without reading code."""

from __future__ import annotations

from solidgate.algorithm.manifest import REQUIREMENTS, Program
from solidgate.algorithm.requirements import parse_requirements


def card(program: Program, language: str) -> tuple[tuple[str, str], ...]:
    """Pairs of a key and a text, in a fixed order; keys are names for translators, not for people.

    Texts fall back to the first language of the manifest, which is the program's own.
    """
    manifest = program.manifest
    tag = language if language in manifest.title else next(iter(manifest.title))
    libraries = [f"{one.name} {one.version}" for one in parse_requirements(program.files[REQUIREMENTS])]
    size = sum(map(len, program.files.values()))
    rows = [
        ("title", f"{manifest.title[tag]} {manifest.version}"),
        ("what", manifest.description[tag]),
        ("reads", ", ".join(manifest.inputs)),
        ("makes", manifest.output_shapes),
        ("group", manifest.aggregate_shapes),
        ("settings", ", ".join(f"{name} = {value}" for name, value in sorted(manifest.parameters.items()))),
        ("libraries", ", ".join(libraries)),
        ("network", manifest.egress),
        ("source", manifest.source),
        ("licence", manifest.licence),
        ("size", f"{len(program.files)} files, {size} bytes"),
        ("digest", program.digest),
    ]
    return tuple((key, text) for key, text in rows if text)
