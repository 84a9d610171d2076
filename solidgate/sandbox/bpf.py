"""A seccomp allow-list as classic BPF, assembled here so that no system library has to be present.

Everything that is not listed answers EPERM; a call of a foreign architecture, and on x86-64 one of the x32
table, kills the process. Numbers are those of the kernel's ``unistd.h`` for each architecture.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EPERM = 1

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_ALLOW = 0x7FFF0000

_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32_BIT = 0x40000000


@dataclass(frozen=True, slots=True)
class Architecture:
    """One system-call table: the ``AUDIT_ARCH`` value and the numbers of the calls that are allowed."""

    audit: int
    calls: Mapping[str, int]
    has_x32: bool = False


X86_64 = Architecture(
    0xC000003E,
    {
        "read": 0,
        "write": 1,
        "close": 3,
        "stat": 4,
        "fstat": 5,
        "lstat": 6,
        "lseek": 8,
        "mmap": 9,
        "mprotect": 10,
        "munmap": 11,
        "brk": 12,
        "rt_sigaction": 13,
        "rt_sigprocmask": 14,
        "rt_sigreturn": 15,
        "pread64": 17,
        "pwrite64": 18,
        "readv": 19,
        "writev": 20,
        "access": 21,
        "sched_yield": 24,
        "mremap": 25,
        "madvise": 28,
        "dup": 32,
        "nanosleep": 35,
        "getpid": 39,
        "exit": 60,
        "uname": 63,
        "getdents": 78,
        "getcwd": 79,
        "readlink": 89,
        "gettimeofday": 96,
        "getrlimit": 97,
        "getrusage": 98,
        "times": 100,
        "getuid": 102,
        "getgid": 104,
        "geteuid": 107,
        "getegid": 108,
        "getppid": 110,
        "sigaltstack": 131,
        "gettid": 186,
        "time": 201,
        "futex": 202,
        "getdents64": 217,
        "restart_syscall": 219,
        "clock_gettime": 228,
        "clock_getres": 229,
        "clock_nanosleep": 230,
        "exit_group": 231,
        "openat": 257,
        "newfstatat": 262,
        "readlinkat": 267,
        "faccessat": 269,
        "set_robust_list": 273,
        "getrandom": 318,
        "statx": 332,
        "rseq": 334,
        "faccessat2": 439,
        "open": 2,
        "fcntl": 72,
        "prlimit64": 302,
    },
    has_x32=True,
)

AARCH64 = Architecture(
    0xC00000B7,
    {
        "getcwd": 17, "dup": 23, "faccessat": 48, "openat": 56, "close": 57, "getdents64": 61,
        "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pwrite64": 68,
        "readlinkat": 78, "newfstatat": 79, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98,
        "set_robust_list": 99, "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114,
        "clock_nanosleep": 115, "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153, "uname": 160,
        "getrlimit": 163, "getrusage": 165, "gettimeofday": 169, "getpid": 172, "getppid": 173,
        "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178, "brk": 214,
        "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278,
        "statx": 291, "rseq": 293, "faccessat2": 439, "fcntl": 25, "prlimit64": 261,
    },
)  # fmt: skip

ARCHITECTURES: Mapping[str, Architecture] = {"x86_64": X86_64, "aarch64": AARCH64}

# F_SETOWN and F_SETSIG could make the kernel signal another process, so fcntl gets its commands listed.
_FCNTL_COMMANDS = (0, 1, 2, 3, 1030)  # F_DUPFD F_GETFD F_SETFD F_GETFL F_DUPFD_CLOEXEC

# prlimit64 may read the own limits and nothing else: with a pid it would change the zygote's.
_ARGUMENT_RULES: Mapping[str, tuple[tuple[int, tuple[int, ...]], ...]] = {
    "fcntl": ((1, _FCNTL_COMMANDS),),
    "prlimit64": ((0, (0,)), (2, (0,))),
}


@dataclass(slots=True)
class _Step:
    code: int
    value: int
    if_true: str = ""
    if_false: str = ""
    label: str = ""


def program(architecture: Architecture) -> bytes:
    """The filter as an array of ``struct sock_filter`` for ``architecture``."""
    steps = [
        _Step(_LOAD_WORD, _ARCH),
        _Step(_JUMP_EQUAL, architecture.audit, "", "kill"),
        _Step(_LOAD_WORD, _NUMBER),
    ]
    if architecture.has_x32:
        steps.append(_Step(_JUMP_AT_LEAST, _X32_BIT, "kill", ""))
    plain = [number for name, number in architecture.calls.items() if name not in _ARGUMENT_RULES]
    steps += [_Step(_JUMP_EQUAL, number, "allow", "") for number in plain]
    for name, rules in _ARGUMENT_RULES.items():
        steps += _with_arguments(name, architecture.calls[name], rules)
    steps += [
        _Step(_RETURN, _ERRNO | EPERM, label="refuse"),
        _Step(_RETURN, _ALLOW, label="allow"),
        _Step(_RETURN, _KILL_PROCESS, label="kill"),
    ]
    return _assemble(steps)


def _with_arguments(name: str, number: int, rules: Sequence[tuple[int, tuple[int, ...]]]) -> list[_Step]:
    """Steps that allow ``number`` only when each argument has one of its values; all 64 bits count."""
    steps = [_Step(_JUMP_EQUAL, number, "", f"after-{name}")]
    for index, values in rules:
        matched = f"{name}-{index}"
        offset = _ARGUMENTS + 8 * index
        steps += [_Step(_LOAD_WORD, offset + 4), _Step(_JUMP_EQUAL, 0, "", "refuse")]
        steps.append(_Step(_LOAD_WORD, offset))
        steps += [_Step(_JUMP_EQUAL, value, matched, "") for value in values[:-1]]
        steps.append(_Step(_JUMP_EQUAL, values[-1], matched, "refuse"))
        steps.append(_Step(_LOAD_WORD, _NUMBER, label=matched))
    steps.append(_Step(_JUMP_EQUAL, number, "allow", "allow"))
    steps.append(_Step(_LOAD_WORD, _NUMBER, label=f"after-{name}"))
    return steps


def _assemble(steps: Sequence[_Step]) -> bytes:
    places = {step.label: place for place, step in enumerate(steps) if step.label}
    code = bytearray()
    for place, step in enumerate(steps):
        jumps = [places[label] - place - 1 if label else 0 for label in (step.if_true, step.if_false)]
        code += struct.pack("=HBBI", step.code, *jumps, step.value)
    return bytes(code)
