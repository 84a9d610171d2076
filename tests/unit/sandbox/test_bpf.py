"""The seccomp filter, run by a small interpreter for both architectures and by this kernel for its own."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys

import pytest

from solidgate.sandbox import bpf, jail

ALLOW, KILL, EPERM = 0x7FFF0000, 0x80000000, 0x00050001


def judged(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """What the filter returns for one call."""
    call = struct.pack("=IIQ6Q", number, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = [struct.unpack_from("=HBBI", program, place) for place in range(0, len(program), 8)]
    place, accumulator = 0, 0
    while True:
        code, if_true, if_false, value = steps[place]
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", call, value)
        elif code == 0x15:
            place += if_true if accumulator == value else if_false
        elif code == 0x35:
            place += if_true if accumulator >= value else if_false
        else:
            assert code == 0x06
            return value


@pytest.fixture(params=sorted(bpf.ARCHITECTURES))
def architecture(request: pytest.FixtureRequest) -> bpf.Architecture:
    return bpf.ARCHITECTURES[request.param]


def test_bpf_allows_exactly_what_is_listed(architecture: bpf.Architecture) -> None:
    program = bpf.program(architecture)
    listed = set(architecture.calls.values())
    assert len(listed) == len(architecture.calls)
    for number in range(600):
        expected = ALLOW if number in listed else EPERM
        assert judged(program, architecture.audit, number) == expected, number


def test_bpf_kills_foreign_architectures(architecture: bpf.Architecture) -> None:
    for audit in (0, 0x40000003, 0x40000028, 0xC000003E, 0xC00000B7):
        if audit != architecture.audit:
            assert judged(bpf.program(architecture), audit, 0) == KILL


def test_bpf_kills_the_x32_table() -> None:
    for number in (0, 39, 1 << 30, (1 << 32) - 1):
        assert judged(bpf.program(bpf.X86_64), bpf.X86_64.audit, number | 0x40000000) == KILL


def test_bpf_fcntl_takes_five_commands(architecture: bpf.Architecture) -> None:
    program, number = bpf.program(architecture), architecture.calls["fcntl"]
    for command in (*range(64), *range(1024, 1048), 1 << 32, (1 << 32) + 1):
        expected = ALLOW if command in (0, 1, 2, 3, 1030) else EPERM
        assert judged(program, architecture.audit, number, 7, command) == expected, command


@pytest.mark.parametrize("arguments", [(1, 0, 0), (0, 0, 1), (1 << 32, 0, 0), (0, 0, 1 << 32), (5, 3, 9)])
def test_bpf_prlimit_reads_the_own_limits_only(
    architecture: bpf.Architecture, arguments: tuple[int, ...]
) -> None:
    program, number = bpf.program(architecture), architecture.calls["prlimit64"]
    assert judged(program, architecture.audit, number, *arguments) == EPERM
    assert judged(program, architecture.audit, number, 0, 7, 0, 12345) == ALLOW


def test_bpf_fits_into_the_kernel(architecture: bpf.Architecture) -> None:
    assert len(bpf.program(architecture)) // 8 < 4096


@pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="x32 is a table of x86-64"
)
def test_bpf_x32_call_dies_of_sigsys() -> None:
    child = os.fork()
    if child == 0:
        try:
            policy = jail.available(["/"])
            jail.confine(jail.bars(policy), jail.Allowance(1, 1 << 34, 1 << 16))
            ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGSYS
