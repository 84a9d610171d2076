"""Politeness: a request waits for its turn, as the schedule gives it, before its deadline begins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from solidgate.adapters.http_schedule import Heard, Pace, Schedule, Ticket, Whom
from solidgate.errors import PodUnavailable

_NOT_THERE = frozenset({502, 503, 504})
_TOO_MUCH = frozenset({429, *_NOT_THERE})


@dataclass(slots=True)
class Turn:
    """One request's turn, which tells the schedule what was learned; nothing told is nothing learned.

    A place at one origin is held for the length of the block. Entering raises ``PodUnavailable`` at once
    while the origin rests, or asked for a pause that is too long.
    """

    turns: Turns
    origin: str
    whom: Whom
    heard: Heard | None = None
    ticket: Ticket | None = None

    async def __aenter__(self) -> Turn:
        self.ticket = await self.turns.wait(self.origin, self.whom)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.ticket is not None  # it was entered
        self.turns.done(self.ticket, self.heard)

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

    def turn(self, origin: str, whom: Whom) -> Turn:
        """A turn at one origin for a space (or person) and one part of its work; enter it to have it."""
        return Turn(self, origin, whom)

    def done(self, ticket: Ticket, heard: Heard | None) -> None:
        """A request ended, and its place is free."""
        self._schedule.done(ticket, heard, _now())
        self._go_on()

    async def wait(self, origin: str, whom: Whom) -> Ticket:
        """A place at one origin, as soon as there is one. Raises ``PodUnavailable``."""
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
