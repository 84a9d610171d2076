"""The sandbox: a warm zygote in bubblewrap for each program, a confined fork for each person.

Where the machine forbids namespaces the same zygote runs with Landlock and seccomp alone, if the minimum
level allows that. The level is what a fork proved by trying, not what was asked for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence

from solidgate.adapters.sandbox_judge import ValidatorProcess, may_be_judged_in_a_row
from solidgate.adapters.sandbox_left import Left, answer_of, left_by, result_of, statements_of, table_of
from solidgate.adapters.sandbox_machine import Machine, establish, level_of
from solidgate.adapters.sandbox_pool import Purpose, ZygotePool, nothing
from solidgate.adapters.sandbox_zygote import Readiness, ZygoteDied, ZygoteProcess
from solidgate.algorithm.digest import digest
from solidgate.algorithm.manifest import Program
from solidgate.derived.conform import Verdict
from solidgate.errors import (
    AlgorithmChanged,
    SandboxUnavailable,
    ValidationFailed,
)
from solidgate.pod.resource import Document
from solidgate.query.guard import guard
from solidgate.query.results import Answer, ResultFormat
from solidgate.sandbox import wire
from solidgate.sandbox.limits import IsolationLevel, Limits, RunContext
from solidgate.sandbox.table import Asked, Bounds, Table
from solidgate.sandbox.wire import Kind, Outcome

_VALIDATION = Purpose(Kind.VALIDATE)


class BwrapSandbox:
    """Implements ``ports.Sandbox``. Belongs to one event loop.

    ``zygotes`` is how many people of one program are served at once, ``total`` how many zygotes there may be
    altogether. One in ``recheck_every`` conforming verdicts of the fast SHACL engine is repeated with
    pyshacl; ``disagreements`` counts where the two differed. At most ``in_a_row`` small results are judged by
    one process, 0 for none. ``max_rows`` bounds the solutions or triples of an answer.
    """

    def __init__(
        self,
        *,
        zygotes: int = 2,
        minimum_level: IsolationLevel = IsolationLevel.L2,
        idle_seconds: float = 300.0,
        total: int = 8,
        recheck_every: int = 20,
        in_a_row: int = 100,
        max_rows: int = 10_000,
    ) -> None:
        self._minimum = IsolationLevel(minimum_level)
        self._recheck_every = max(1, recheck_every)
        self._in_a_row = in_a_row
        self._max_rows = max_rows
        self._machine: Machine | None = None
        self._establishing = asyncio.Lock()
        self._pool = ZygotePool(
            self._start, self._accept, each=zygotes, total=total, idle_seconds=idle_seconds
        )
        self._validations = 0
        self.disagreements = 0

    @property
    def level(self) -> IsolationLevel:
        """What this machine achieves; the first call takes about a second. Raises ``SandboxUnavailable``."""
        if self._machine is None:
            self._machine = establish()
        return self._machine.level

    async def start(self) -> IsolationLevel:
        """Find out the level without blocking the loop. Raises ``SandboxUnavailable`` below the minimum."""
        async with self._establishing:
            if self._machine is None:
                self._machine = await asyncio.to_thread(establish)
        if self._machine.level < self._minimum:
            raise SandboxUnavailable(
                f"reached level {self._machine.level.name}, needed {self._minimum.name}: "
                + "; ".join(self._machine.missing)
            )
        return self._machine.level

    def _start(self, kind: Kind, frame: bytes) -> ZygoteProcess:
        assert self._machine is not None  # every job begins with start()
        made = ValidatorProcess if kind is Kind.VALIDATE else ZygoteProcess
        return made(self._machine.command(kind), frame)

    def _accept(self, readiness: Readiness) -> None:
        assert self._machine is not None
        if level_of(readiness, self._machine.namespaces) < self._machine.level:
            raise SandboxUnavailable("a jail came up weaker than the level that was reported")

    # --- programs -------------------------------------------------------------------------------------

    async def derive(
        self,
        program: Program,
        documents: Sequence[Document],
        context: RunContext,
        limits: Limits,
        *,
        datasets: Mapping[str, bytes] | None = None,
        space: str = "",
        samples: bool = False,
    ) -> bytes:
        """The program's result for one person, as N-Triples.

        ``samples`` is for the code provider's own synthetic documents: only then does the error name the
        class and line of a fault. Raises ``SandboxFailed SandboxLimit SandboxUnavailable PodUnreadable
        AlgorithmChanged``.
        """
        entries = [{"url": one.url, "media_type": one.media_type} for one in documents]
        blobs = [one.content for one in documents]
        header = {"task": "derive", "documents": entries, "entry_point": program.manifest.entry_point}
        return await self._program(program, header, blobs, context, limits, datasets or {}, space, samples)

    async def aggregate(
        self,
        program: Program,
        graphs: Sequence[bytes],
        context: RunContext,
        limits: Limits,
        *,
        datasets: Mapping[str, bytes] | None = None,
        space: str = "",
        samples: bool = False,
    ) -> bytes:
        """The program's result over conformant N-Triples graphs. Same errors as ``derive``."""
        header = {"task": "aggregate", "entry_point": program.manifest.aggregate}
        return await self._program(
            program, header, list(graphs), context, limits, datasets or {}, space, samples
        )

    async def _program(
        self,
        program: Program,
        header: Mapping[str, object],
        blobs: Sequence[bytes],
        context: RunContext,
        limits: Limits,
        datasets: Mapping[str, bytes],
        space: str,
        samples: bool,
    ) -> bytes:
        told = {
            "now": context.now,
            "subject": context.subject,
            "parameters": dict(context.parameters),
        }
        job = wire.pack(
            {**header, "context": told, "datasets": list(datasets), "samples": samples},
            [*blobs, *datasets.values()],
        )
        purpose = Purpose(Kind.PROGRAM, f"{space} {program.digest}")
        left = await self._job(purpose, lambda: self._files(program), job, limits)
        return result_of(left, samples)

    def _files(self, program: Program) -> bytes:
        # Here is the one place where bytes become a running program: what was approved is what is loaded.
        if digest(program.manifest, program.files, program.executables) != program.digest:
            raise AlgorithmChanged(program.digest)
        return wire.pack({"holds": "files", "names": list(program.files)}, list(program.files.values()))

    # --- validation -----------------------------------------------------------------------------------

    async def validate(self, shapes: bytes, data: bytes, limits: Limits) -> Verdict:
        """Turtle shapes against N-Triples data. Raises ``ValidationFailed SandboxUnavailable``.

        Only the usual yes comes out of a process that has judged others before.
        """
        recheck = self._validations % self._recheck_every == 0
        self._validations += 1
        if not recheck and await self._conforms(shapes, data, limits):
            return Verdict(conforms=True, engine="shacl", report=(), covered=True)
        return await self._judged_alone(shapes, data, limits, recheck)

    async def _conforms(self, shapes: bytes, data: bytes, limits: Limits) -> bool:
        if not self._in_a_row or not may_be_judged_in_a_row(data):
            return False
        await self.start()
        try:
            async with self._pool.lease(_VALIDATION, nothing) as zygote:
                assert isinstance(zygote, ValidatorProcess)  # it was started for this
                return await zygote.conforms(shapes, data, limits, self._in_a_row)
        except ZygoteDied:
            return False

    async def _judged_alone(self, shapes: bytes, data: bytes, limits: Limits, recheck: bool) -> Verdict:
        job = wire.pack({"task": "validate", "recheck": recheck, "fast": True}, [shapes, data])
        left = await self._job(_VALIDATION, nothing, job, limits)
        if left.outcome != Outcome.OK:
            raise ValidationFailed(left.limit)
        told = wire.parse_message(left.content)
        if told["engine"] == "disagreement":
            self.disagreements += 1
        return Verdict(
            conforms=told["conforms"] is True,
            engine=str(told["engine"]),
            report=tuple(str(line) for line in told["report"]),
            covered=told["covered"] is True,
        )

    # --- previews -------------------------------------------------------------------------------------

    async def preview(self, document: Document, asked: Asked, bounds: Bounds, limits: Limits) -> Table:
        """One document as a table of what is asked, and nothing else of it.

        Raises ``PodUnreadable SandboxLimit SandboxUnavailable``.
        """
        header = {
            "task": "preview",
            "url": document.url,
            "media_type": document.media_type,
            "classes": list(asked.classes),
            "shapes": len(asked.shapes),
            "rows": bounds.rows,
            "characters": bounds.characters,
        }
        job = wire.pack(header, [document.content, *asked.shapes, *asked.naming])
        left = await self._job(Purpose(Kind.PREVIEW), nothing, job, limits)
        return table_of(left, bounds)

    async def statements(self, document: Document, limits: Limits) -> bytes:
        """One document as sorted N-Triples, at most ``limits.output_bytes`` of them.

        Raises ``PodUnreadable`` also for more than that, blank nodes and named graphs; ``SandboxLimit
        SandboxUnavailable``.
        """
        header = {"task": "statements", "url": document.url, "media_type": document.media_type}
        left = await self._job(Purpose(Kind.PREVIEW), nothing, wire.pack(header, [document.content]), limits)
        return statements_of(left)

    # --- queries --------------------------------------------------------------------------------------

    async def query(
        self,
        dataset: bytes,
        text: str,
        accept: ResultFormat | Sequence[ResultFormat],
        limits: Limits,
        *,
        view: str = "",
    ) -> Answer:
        """A SPARQL query over N-Quads; the default graph is the union of the named ones.

        With ``view``, a name of exactly this dataset, it is loaded once and kept for other queries of the
        same view. Raises ``QueryInvalid QueryRefused QueryLimit QueryFormatUnsupported SandboxUnavailable``.
        """
        guard(text)
        formats = [accept] if isinstance(accept, ResultFormat) else list(accept)
        header = {"task": "query", "accept": [str(one) for one in formats], "rows": self._max_rows}
        job = wire.pack(header, [text.encode()] if view else [text.encode(), dataset])
        purpose = Purpose(Kind.QUERY, view)
        frame = (lambda: wire.pack({"holds": "view"}, [dataset])) if view else nothing
        left = await self._job(purpose, frame, job, limits)
        return answer_of(left, formats)

    # --- every job ------------------------------------------------------------------------------------

    async def _job(self, purpose: Purpose, frame: Callable[[], bytes], job: bytes, limits: Limits) -> Left:
        await self.start()
        # One byte more than the limit: a query's fork puts the format it chose in front of the answer.
        handle, result = wire.sealed(job), wire.room(limits.output_bytes + 1)
        try:
            async with self._pool.lease(purpose, frame) as zygote:
                ended = await zygote.run(handle, result, limits)
            return left_by(ended, result, limits)
        except ZygoteDied:
            return Left(Outcome.FAILED)
        finally:
            os.close(handle)
            os.close(result)

    async def aclose(self) -> None:
        """End all zygotes; on return they are dead."""
        await self._pool.aclose()
