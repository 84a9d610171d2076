"""One request for everybody who wants the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlight:
    """Work by key: whoever comes while it is under way gets its outcome, be it a value or an error.

    The work ends early when the last one who wants it goes away.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, tuple[asyncio.Task[Any], list[None]]] = {}

    async def share(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of the work under way for ``key``, or of ``work`` begun now."""
        task, wanted = self._under_way.get(key) or self._begin(key, work)
        wanted.append(None)
        try:
            return await asyncio.shield(task)
        finally:
            wanted.pop()
            if not wanted and not task.done():
                self._forget(key, task)
                task.cancel()
                await asyncio.wait([task])

    def _begin(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> tuple[asyncio.Task[Any], list[None]]:
        task = asyncio.ensure_future(work())
        assert isinstance(task, asyncio.Task)
        task.add_done_callback(lambda done: self._forget(key, done))
        self._under_way[key] = (task, [])
        return self._under_way[key]

    def _forget(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if self._under_way.get(key, (None,))[0] is task:
            del self._under_way[key]
        if task.done() and not task.cancelled():
            task.exception()  # whoever wanted it may have gone
