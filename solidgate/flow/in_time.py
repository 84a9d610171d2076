"""How work is waited for: so long and no longer, or to its end whatever becomes of the waiter."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def in_time(work: Coroutine[object, object, T], seconds: float) -> T:
    """What the work gives, or its error. ``TimeoutError`` when it is late: then it is told to end."""
    return await waited(asyncio.get_running_loop().create_task(work), seconds)


async def waited(task: asyncio.Task[T], seconds: float) -> T:
    """The same for a task, which goes on when its waiter is cancelled.

    Not ``asyncio.timeout``: that one waits until the work has ended, and a driver whose server is silent ends
    late.
    """
    await asyncio.wait([task], timeout=seconds)
    if not task.done():
        task.cancel()
        task.add_done_callback(seen)
        raise TimeoutError
    if task.cancelled():
        raise TimeoutError
    return task.result()


async def until_ended(task: asyncio.Future[T]) -> None:
    """Return when the work has ended. A waiter that is cancelled ends it, and goes once it has."""
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise


def seen(task: asyncio.Task[T]) -> None:
    """Nobody may wait for it any more: then its error is nobody's."""
    if not task.cancelled():
        task.exception()
