"""``solidgate algorithm …``: make, check, try and pack a program here; submit and approve it at a gate."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.algorithm import check as rules
from solidgate.algorithm.card import card
from solidgate.algorithm.manifest import Program
from solidgate.algorithm.pack import pack as packed
from solidgate.algorithm.sample import GROUP_EXPECTED, GROUP_SUBJECT, NOW, difference, samples_of
from solidgate.assets import asset
from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.organisation import NOBODY, Organisation
from solidgate.derived import shape_lint
from solidgate.errors import BadFile
from solidgate.pod.resource import Document
from solidgate.sandbox.limits import IsolationLevel, Limits, RunContext
from solidgate.sdk.client import GateClient
from solidgate.sdk.folder import read_algorithm
from solidgate.testing.algorithms import UnsafeInProcessRunner

_PROVIDED = ("pyoxigraph", "rdflib")
_NAME = re.compile(r"[a-z][a-z0-9]{0,40}(?:-[a-z0-9]{1,40})*")
InProcess = Annotated[bool, Parameter(name="--unsafe-in-process", negative="")]


class SandboxRunner:
    """Implements ``algorithm.check.Runner`` with the sandbox that runs use, for code without a loop."""

    def __init__(self, sandbox: BwrapSandbox, loop: asyncio.Runner, limits: Limits) -> None:
        self._sandbox, self._loop, self._limits = sandbox, loop, limits

    def derive(self, program: Program, documents: Sequence[Document], subject: str) -> bytes:
        """One sample's result; a fault names its class and line, since the documents are invented."""
        context = RunContext(program.manifest.time(NOW), subject, dict(program.manifest.parameters))
        return self._loop.run(self._sandbox.derive(program, documents, context, self._limits, samples=True))

    def aggregate(self, program: Program, graphs: Sequence[bytes], subject: str) -> bytes:
        """The result over all samples."""
        context = RunContext(program.manifest.time(NOW), subject, dict(program.manifest.parameters))
        return self._loop.run(self._sandbox.aggregate(program, graphs, context, self._limits, samples=True))

    def validate(self, shapes: bytes, content: bytes) -> Sequence[str]:
        """What both SHACL engines say."""
        verdict = self._loop.run(self._sandbox.validate(shapes, content, self._limits))
        uncovered = () if verdict.covered else ("a subject of the result is the target of no shape",)
        report = () if verdict.conforms else verdict.report or ("the result breaks its shapes",)
        return (*report, *uncovered)


@contextmanager
def _runner(common: Common, in_process: bool) -> Iterator[rules.Runner]:
    if in_process:
        yield UnsafeInProcessRunner()
        return
    sandbox = common.settings().sandbox
    limits = Limits(sandbox.cpu_seconds, sandbox.wall_seconds, sandbox.memory_bytes, sandbox.output_bytes)
    with asyncio.Runner() as loop:
        # Every verdict is repeated with the reference engine: this is the time to find where the two differ.
        cell = BwrapSandbox(minimum_level=IsolationLevel(sandbox.minimum_level), recheck_every=1)
        try:
            yield SandboxRunner(cell, loop, limits)
        finally:
            loop.run(cell.aclose())


def new(folder: Path, *, common: Common = DEFAULTS) -> None:
    """Make a folder with a small program that passes every check.

    Parameters
    ----------
    folder
        Where; its last part becomes the program's name.
    """
    name = folder.absolute().name
    if not _NAME.fullmatch(name):
        raise BadFile("the folder's name must be small letters and digits, with inner hyphens")
    if folder.exists():
        raise BadFile(f"{folder} exists already")
    shutil.copytree(
        asset("examples", "blank-algorithm"), folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    package = name.replace("-", "_")
    (folder / "blank").rename(folder / package)
    for file in folder.rglob("*.*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8").replace('"blank:', f'"{package}:')
            file.write_text(
                text.replace('"blank"', f'"{name}"').replace("/blank#", f"/{name}#"), encoding="utf-8"
            )
    common.show({"folder": str(folder), "name": name}, f"{folder}: run solidgate algorithm check {folder}")


def check(path: Path, *, in_process: InProcess = False, common: Common = DEFAULTS) -> int:
    """Find everything that is wrong with a program; its samples run in the sandbox.

    Parameters
    ----------
    path
        The algorithm's folder or package.
    in_process
        Run the samples without any isolation. Only for code that you trust.
    """
    program = read_algorithm(path)
    provided = {name: version(name) for name in _PROVIDED}
    with _runner(common, in_process) as runner:
        found = rules.check(
            program, runner, shape_lint=shape_lint.lint, provided=provided, python=sys.version_info[:2]
        )
    lines = [*map(str, found), f"{len(found)} findings"] if found else [_card(program), "no findings"]
    findings = [{"field": one.field, "rule": one.rule, "message": one.message} for one in found]
    common.show({"digest": program.digest, "ok": not found, "findings": findings}, "\n".join(lines))
    return 1 if found else 0


def run_samples(path: Path, *, in_process: InProcess = False, common: Common = DEFAULTS) -> int:
    """Run the samples and compare each result, and that about the group, with what is expected.

    Parameters
    ----------
    path
        The algorithm's folder or package.
    in_process
        Run without any isolation. Only for code that you trust.
    """
    program, told = read_algorithm(path), {}
    with _runner(common, in_process) as runner:
        graphs = []
        for sample in samples_of(program):
            graphs.append(runner.derive(program, sample.documents, sample.subject))
            told[sample.name] = _told(sample.expected, graphs[-1])
        if program.manifest.aggregate:
            content = runner.aggregate(program, graphs, GROUP_SUBJECT)
            told["group"] = _told(program.files.get(GROUP_EXPECTED, b""), content)
    good = all(one["ok"] for one in told.values())
    lines = [line for name, one in told.items() for line in _lines(name, one)]
    common.show({"ok": good, "samples": told}, "\n".join(lines) or "there are no samples")
    return 0 if good and told else 1


def pack(
    path: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    common: Common = DEFAULTS,
) -> None:
    """Write the one package of a program, and print its digest.

    Parameters
    ----------
    path
        The algorithm's folder.
    output
        Where; NAME-VERSION.zip here unless given.
    """
    program = read_algorithm(path)
    manifest = program.manifest
    target = output or Path(f"{manifest.name}-{manifest.version}.zip")
    content = packed(program.files, program.executables)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise BadFile(f"{target}: {error.strerror}") from error
    facts = {"package": str(target), "digest": program.digest, "bytes": len(content)}
    common.show(facts, f"{target}\n{program.digest}")


def submit(space: str, path: Path, *, organisation: Organisation = NOBODY, common: Common = DEFAULTS) -> None:
    """Send a program to a space whose agreement names its digest, as the code provider.

    Parameters
    ----------
    space
        The space's id.
    path
        The algorithm's folder or package.
    """

    async def act(client: GateClient) -> str:
        return await client.submit_algorithm(space, path)

    digest = organisation.call(act)
    common.show({"space": space, "digest": digest}, digest)


def approve(
    space: str,
    *,
    algorithm: str = "",
    agreement: str = "",
    decision: Literal["approve", "reject"] = "approve",
    organisation: Organisation = NOBODY,
    common: Common = DEFAULTS,
) -> None:
    """Say yes, or no, to exactly one program under exactly one agreement.

    Parameters
    ----------
    space
        The space's id.
    algorithm
        Digest that you have checked; the agreement's own unless given.
    agreement
        Digest of the agreement that you have read; the one that holds now unless given.
    decision
        approve or reject.
    """

    async def act(client: GateClient) -> tuple[str, str]:
        terms, found = await client.agreement(space)
        digests = agreement or found, algorithm or terms.algorithm
        await client.approve(space, *digests, decision)
        return digests

    terms_digest, program_digest = organisation.call(act)
    facts = {"agreement_digest": terms_digest, "algorithm_digest": program_digest, "decision": decision}
    common.show({"space": space, **facts}, f"{decision}: {program_digest}\n   under {terms_digest}")


def _card(program: Program) -> str:
    return "\n".join(f"{key:>10}  {text}" for key, text in card(program, "en"))


def _told(expected: bytes, content: bytes) -> dict[str, object]:
    missing, unasked = difference(expected, content)
    return {"ok": not missing and not unasked, "missing": list(missing), "unasked": list(unasked)}


def _lines(name: str, told: dict[str, object]) -> Iterator[str]:
    yield f"{name}: {'as expected' if told['ok'] else 'differs'}"
    for mark, key in (("-", "missing"), ("+", "unasked")):
        found = told[key]
        assert isinstance(found, list)
        yield from (f"  {mark} {line}" for line in found)
