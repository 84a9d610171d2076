"""What this machine can confine: found out once, by trying, never by what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from solidgate.adapters import sandbox_command as commands
from solidgate.adapters.sandbox_pool import START_SECONDS, nothing
from solidgate.adapters.sandbox_zygote import Readiness, ZygoteDied, ZygoteProcess
from solidgate.errors import SandboxUnavailable
from solidgate.sandbox.landlock import SIGNAL_SCOPE_ABI
from solidgate.sandbox.limits import IsolationLevel
from solidgate.sandbox.wire import Kind


@dataclass(frozen=True, slots=True)
class Machine:
    """What was found out: how a zygote is started here, the level, and what the next level lacks."""

    runtime: commands.Runtime
    bwrap: str | None
    level: IsolationLevel
    missing: tuple[str, ...]

    @property
    def namespaces(self) -> bool:
        return self.bwrap is not None

    def command(self, kind: Kind) -> commands.Command:
        if self.bwrap is not None:
            return commands.jailed(self.bwrap, self.runtime, kind)
        return commands.bare(self.runtime, kind)


def probe_level() -> tuple[IsolationLevel, list[str]]:
    """What this machine achieves and what is missing for the next level; starts and ends a jail.

    Raises ``SandboxUnavailable`` when not even a plain zygote comes up.
    """
    machine = establish()
    return machine.level, list(machine.missing)


def establish() -> Machine:
    """Find out, by trying. Raises ``SandboxUnavailable`` when not even a plain zygote comes up."""
    runtime = commands.discover()
    bwrap = commands.bubblewrap()
    missing = []
    readiness = _tried(commands.jailed(bwrap, runtime, Kind.QUERY)) if bwrap else None
    if readiness is None:
        missing.append("bubblewrap (install bubblewrap)" if bwrap is None else "user namespaces")
        bwrap, readiness = None, _tried(commands.bare(runtime, Kind.QUERY))
    if readiness is None:
        raise SandboxUnavailable("no jail comes up on this machine")
    if not readiness.seccomp:
        missing.append("seccomp for this architecture")
    if readiness.landlock < SIGNAL_SCOPE_ABI:
        missing.append(f"Landlock {SIGNAL_SCOPE_ABI} (Linux 6.12); this kernel has {readiness.landlock}")
    return Machine(runtime, bwrap, level_of(readiness, bwrap is not None), tuple(missing))


def _tried(command: commands.Command) -> Readiness | None:
    try:
        process = ZygoteProcess(command, nothing())
    except OSError:
        return None
    try:
        return process.ready(START_SECONDS)
    except ZygoteDied:
        return None
    finally:
        process.close()


def level_of(readiness: Readiness, namespaces: bool) -> IsolationLevel:
    """The level that a zygote proved."""
    if not readiness.seccomp:
        return IsolationLevel.L0
    if not namespaces:
        return IsolationLevel.L1 if readiness.landlock else IsolationLevel.L0
    return IsolationLevel.L2 if readiness.landlock else IsolationLevel.L1
