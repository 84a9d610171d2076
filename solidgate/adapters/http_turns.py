"""Politeness: how many requests at once, to one origin and to all, and how many a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_MANY_ORIGINS = 1024


@dataclass(slots=True)
class _Line:
    places: asyncio.Semaphore
    users: int = 0
    next_start: float = field(default=0.0)


class Turns:
    """A request waits for its turn before its deadline begins. ``per_second`` 0 means no such limit."""

    def __init__(self, *, per_origin: int, total: int, per_second: float) -> None:
        self._per_origin = per_origin
        self._spacing = 1 / per_second if per_second > 0 else 0.0
        self._total = asyncio.Semaphore(total)
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def turn(self, origin: str) -> AsyncIterator[None]:
        """Hold a place at one origin; first come, first served."""
        line = self._line(origin)
        line.users += 1
        try:
            async with line.places:
                await self._wait_for_start(line)
                async with self._total:
                    yield
        finally:
            line.users -= 1

    async def _wait_for_start(self, line: _Line) -> None:
        if not self._spacing:
            return
        now = asyncio.get_running_loop().time()
        start = max(now, line.next_start)
        line.next_start = start + self._spacing
        await asyncio.sleep(start - now)

    def _line(self, origin: str) -> _Line:
        if len(self._lines) >= _MANY_ORIGINS:
            now = asyncio.get_running_loop().time()
            self._lines = {k: v for k, v in self._lines.items() if v.users or v.next_start > now}
        return self._lines.setdefault(origin, _Line(asyncio.Semaphore(self._per_origin)))
