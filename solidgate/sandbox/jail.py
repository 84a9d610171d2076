"""What one fork gives up before it touches anything untrusted: descriptors, limits, files, system calls.

The order matters: resource limits and Landlock need calls that seccomp then takes away. Nothing here is
undone, and any step that fails ends the fork: a job never runs with less than the level that was reported.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import platform
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solidgate.sandbox import bpf, landlock

_PDEATHSIG, _SET_DUMPABLE, _SET_SECCOMP, _SET_NO_NEW_PRIVS = 1, 4, 22, 38
_FILTER_MODE = 2
_OPEN_FILES = 64

_libc = ctypes.CDLL(None, use_errno=True)


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


@dataclass(frozen=True, slots=True)
class Policy:
    """How a fork is confined. ``landlock`` is an ABI version, 0 for none; ``seccomp`` a machine or ``""``."""

    roots: tuple[str, ...]
    landlock: int
    seccomp: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A policy made ready once, for any number of forks: Landlock's rules (-1 for none), and the filter."""

    rules: int
    steps: bytes

    @property
    def kept(self) -> tuple[int, ...]:
        """What ``detach`` must leave open for ``confine``, which closes it."""
        return () if self.rules < 0 else (self.rules,)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a fork may use: whole seconds of CPU, bytes of address space, bytes of output."""

    cpu_seconds: float
    memory_bytes: int
    output_bytes: int


def _prctl(option: int, *arguments: object) -> None:
    padded = [*arguments, *[ctypes.c_ulong(0)] * (4 - len(arguments))]
    if _libc.prctl(ctypes.c_int(option), *padded) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def available(roots: Sequence[str]) -> Policy:
    """The strongest policy that this kernel and architecture offer."""
    machine = platform.machine()
    filtered = machine if machine in bpf.ARCHITECTURES and _knows_seccomp() else ""
    return Policy(tuple(roots), landlock.abi(), filtered)


def _knows_seccomp() -> bool:
    """Whether the kernel has filter mode: with a null filter it answers EFAULT, without it EINVAL."""
    result = _libc.prctl(
        ctypes.c_int(_SET_SECCOMP), ctypes.c_ulong(_FILTER_MODE), None, ctypes.c_ulong(0), ctypes.c_ulong(0)
    )
    return bool(result != 0 and ctypes.get_errno() == 14)


def bars(policy: Policy) -> Bars:
    """The same for each fork, so the zygote makes it. Raises OSError."""
    rules = landlock.reading_only(policy.roots, policy.landlock) if policy.landlock else -1
    return Bars(rules, bpf.program(bpf.ARCHITECTURES[policy.seccomp]) if policy.seccomp else b"")


def detach(parent: int, keep: Sequence[int]) -> None:
    """Die with the zygote, in an own session, with no descriptor but ``keep`` and three null ones."""
    _prctl(_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)
    os.setsid()
    os.dup2(1, 0)  # the zygote's 0 is the control socket; its 1 and 2 are null
    last = 3
    for descriptor in sorted(keep):
        os.closerange(last, descriptor)
        last = descriptor + 1
    os.closerange(last, max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1024))


def confine(made: Bars, allowance: Allowance) -> None:
    """Limits, then Landlock, then seccomp. Raises OSError when any of them does not hold."""
    _limit(allowance)
    _prctl(_SET_DUMPABLE, ctypes.c_ulong(0))
    _prctl(_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))
    if made.rules >= 0:
        landlock.restrict(made.rules)
    if made.steps:
        _filter(made.steps)


def _limit(allowance: Allowance) -> None:
    cpu = max(1, math.ceil(allowance.cpu_seconds))
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_AS, allowance.memory_bytes, allowance.memory_bytes),
        (resource.RLIMIT_FSIZE, allowance.output_bytes, allowance.output_bytes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
    ):
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))


def _filter(steps: bytes) -> None:
    program = _FilterProgram(len(steps) // 8, steps)
    _prctl(_SET_SECCOMP, ctypes.c_ulong(_FILTER_MODE), ctypes.byref(program))


def holds(policy: Policy) -> bool:
    """Whether this confined process is refused a socket, a fork and a folder outside; tried, not assumed."""
    attempts: list[Callable[[], object]] = []
    if policy.seccomp:
        attempts += [socket.socket, os.fork, lambda: os.kill(os.getppid(), 0)]
    if policy.landlock:
        attempts += [lambda: os.scandir("/"), lambda: os.open("/cage-probe", os.O_CREAT | os.O_WRONLY)]
    return all(_refused(attempt) for attempt in attempts)


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as problem:
        return problem.errno in (errno.EPERM, errno.EACCES, errno.EROFS)
    return False
