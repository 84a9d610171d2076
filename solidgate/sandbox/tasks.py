"""What a confined fork does with its job, and the one word it says about it.

Exceptions of a program never leave as text: their message is a way out for what the program has seen. Only in
a run on the code provider's own samples is the class and the line told.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from solidgate.sandbox import wire
from solidgate.sandbox.wire import Outcome


@dataclass(frozen=True, slots=True)
class Preloaded:
    """What the zygote holds for all its forks: the program's files, or the view of a query zygote.

    ``modules`` are the files as a confined fork compiled them; the zygote never reads these bytes.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    modules: bytes = b""
    view: Any = None


@dataclass(frozen=True, slots=True)
class Said:
    """The outcome of a job."""

    outcome: Outcome
    content: bytes = b""
    rows: int = 0


def perform(
    header: Mapping[str, Any], blobs: Sequence[bytes], preloaded: Preloaded, output_bytes: int
) -> Said:
    """Do the job that ``header`` names; every way it can end is an outcome."""
    task = _TASKS.get(header["task"])
    try:
        said = task(header, blobs, preloaded, output_bytes) if task else Said(Outcome.FAILED)
    except MemoryError:
        return Said(Outcome.MEMORY)
    if len(said.content) > output_bytes:
        return Said(Outcome.OUTPUT)
    return said


def _derive(
    header: Mapping[str, Any], blobs: Sequence[bytes], preloaded: Preloaded, output_bytes: int
) -> Said:
    from solidgate.sandbox.documents import Unreadable
    from solidgate.sandbox.inputs import InputDocument, Inputs

    entries = header["documents"]
    datasets = dict(zip(header["datasets"], blobs[len(entries) :], strict=True))
    documents = [
        InputDocument(e["url"], e["media_type"], blob) for e, blob in zip(entries, blobs, strict=False)
    ]
    inputs = Inputs(documents=documents, datasets=datasets, **header["context"])
    said = _run_program(header, preloaded, inputs)
    try:
        inputs.parse()  # also what the program did not look at, and whatever it made of what it met there
    except Unreadable:
        return Said(Outcome.UNREADABLE)
    return said


def _aggregate(
    header: Mapping[str, Any], blobs: Sequence[bytes], preloaded: Preloaded, output_bytes: int
) -> Said:
    from solidgate.sandbox.documents import read
    from solidgate.sandbox.inputs import Results

    names = header["datasets"]
    graphs = blobs[: len(blobs) - len(names)]
    datasets = dict(zip(names, blobs[len(graphs) :], strict=True))
    results = [
        read(f"urn:solidgate:result:{place}", "application/n-triples", graph)
        for place, graph in enumerate(graphs)
    ]
    return _run_program(header, preloaded, Results(results, datasets=datasets, **header["context"]))


def _run_program(header: Mapping[str, Any], preloaded: Preloaded, argument: object) -> Said:
    from solidgate.sandbox.inputs import serialised
    from solidgate.sandbox.program import entry_point

    try:
        derive = entry_point(preloaded.files, header["entry_point"], preloaded.modules)
        return Said(Outcome.OK, serialised(derive(argument)))
    except MemoryError:
        raise
    except BaseException as problem:  # noqa: BLE001 (SystemExit of a program is a fault like others)
        told = _where(problem, preloaded.files) if header["samples"] else ""
        return Said(Outcome.FAILED, told.encode())


def _where(problem: BaseException, files: Mapping[str, bytes]) -> str:
    """``ValueError at package/module.py:12``: the last line of the program itself, without any message."""
    place = ""
    trace: TracebackType | None = problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            place = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    name = type(problem).__name__
    return f"{name if re.fullmatch(r'[A-Za-z_][A-Za-z0-9_]{0,63}', name) else 'Exception'}{place}"


def _validate(
    header: Mapping[str, Any], blobs: Sequence[bytes], preloaded: Preloaded, output_bytes: int
) -> Said:
    from solidgate.sandbox.validation import Undecided, judge

    shapes, content = blobs
    try:
        judged = judge(shapes, content, recheck=header["recheck"], fast=header["fast"])
    except (Undecided, SyntaxError, ValueError):
        return Said(Outcome.UNDECIDED)
    told = {
        "conforms": judged.conforms,
        "engine": judged.engine,
        "report": judged.report,
        "covered": judged.covered,
    }
    return Said(Outcome.OK, json.dumps(told).encode())


def _query(
    header: Mapping[str, Any], blobs: Sequence[bytes], preloaded: Preloaded, output_bytes: int
) -> Said:
    from solidgate.sandbox import querying

    text = blobs[0].decode()
    store = preloaded.view if preloaded.view is not None else querying.load(blobs[1])
    try:
        found = querying.answer(store, text, header["accept"], output_bytes, header["rows"])
    except querying.Syntax as problem:
        return Said(Outcome.INVALID, str(problem).encode())
    except querying.NoFormat:
        return Said(Outcome.FORMAT)
    except querying.TooManyRows:
        return Said(Outcome.ROWS)
    except querying.TooManyBytes:
        return Said(Outcome.OUTPUT)
    place = header["accept"].index(found.media_type)
    return Said(Outcome.OK, bytes([place]) + found.content, found.rows)


def _preview(
    header: Mapping[str, Any], blobs: Sequence[bytes], preloaded: Preloaded, output_bytes: int
) -> Said:
    from solidgate.sandbox import previewing
    from solidgate.sandbox.documents import Unreadable, read
    from solidgate.sandbox.table import Asked, Bounds, packed

    content, *turtle = blobs
    shapes, naming = turtle[: header["shapes"]], turtle[header["shapes"] :]
    try:
        quads = read(header["url"], header["media_type"], content)
    except Unreadable:
        return Said(Outcome.UNREADABLE)
    asked = Asked(tuple(shapes), tuple(header["classes"]), tuple(naming))
    found = previewing.table(quads, asked, Bounds(header["rows"], header["characters"]))
    return Said(Outcome.OK, packed(found))


def _statements(
    header: Mapping[str, Any], blobs: Sequence[bytes], preloaded: Preloaded, output_bytes: int
) -> Said:
    from solidgate.sandbox.documents import Unreadable
    from solidgate.sandbox.statements import canonical

    try:
        return Said(Outcome.OK, canonical(header["url"], header["media_type"], blobs[0]))
    except Unreadable:
        return Said(Outcome.UNREADABLE)


_TASKS: Mapping[str, Callable[..., Said]] = {
    "derive": _derive,
    "aggregate": _aggregate,
    "validate": _validate,
    "query": _query,
    "preview": _preview,
    "statements": _statements,
}


def run(job: int, result: int, preloaded: Preloaded, output_bytes: int) -> None:
    """Read the job, do it, leave the result; or judge many. The last thing a fork does."""
    import os

    header, blobs = wire.unpack(job)
    os.close(job)
    if header["task"] == "judge":
        from solidgate.sandbox.judging import serve

        serve(result, *blobs)
        return
    try:
        said = perform(header, blobs, preloaded, output_bytes)
    except BaseException:  # noqa: BLE001 (nothing may leave as text)
        said = Said(Outcome.FAILED)
    sys.stdout = sys.stderr = None
    wire.write_result(result, said.outcome, said.content, said.rows)
