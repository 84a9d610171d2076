"""Small results judged one after another: only a yes comes out of it, and nobody meets anybody else's."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from solidgate.adapters import sandbox_judge
from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.adapters.sandbox_judge import ValidatorProcess, may_be_judged_in_a_row
from solidgate.adapters.sandbox_zygote import ZygoteDied
from solidgate.errors import ValidationFailed
from solidgate.sandbox.judging import MOST_BYTES, Judge
from solidgate.sandbox.limits import IsolationLevel, Limits
from solidgate.sandbox.wire import Kind

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = Limits(cpu_seconds=5, wall_seconds=10)
PREFIXES = (
    "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> . "
    "@prefix ex: <urn:ex:> .\n"
)
INTEGER = "^^<http://www.w3.org/2001/XMLSchema#integer>"


COUNTED = "ex:S a sh:NodeShape ; sh:targetSubjectsOf ex:n ;"


def shapes(most: int) -> bytes:
    """A count of at most ``most``."""
    return f"{PREFIXES}{COUNTED} sh:property [ sh:path ex:n ; sh:maxInclusive {most} ] .".encode()


def count(number: int) -> bytes:
    return f'<urn:r:{number}> <urn:ex:n> "{number}"{INTEGER} .\n'.encode()


ENDLESS = (
    PREFIXES
    + "ex:S a sh:NodeShape ; sh:targetSubjectsOf ex:next ;"
    + " sh:property [ sh:path [ sh:zeroOrMorePath ex:next ] ; sh:nodeKind sh:IRI ] ."
).encode()
CHAIN = "\n".join(f"<urn:n:{n}> <urn:ex:next> <urn:n:{n + 1}> ." for n in range(1500)).encode()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def machine() -> AsyncIterator[BwrapSandbox]:
    one = BwrapSandbox(zygotes=1, minimum_level=IsolationLevel.L1, recheck_every=1_000_000)
    assert (await one.validate(shapes(9), count(1), LIMITS)).engine == "pyshacl"  # the first is rechecked
    yield one
    await one.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(machine: BwrapSandbox) -> BwrapSandbox:
    """The same one, with no row begun."""
    with suppress(ValidationFailed):
        await machine.validate(b"none", b"", LIMITS)
    assert in_a_row() == []
    return machine


def zygote(sandbox: BwrapSandbox) -> ValidatorProcess:
    (found,) = [warm.process for warm in sandbox._pool._idle if warm.purpose.kind is Kind.VALIDATE]
    assert isinstance(found, ValidatorProcess)
    return found


def in_a_row() -> list[psutil.Process]:
    """The confined processes below this one."""
    below = psutil.Process().children(recursive=True)
    return [one for one in below if "Seccomp:\t2" in status(one.pid)]


def status(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/status").read_text()
    return ""


async def test_one_process_judges_several_and_is_confined_like_any_other(sandbox: BwrapSandbox) -> None:
    seen = set()
    for number in range(5):
        verdict = await sandbox.validate(shapes(9), count(number), LIMITS)
        assert (verdict.conforms, verdict.covered, verdict.engine) == (True, True, "shacl")
        (process,) = in_a_row()
        assert "NoNewPrivs:\t1" in status(process.pid)
        assert process.num_fds() == 4  # three null ones and its channel
        assert process.rlimit(psutil.RLIMIT_NPROC) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_AS)[0] == LIMITS.memory_bytes
        seen.add(process.pid)
    assert len(seen) == 1


async def test_whoever_gets_no_yes_is_judged_alone(sandbox: BwrapSandbox) -> None:
    await sandbox.validate(shapes(9), count(1), LIMITS)
    no = await sandbox.validate(shapes(9), count(10), LIMITS)
    assert (no.conforms, no.engine) == (False, "pyshacl")
    loose = await sandbox.validate(shapes(9), count(1) + b"<urn:x> <urn:ex:m> <urn:y> .\n", LIMITS)
    assert (loose.conforms, loose.covered) == (True, False)
    assert in_a_row() == []  # and the row has ended for them
    assert (await sandbox.validate(shapes(9), count(1), LIMITS)).conforms


async def test_nobody_is_judged_by_the_shapes_of_others(sandbox: BwrapSandbox) -> None:
    for most in (9, 5, 9, 5):
        assert (await sandbox.validate(shapes(most), count(7), LIMITS)).conforms == (most == 9)


async def test_a_verdict_does_not_depend_on_who_came_before(sandbox: BwrapSandbox) -> None:
    """The same node again, with less said of it: a judge that remembered would see both."""
    both = f"{PREFIXES}{COUNTED} sh:property [ sh:path ex:n ; sh:minCount 2 ] ."
    one = f'<urn:r> <urn:ex:n> "1"{INTEGER} .\n'
    two = one + f'<urn:r> <urn:ex:n> "2"{INTEGER} .\n'
    judge = Judge(both.encode())
    assert [judge.word(each.encode()) for each in (two, one, two, one)] == [b"y", b"?", b"y", b"?"]
    assert (await sandbox.validate(both.encode(), two.encode(), LIMITS)).conforms
    assert not (await sandbox.validate(both.encode(), one.encode(), LIMITS)).conforms


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"_:a <urn:p> <urn:o> .",
        b"<urn:s> <urn:p> _:b .",
        b"<urn:s> <urn:p> <urn:o> <urn:g> .",
        b"<urn:s> <urn:p> <<( <urn:s> <urn:p> <urn:o> )>> .",
        b"@prefix a: <urn:a:> .",
        b"# only a comment",
        b"<urn:s> <urn:p> <urn:o> .\n" * (MOST_BYTES // 20),
    ],
)
async def test_what_is_large_or_not_plain_is_judged_alone(sandbox: BwrapSandbox, content: bytes) -> None:
    assert not may_be_judged_in_a_row(content)
    with suppress(ValidationFailed):
        await sandbox.validate(shapes(9), content, LIMITS)
    assert in_a_row() == []


async def test_a_killed_row_costs_nobody_a_verdict(sandbox: BwrapSandbox) -> None:
    await sandbox.validate(shapes(9), count(1), LIMITS)
    (process,) = in_a_row()
    os.kill(process.pid, signal.SIGKILL)
    assert (await sandbox.validate(shapes(9), count(2), LIMITS)).conforms
    assert (await sandbox.validate(shapes(9), count(3), LIMITS)).conforms


async def test_a_row_that_is_slow_is_ended_and_the_next_are_judged(
    sandbox: BwrapSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_judge, "SOON_SECONDS", 0.2)
    with pytest.raises(ValidationFailed):
        await sandbox.validate(ENDLESS, CHAIN, Limits(cpu_seconds=1, wall_seconds=1.5))
    assert in_a_row() == []
    assert (await sandbox.validate(shapes(9), count(2), LIMITS)).conforms


async def test_a_cancelled_row_is_dead(sandbox: BwrapSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_judge, "SOON_SECONDS", 60.0)
    work = asyncio.ensure_future(sandbox.validate(ENDLESS, CHAIN, LIMITS))
    for _ in range(1000):
        if in_a_row():
            break
        await asyncio.sleep(0.01)
    (process,) = in_a_row()
    work.cancel()
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not psutil.pid_exists(process.pid)
    assert (await sandbox.validate(shapes(9), count(2), LIMITS)).conforms


async def test_a_row_has_an_end(sandbox: BwrapSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_in_a_row", 2)
    seen = []
    for number in range(6):
        assert (await sandbox.validate(shapes(9), count(number), LIMITS)).conforms
        seen.append(in_a_row()[0].pid)
    assert len(set(seen)) == 3
    await sandbox.validate(shapes(8), count(1), LIMITS)
    (early,) = in_a_row()
    zygote(sandbox)._row_ends = 0.0  # its time is over
    assert (await sandbox.validate(shapes(8), count(2), LIMITS)).conforms
    assert not psutil.pid_exists(early.pid)


async def test_an_operator_may_give_each_result_a_process_of_its_own(
    sandbox: BwrapSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_in_a_row", 0)
    assert (await sandbox.validate(shapes(9), count(1), LIMITS)).conforms
    assert in_a_row() == []


@pytest.mark.parametrize("word", [b"?", b"n", b"yy", b"Y", b"\0", b"y" * 20_000])
async def test_only_one_byte_is_a_yes(sandbox: BwrapSandbox, word: bytes) -> None:
    """Whatever a process that was taken over says: it is a yes to this one result, or it is nothing."""
    process = zygote(sandbox)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.send(word)
    process._row, process._shapes, process._row_ends = ours, shapes(9), float("inf")
    assert not await process.conforms(shapes(9), count(1), LIMITS, 100)
    process._row.close()
    process._row = None
    theirs.close()


async def test_a_row_that_ended_says_nothing(sandbox: BwrapSandbox) -> None:
    process = zygote(sandbox)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.close()
    process._row, process._shapes, process._row_ends = ours, shapes(9), float("inf")
    with pytest.raises(ZygoteDied):
        await process.conforms(shapes(9), count(1), LIMITS, 100)
    assert not process.alive
