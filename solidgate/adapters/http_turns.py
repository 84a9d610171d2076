"""Politeness: a request waits for its turn, as the schedule gives it, before its deadline begins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from solidgate.adapters.http_schedule import Heard, Pace, Schedule, Ticket, Whom
from solidgate.errors import PodUnavailable

_NOT_THERE = frozenset({502, 503, 504})
_TOO_MUCH = frozenset({429, *_NOT_THERE})


@dataclass(slots=True)
class Turn:
    """One request's turn, which tells the schedule what was learned; nothing told is nothing learned."""

    heard: Heard | None = None

    def answered(self, status: int, latency: float, pause: float) -> None:
        """The head of an answer came after ``latency`` seconds; ``pause`` is what ``Retry-After`` asks.

        An origin that says when it will be back is there.
        """
        failed = status in _NOT_THERE and not pause
        self.heard = Heard(latency, status in _TOO_MUCH, failed, pause if status in (429, 503) else 0)

    def silent(self) -> None:
        """No connection, or no whole answer in time: an answer that had begun is only a slow one."""
        self.heard = Heard(overloaded=True, failed=self.heard is None)


class Turns:
    """The turns of one way out, on the clock of the running loop."""

    def __init__(self, pace: Pace) -> None:
        self._schedule = Schedule(pace)
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._alarm: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, origin: str, whom: Whom) -> AsyncIterator[Turn]:
        """Hold a place at one origin for a space (or person) and one part of its work.

        Raises ``PodUnavailable`` at once while the origin rests, or asked for a pause that is too long.
        """
        ticket = await self._wait(origin, whom)
        turn = Turn()
        try:
            yield turn
        finally:
            self._schedule.done(ticket, turn.heard, _now())
            self._go_on()

    async def _wait(self, origin: str, whom: Whom) -> Ticket:
        ticket = self._schedule.ask(origin, whom, _now())
        place = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        self._go_on()
        try:
            await place
        except asyncio.CancelledError:
            if self._waiting.pop(ticket, None) is not None:
                self._schedule.leave(ticket)
            elif ticket.began is not None:
                self._schedule.done(ticket, None, _now())
                self._go_on()
            raise
        return ticket

    def _go_on(self) -> None:
        now = _now()
        for ticket in self._schedule.refused(now):
            place = self._waiting.pop(ticket)
            if not place.done():
                place.set_exception(PodUnavailable("its server asked for time, or did not answer before"))
        for ticket in self._schedule.granted(now):
            place = self._waiting.pop(ticket)
            if not place.done():
                place.set_result(None)
        self._set_alarm(now)

    def _set_alarm(self, now: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if (at := self._schedule.wakes(now)) is not None:
            self._alarm = asyncio.get_running_loop().call_at(at, self._go_on)


def _now() -> float:
    return asyncio.get_running_loop().time()
