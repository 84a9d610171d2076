"""How much one sandboxed process may use, and how well it is confined. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class IsolationLevel(IntEnum):
    """What was achieved on this machine; an agreement sets the minimum, a receipt states the achieved.

    L3: namespaces (bubblewrap), Landlock with signal scope, seccomp, control group.
    L2: L3 without a control group, or with an older Landlock.
    L1: Landlock and seccomp without namespaces: metadata of files may be visible.
    L0: a plain process; refused outside tests.
    """

    L0 = 0
    L1 = 1
    L2 = 2
    L3 = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of CPU and of wall clock, bytes of address space and of output, for one process."""

    cpu_seconds: float = 10.0
    wall_seconds: float = 20.0
    memory_bytes: int = 512 * 1024 * 1024
    output_bytes: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a program may know about its run: the time (ISO 8601, UTC), a subject IRI and parameters.

    ``subject`` is the IRI that the result must be about (a pairwise pseudonym, never a WebID).
    """

    now: str
    subject: str
    parameters: Mapping[str, object] = field(default_factory=dict)
