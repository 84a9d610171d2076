"""What a hostile program obtains: nothing. One row an attack, each with its outcome, a clean run after it."""

from __future__ import annotations

import os
import platform
import runpy
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from solidgate.adapters.sandbox_bwrap import BwrapSandbox
from solidgate.adapters.sandbox_machine import probe_level
from solidgate.algorithm.digest import digest
from solidgate.algorithm.manifest import Manifest, Program
from solidgate.errors import SandboxFailed, SandboxLimit
from solidgate.pod.resource import Document
from solidgate.sandbox.limits import IsolationLevel, Limits, RunContext

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROBE = Path(__file__).with_name("sandbox_probe.py")
LIMITS = Limits(cpu_seconds=1, wall_seconds=5, memory_bytes=512 * 1024 * 1024, output_bytes=64 * 1024)
NO_WAIT = Limits(cpu_seconds=1, wall_seconds=0.3, memory_bytes=512 * 1024 * 1024, output_bytes=64 * 1024)
CLEAN = b"def derive(person):\n    return f'<{person.subject}> <urn:probe:n> {len(list(person.quads))} .'\n"

OUTSIDE = {"ENOENT", "EACCES", "EPERM", "EROFS"}

ANSWERS = {
    "connect to the host": {"EPERM"},
    "look up a name": {"gaierror"},
    "unix socket": {"EPERM"},
    "read the host's file": OUTSIDE,
    "read shadow": OUTSIDE,
    "climb out": OUTSIDE,
    "list the root": {"EACCES"},
    "list proc": OUTSIDE,
    "read own environ": OUTSIDE,
    "read own memory file": OUTSIDE,
    "list dev": OUTSIDE,
    "list sys": OUTSIDE,
    "environment": {"0 variables"},
    "C environment": {"0"},
    "write to tmp": OUTSIDE,
    "write to shared memory": OUTSIDE,
    "write to the root": OUTSIDE,
    "write to the code": OUTSIDE,
    "write to a library": OUTSIDE,
    "read the zygote's argument": OUTSIDE,
    "descriptors": {"4 open"},  # three null ones and the sealed room for the result
    "null descriptors": {"111"},
    "memory of others": {"0 found"},
    "shared module state": {"0 found"},
    "thread": {"refused"},
    "python fork": {"EPERM"},
    "fork bomb": {"0 born"},
    "fork bomb by raw calls": {"0 born"},
    "thread bomb": {"0 born"},
    "program bomb": {"0 born"},
    "kill the zygote": {"EPERM"},
    "kill everybody": {"EPERM"},
    "change the zygote's limits": {"EPERM"},
    "monkeypatch": {"only here"},
}
ENDINGS = {
    "x32 call": (LIMITS, SandboxFailed),
    "32-bit call": (LIMITS, SandboxFailed),
    "segfault": (LIMITS, SandboxFailed),
    "exit": (LIMITS, SandboxFailed),
    "raise": (LIMITS, SandboxFailed),
    "leave by exception": (LIMITS, SandboxFailed),
    "endless recursion": (LIMITS, SandboxFailed),
    "close everything": (LIMITS, SandboxFailed),
    "scribble on the answer": (LIMITS, None),
    "spin": (LIMITS, SandboxLimit),
    "sleep": (NO_WAIT, SandboxLimit),
    "memory bomb": (LIMITS, SandboxLimit),
    "long answer": (LIMITS, SandboxLimit),
}
RAW = sorted(runpy.run_path(str(PROBE))["CALLS"])
X86_ONLY = {"x32 call", "32-bit call"}


def program(source: bytes) -> Program:
    manifest = Manifest("probe", "1", "probe.main:derive", "shapes/out.ttl")
    files = {
        "probe/__init__.py": b"",
        "probe/main.py": source,
        "shapes/out.ttl": b"",
        "requirements.lock": b"",
    }
    return Program(digest(manifest, files), manifest, files)


HOSTILE = program(PROBE.read_bytes())
MARKED = Document("https://pod.example/a", "text/turtle", b'<> <urn:p> "PERSON-123456" .')


@pytest.fixture(scope="module")
def host_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[BwrapSandbox]:
    os.environ["SOLIDGATE_CANARY"] = "seen"
    one = BwrapSandbox(zygotes=1, minimum_level=IsolationLevel.L1)
    yield one
    await one.aclose()
    del os.environ["SOLIDGATE_CANARY"]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    place = tmp_path / "secret"
    place.write_text("secret")
    place.chmod(0o644)
    return place


async def told(sandbox: BwrapSandbox, attack: str, limits: Limits = LIMITS, **parameters: object) -> str:
    context = RunContext("2026-11-22T00:00:00Z", "urn:probe:result", {"attack": attack, **parameters})
    result = await sandbox.derive(HOSTILE, [], context, limits)
    return result.decode().split('"')[1]


async def clean_run(sandbox: BwrapSandbox) -> None:
    """The next person of the same program, and one of another: both as if nothing had happened."""
    assert await told(sandbox, "shared module state") == "0 found"
    context = RunContext("2026-11-22T00:00:00Z", "urn:probe:result")
    found = await sandbox.derive(program(CLEAN), [MARKED], context, LIMITS)
    assert b'"1"' in found


@pytest.mark.parametrize("attack", ANSWERS)
async def test_probe_is_refused(attack: str, sandbox: BwrapSandbox, host_port: int, secret: Path) -> None:
    if attack == "memory of others":  # somebody comes before
        context = RunContext("2026-11-22T00:00:00Z", "urn:probe:result", {"attack": "environment"})
        await sandbox.derive(HOSTILE, [MARKED], context, LIMITS)
    assert await told(sandbox, attack, port=host_port, file=str(secret)) in ANSWERS[attack]
    await clean_run(sandbox)


async def test_probe_sees_only_the_cage_as_host_name(sandbox: BwrapSandbox) -> None:
    if sandbox.level < IsolationLevel.L2:
        pytest.skip("this machine forbids namespaces: " + ", ".join(probe_level()[1]))
    assert await told(sandbox, "host name") == "cage"


@pytest.mark.parametrize("call", RAW)
async def test_probe_raw_call_answers_eperm(call: str, sandbox: BwrapSandbox) -> None:
    assert await told(sandbox, f"raw {call}") == "EPERM"


@pytest.mark.parametrize("attack", ENDINGS)
async def test_probe_ends_its_own_run_only(attack: str, sandbox: BwrapSandbox) -> None:
    if attack in X86_ONLY and platform.machine() != "x86_64":
        pytest.skip("a call of x86-64 only")
    limits, ending = ENDINGS[attack]
    if ending is None:
        assert await told(sandbox, attack, limits)  # its own room is its own to spoil; the last word is ours
    else:
        with pytest.raises(ending) as problem:
            await told(sandbox, attack, limits, secret="PERSON-123456")
        assert "PERSON" not in str(problem.value)
    await clean_run(sandbox)
