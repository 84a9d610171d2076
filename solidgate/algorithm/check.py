"""Is this program fit to be submitted? Every finding at once, its samples run for real."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from solidgate.algorithm.manifest import REQUIREMENTS, Program, module_paths
from solidgate.algorithm.requirements import parse_requirements
from solidgate.algorithm.sample import GROUP_EXPECTED, GROUP_SUBJECT, Sample, difference, samples_of
from solidgate.errors import AlgorithmInvalid, SolidgateError
from solidgate.pod.resource import Document
from solidgate.space.policy import Finding


class Runner(Protocol):
    """Runs a program on samples: with the manifest's own parameters, at the time ``sample.NOW``.

    Results are N-Triples; faults of the program are errors of ``solidgate.errors``.
    """

    def derive(self, program: Program, documents: Sequence[Document], subject: str) -> bytes: ...

    def aggregate(self, program: Program, graphs: Sequence[bytes], subject: str) -> bytes: ...

    def validate(self, shapes: bytes, content: bytes) -> Sequence[str]:
        """What the shapes say against the result, by shape and path; empty when it conforms."""
        ...


ShapeLint = Callable[[bytes], Sequence[str]]
"""What makes shapes too lax to guard a result, as sentences; empty when nothing does."""


def check(
    program: Program,
    runner: Runner,
    *,
    shape_lint: ShapeLint,
    provided: Mapping[str, str],
    python: tuple[int, int],
) -> tuple[Finding, ...]:
    """All findings. ``provided`` are the libraries inside the sandbox by name; ``python`` is its version."""
    found = [*_code(program), *_environment(program, provided, python), *_shapes(program, shape_lint)]
    # A program that cannot be called would fail on each sample again: its findings are enough.
    if not any(one.rule in ("compiles", "defined") for one in found):
        found += _samples(program, runner)
    return tuple(found)


def _code(program: Program) -> Iterator[Finding]:
    for path, content in program.files.items():
        if path.endswith(".py"):
            try:
                ast.parse(content, path)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                yield Finding(path, "compiles", f"is not Python: {type(error).__name__}")
    manifest = program.manifest
    for name, entry in (("entry_point", manifest.entry_point), ("aggregate", manifest.aggregate)):
        if entry and not _defines(program, entry):
            yield Finding(name, "defined", f"{entry} is not a function there that takes one argument")


def _defines(program: Program, entry: str) -> bool:
    path = next(path for path in module_paths(entry) if path in program.files)
    try:
        body = ast.parse(program.files[path], path).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # said already, by the rule "compiles"
    name = entry.partition(":")[2]
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    imported = [alias for node in body if isinstance(node, ast.ImportFrom) for alias in node.names]
    if any((alias.asname or alias.name) == name for alias in imported):
        return True  # defined elsewhere in the package; the samples will tell
    return any(len(node.args.posonlyargs + node.args.args) == 1 for node in functions)


def _environment(program: Program, provided: Mapping[str, str], python: tuple[int, int]) -> Iterator[Finding]:
    needed = tuple(int(part) for part in program.manifest.python.split("."))
    if needed > python:
        there = ".".join(map(str, python))
        yield Finding("python", "version", f"asks for {program.manifest.python}, the sandbox has {there}")
    for one in parse_requirements(program.files[REQUIREMENTS]):
        if provided.get(one.name) != one.version:
            there = provided.get(one.name, "no such library")
            yield Finding(REQUIREMENTS, "provided", f"{one.name} {one.version}: the sandbox has {there}")


def _shapes(program: Program, shape_lint: ShapeLint) -> Iterator[Finding]:
    for path in (program.manifest.output_shapes, program.manifest.aggregate_shapes):
        if path:
            for sentence in shape_lint(program.files[path]):
                yield Finding(path, "closed", sentence)


def _samples(program: Program, runner: Runner) -> Iterator[Finding]:
    try:
        samples = samples_of(program)
    except AlgorithmInvalid as error:
        yield Finding("samples", "complete", error.detail)
        return
    if not samples:
        yield Finding("samples", "has-sample", "needs at least one sample with its expected result")
    graphs = []
    for sample in samples:
        found, content = _run(program, runner, sample)
        yield from found
        graphs.append(content)
    if program.manifest.aggregate and samples:
        yield from _group(program, runner, [graph for graph in graphs if graph])


def _run(program: Program, runner: Runner, sample: Sample) -> tuple[list[Finding], bytes]:
    where = f"samples/{sample.name}"
    try:
        content = runner.derive(program, sample.documents, sample.subject)
    except SolidgateError as error:
        return [Finding(where, "runs", f"{error.code}: {error.detail or error.sentence}")], b""
    found = [*_compare(where, sample.expected, content)]
    found += _conforms(where, runner, program.files[program.manifest.output_shapes], content)
    return found, content


def _group(program: Program, runner: Runner, graphs: Sequence[bytes]) -> Iterator[Finding]:
    if GROUP_EXPECTED not in program.files:
        yield Finding(GROUP_EXPECTED, "complete", "is missing: the expected aggregate over all samples")
        return
    try:
        content = runner.aggregate(program, graphs, GROUP_SUBJECT)
    except SolidgateError as error:
        yield Finding(GROUP_EXPECTED, "runs", f"{error.code}: {error.detail or error.sentence}")
        return
    yield from _compare(GROUP_EXPECTED, program.files[GROUP_EXPECTED], content)
    yield from _conforms(GROUP_EXPECTED, runner, program.files[program.manifest.aggregate_shapes], content)


def _compare(where: str, expected: bytes, content: bytes) -> Iterator[Finding]:
    missing, unasked = difference(expected, content)
    for line in missing[:5]:
        yield Finding(where, "expected", f"the result lacks {line}")
    for line in unasked[:5]:
        yield Finding(where, "expected", f"the result has, unasked, {line}")


def _conforms(where: str, runner: Runner, shapes: bytes, content: bytes) -> Iterator[Finding]:
    try:
        report = runner.validate(shapes, content)
    except SolidgateError as error:
        yield Finding(where, "conforms", f"{error.code}: {error.detail or error.sentence}")
        return
    for line in report[:5]:
        yield Finding(where, "conforms", line)
