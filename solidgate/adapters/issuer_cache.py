"""Answers of issuers and profiles, kept for a short while: one fetch for many askers, faults kept shorter.

Only what the other side did is everybody's. What happened to whoever fetched, an end of their consent or a
store that was away, is theirs alone: it is not kept, and who waited for the same answer asks for themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from solidgate.errors import PodFault

Value = TypeVar("Value")


@dataclass(slots=True)
class _Kept(Generic[Value]):
    task: asyncio.Task[Value]
    until: float
    asked: float
    wanted: int = 0


class TimedCache(Generic[Value]):
    """At most ``size`` answers by exact key, each for ``seconds``; a ``PodFault`` for ``fault_seconds``."""

    def __init__(
        self, now: Callable[[], float], *, seconds: float, fault_seconds: float, size: int = 1024
    ) -> None:
        self._now = now
        self._seconds = seconds
        self._fault_seconds = min(fault_seconds, seconds)
        self._size = size
        self._kept: dict[str, _Kept[Value]] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[Value]], *, not_before: float = 0) -> Value:
        """The kept answer, or a new one; one that was asked for before ``not_before`` does not count.

        Whoever is cancelled while waiting leaves the fetch to the others; it ends with the last of them, so
        that a step that was stopped leaves no request behind.
        """
        while True:
            kept = self._kept.get(key)
            is_own = kept is None or self._now() >= kept.until or kept.asked < not_before
            if kept is None or is_own:
                kept = self._start(key, make)
            try:
                return await self._shared(key, kept)
            except Exception as fault:
                if is_own or isinstance(fault, PodFault):
                    raise

    def kept(self, key: str) -> tuple[Value] | None:
        """The kept answer by itself, since it may be none; none when there is a fault, or one has to wait."""
        kept = self._kept.get(key)
        if kept is None or not kept.task.done() or self._now() >= kept.until:
            return None
        if kept.task.cancelled() or kept.task.exception():
            return None
        return (kept.task.result(),)

    async def _shared(self, key: str, kept: _Kept[Value]) -> Value:
        kept.wanted += 1
        try:
            return await asyncio.shield(kept.task)
        finally:
            kept.wanted -= 1
            if not kept.wanted and not kept.task.done():
                await self._end(key, kept)

    async def _end(self, key: str, kept: _Kept[Value]) -> None:
        if self._kept.get(key) is kept:
            del self._kept[key]
        kept.task.cancel()
        await asyncio.wait([kept.task])

    def asked_at(self, key: str) -> float | None:
        """When the kept answer was asked for; nothing when there is none."""
        kept = self._kept.get(key)
        return kept.asked if kept else None

    def forget(self, key: str) -> None:
        """Ask anew next time."""
        self._kept.pop(key, None)

    def _start(self, key: str, make: Callable[[], Awaitable[Value]]) -> _Kept[Value]:
        while len(self._kept) >= self._size:
            del self._kept[next(iter(self._kept))]
        now = self._now()
        kept = _Kept(asyncio.ensure_future(_awaited(make)), now + self._seconds, now)
        kept.task.add_done_callback(lambda task: self._shorten(kept, task))
        self._kept.pop(key, None)
        self._kept[key] = kept
        return kept

    def _shorten(self, kept: _Kept[Value], task: asyncio.Task[Value]) -> None:
        """Faults may pass soon; what is not the other side's, or was cancelled, is not kept at all."""
        if task.cancelled():
            kept.until = 0
        elif (fault := task.exception()) is not None:
            is_theirs = isinstance(fault, PodFault)
            kept.until = self._now() + self._fault_seconds if is_theirs else 0


async def _awaited(make: Callable[[], Awaitable[Value]]) -> Value:
    return await make()
