"""Afterwards: work at pods that goes on when its person has been answered; one at a time for each name.

It lives in the process that has the person's session. What it does not end stays owed, and is done at their
next login.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import structlog

from solidgate.errors import InternalFault, SolidgateError

_log = structlog.get_logger()


@dataclass(slots=True)
class Afterwards:
    """The work under way, by name."""

    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict, repr=False)

    def begin(self, name: str, work: Callable[[], Awaitable[object]]) -> bool:
        """Begin it, unless something is under way by this name; whether it began."""
        if name in self._tasks:
            return False
        task = asyncio.get_running_loop().create_task(_told(name, work))
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._tasks.pop(name, None))
        return True

    def is_under_way(self, name: str) -> bool:
        """Whether something is still done under this name."""
        return name in self._tasks

    async def wait(self, names: Iterable[str], seconds: float) -> None:
        """Until all of these have ended, or the time has passed."""
        tasks = [self._tasks[name] for name in names if name in self._tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def stop(self, names: Iterable[str]) -> None:
        """End these."""
        tasks = [self._tasks[name] for name in names if name in self._tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def aclose(self) -> None:
        """End everything."""
        await self.stop(list(self._tasks))


async def _told(name: str, work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except SolidgateError as fault:
        _log.info("afterwards.left", task=name, code=fault.code)
    except Exception as fault:  # noqa: BLE001 - nobody waits for it any more
        _log.error("afterwards.left", task=name, code=InternalFault.code, exc_info=fault)
