"""Warm zygotes by what they are for: leased to one job at a time, ended when idle, replaced when dead."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from solidgate.adapters.sandbox_zygote import Readiness, ZygoteDied, ZygoteProcess
from solidgate.errors import SandboxUnavailable
from solidgate.sandbox import wire
from solidgate.sandbox.wire import Kind

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a zygote is for; two jobs share one only when these are equal."""

    kind: Kind
    key: str = ""


@dataclass(slots=True, eq=False)
class _Warm:
    purpose: Purpose
    process: ZygoteProcess
    idle_end: asyncio.TimerHandle | None = field(default=None)


class ZygotePool:
    """At most ``each`` zygotes for one purpose and ``total`` for all; a job waits for its turn."""

    def __init__(
        self,
        start: Callable[[Kind, bytes], ZygoteProcess],
        accept: Callable[[Readiness], None],
        *,
        each: int,
        total: int,
        idle_seconds: float,
    ) -> None:
        self._start = start
        self._accept = accept
        self._each, self._total, self._idle_seconds = each, max(total, 1), idle_seconds
        self._idle: list[_Warm] = []  # the longest idle first
        self._count: Counter[Purpose] = Counter()
        self._turn = asyncio.Condition()
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def lease(self, purpose: Purpose, frame: Callable[[], bytes]) -> AsyncIterator[ZygoteProcess]:
        """A zygote of one's own for the length of the block; ``frame`` gives a new one its first frame.

        Raises ``SandboxUnavailable`` when none can be started.
        """
        warm = await self._warm(purpose) or _Warm(purpose, await self._started(purpose, frame))
        kept = False
        try:
            yield warm.process
            kept = True
        except asyncio.CancelledError:
            kept = warm.process.alive
            raise
        except ZygoteDied:
            raise
        finally:
            await self._give_back(warm, kept and warm.process.alive)

    async def _warm(self, purpose: Purpose) -> _Warm | None:
        """An idle zygote, or None and the right to start one."""
        async with self._turn:
            while not self._closed:
                for warm in [one for one in self._idle if one.purpose == purpose]:
                    self._take(warm)
                    if warm.process.alive:
                        return warm
                    self._discard(warm)
                if self._count[purpose] < self._each and self._made_room():
                    self._count[purpose] += 1
                    return None
                await self._turn.wait()
        raise SandboxUnavailable("the sandbox is closed")

    def _made_room(self) -> bool:
        if self._count.total() < self._total:
            return True
        if not self._idle:
            return False
        oldest = self._idle[0]
        self._take(oldest)
        self._discard(oldest)
        return True

    async def _started(self, purpose: Purpose, frame: Callable[[], bytes]) -> ZygoteProcess:
        process: ZygoteProcess | None = None
        try:
            process = self._start(purpose.kind, frame())
            self._accept(await process.became_ready(START_SECONDS))
        except BaseException as problem:
            if process is not None:
                await process.aclose()
            await self._freed(purpose)
            if isinstance(problem, OSError | ZygoteDied):
                raise SandboxUnavailable("a jail could not be started") from problem
            raise
        return process

    async def _give_back(self, warm: _Warm, usable: bool) -> None:
        if usable and not self._closed:
            loop = asyncio.get_running_loop()
            warm.idle_end = loop.call_later(self._idle_seconds, self._retire, warm)
            self._idle.append(warm)
            await asyncio.shield(asyncio.ensure_future(self._notify()))
        else:
            await warm.process.aclose()
            await self._freed(warm.purpose)

    def _retire(self, warm: _Warm) -> None:
        if warm in self._idle:
            self._take(warm)
            self._discard(warm)
            self._later(self._notify())

    def _take(self, warm: _Warm) -> None:
        self._idle.remove(warm)
        if warm.idle_end is not None:
            warm.idle_end.cancel()
            warm.idle_end = None

    def _discard(self, warm: _Warm) -> None:
        self._count[warm.purpose] -= 1
        self._later(warm.process.aclose())

    def _later(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _freed(self, purpose: Purpose) -> None:
        self._count[purpose] -= 1
        await asyncio.shield(asyncio.ensure_future(self._notify()))

    async def _notify(self) -> None:
        async with self._turn:
            self._turn.notify_all()

    async def aclose(self) -> None:
        """End the idle ones; a leased one ends when its job gives it back."""
        self._closed = True
        for warm in list(self._idle):
            self._take(warm)
            self._discard(warm)
        await self._notify()
        while self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)


def nothing() -> bytes:
    """The frame of a zygote that holds no program and no data."""
    return wire.pack({"holds": "nothing"})
