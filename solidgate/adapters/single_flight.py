"""One request for everybody who wants the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class _Flight:
    """Work under way, and those who wait for its outcome."""

    __slots__ = ("task", "waiting")

    def __init__(self) -> None:
        self.task: asyncio.Task[None]
        self.waiting: set[asyncio.Future[Any]] = set()


class SingleFlight:
    """Work by key: whoever comes while it is under way gets its outcome, be it a value or an error.

    The work ends early when the last one who wants it goes away.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Flight] = {}

    async def share(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of the work under way for ``key``, or of ``work`` begun now."""
        flight = self._under_way.get(key) or self._begin(key, work)
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        flight.waiting.add(outcome)
        try:
            return await outcome
        except asyncio.CancelledError:
            flight.waiting.discard(outcome)
            if not flight.waiting and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()
                await asyncio.wait([flight.task])
            raise

    def _begin(self, key: Hashable, work: Callable[[], Awaitable[object]]) -> _Flight:
        flight = self._under_way[key] = _Flight()
        flight.task = asyncio.get_running_loop().create_task(self._fly(key, flight, work))
        return flight

    async def _fly(self, key: Hashable, flight: _Flight, work: Callable[[], Awaitable[object]]) -> None:
        """The outcome goes to each one directly: the way from a task to several who wait has more steps."""
        try:
            found = await work()
        except asyncio.CancelledError:
            _tell(flight, lambda outcome: outcome.cancel())
            raise
        except Exception as fault:  # noqa: BLE001 - it is raised where the outcome is waited for
            told = fault
            _tell(flight, lambda outcome: _fail(outcome, told))
        else:
            _tell(flight, lambda outcome: outcome.set_result(found))
        finally:
            self._forget(key, flight)

    def _forget(self, key: Hashable, flight: _Flight) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]


def _tell(flight: _Flight, how: Callable[[asyncio.Future[Any]], object]) -> None:
    for outcome in flight.waiting:
        if not outcome.done():  # that one was cancelled in this very moment
            how(outcome)


def _fail(outcome: asyncio.Future[Any], fault: Exception) -> None:
    outcome.set_exception(fault)
    outcome.exception()  # whoever wanted it may go away before it is raised
