"""Whether this gate process takes new requests, and how many it is answering."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(slots=True)
class Lifecycle:
    """``draining`` is set once, when the process was asked to stop."""

    draining: bool = False
    under_way: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """Count one request in."""
        self.under_way += 1
        self._idle.clear()

    def end(self) -> None:
        """Count one request out."""
        self.under_way -= 1
        if self.under_way == 0:
            self._idle.set()

    async def drained(self, seconds: float) -> bool:
        """Wait until nothing is under way; false when the seconds were not enough."""
        if self.under_way == 0:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True


LIFECYCLE: web.AppKey[Lifecycle] = web.AppKey("lifecycle", Lifecycle)
