"""Places for parts, handed out by space in turn, so that nobody's large run stands before a small one."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairPlaces:
    """So many places; whoever waits gets the next one by turns of their spaces, not by the order of coming.

    A space that has no place at all gets one at once, beyond the number if need be: parts of another space
    that hang at slow pods may hold every place, and still hold up nobody else. What is beyond is bounded by
    the spaces that have jobs here, and so by the jobs that a worker does at once.
    """

    def __init__(self, places: int) -> None:
        self._places = max(1, places)
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # the space whose turn is next comes first

    @asynccontextmanager
    async def place(self, space_id: str) -> AsyncIterator[None]:
        """Hold a place for one part."""
        await self._taken(space_id)
        try:
            yield
        finally:
            self._given_back(space_id)

    async def _taken(self, space_id: str) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(space_id, deque()).append(mine)
        self._hand_out()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was given in the same moment: somebody else's now
                self._given_back(space_id)
            raise

    def _given_back(self, space_id: str) -> None:
        self._held[space_id] -= 1
        if not self._held[space_id]:
            del self._held[space_id]
        self._hand_out()

    def _hand_out(self) -> None:
        for space_id in list(self._waiting):
            if not self._held[space_id]:
                self._give(space_id)
        while self._waiting and self._held.total() < self._places:
            self._give(next(iter(self._waiting)))

    def _give(self, space_id: str) -> None:
        """A place for the space that has waited longest for its turn; then the others come first."""
        line = self._waiting.pop(space_id)
        while line:
            next_one = line.popleft()
            if not next_one.done():
                self._held[space_id] += 1
                next_one.set_result(None)
                break
        if line:
            self._waiting[space_id] = line
