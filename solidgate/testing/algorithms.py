"""Running a program in this very process, for quick tests. No isolation: only for code that you trust."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

from solidgate.algorithm.manifest import Program
from solidgate.algorithm.sample import NOW
from solidgate.errors import SandboxFailed, ValidationFailed
from solidgate.pod.resource import Document
from solidgate.sandbox.documents import read
from solidgate.sandbox.inputs import InputDocument, Inputs, Results, serialised
from solidgate.sandbox.program import ProgramImporter, entry_point


class UnsafeInProcessRunner:
    """Implements ``algorithm.check.Runner`` without a sandbox: the same inputs, the same output form."""

    def derive(self, program: Program, documents: Sequence[Document], subject: str) -> bytes:
        """The result for one person. Raises ``SandboxFailed`` with the class of the program's fault."""
        held = [InputDocument(one.url, one.media_type, one.content) for one in documents]
        inputs = Inputs(documents=held, subject=subject, **_context(program))
        return _call(program, program.manifest.entry_point, inputs)

    def aggregate(self, program: Program, graphs: Sequence[bytes], subject: str) -> bytes:
        """The result about a group. Raises ``SandboxFailed``."""
        quads = [
            read(f"urn:solidgate:result:{place}", "application/n-triples", one)
            for place, one in enumerate(graphs)
        ]
        return _call(
            program, program.manifest.aggregate, Results(quads, subject=subject, **_context(program))
        )

    def validate(self, shapes: bytes, content: bytes) -> Sequence[str]:
        """What pyshacl says, by shape and path; never a value. Raises ``ValidationFailed``."""
        from solidgate.sandbox.validation import Undecided, judge

        try:
            judged = judge(shapes, content, recheck=True, fast=False)
        except (SyntaxError, ValueError, Undecided) as error:
            raise ValidationFailed(type(error).__name__) from error
        return () if judged.conforms and judged.covered else (*judged.report, *_uncovered(judged.covered))


def _uncovered(covered: bool) -> tuple[str, ...]:
    return () if covered else ("a subject of the result is the target of no shape",)


def _context(program: Program) -> dict[str, Any]:
    return {"now": NOW, "parameters": dict(program.manifest.parameters), "datasets": {}}


def _call(program: Program, entry: str, argument: object) -> bytes:
    with _imports_undone():
        try:
            return serialised(entry_point(program.files, entry)(argument))
        except Exception as fault:
            raise SandboxFailed(type(fault).__name__) from fault


@contextmanager
def _imports_undone() -> Any:
    """Forget the program's modules afterwards, so that the next version is imported anew."""
    before = set(sys.modules)
    try:
        yield
    finally:
        sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, ProgramImporter)]
        for name in set(sys.modules) - before:
            module_file = getattr(sys.modules[name], "__spec__", None)
            if module_file is not None and isinstance(module_file.loader, ProgramImporter):
                del sys.modules[name]
