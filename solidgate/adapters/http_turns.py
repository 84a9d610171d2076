"""Politeness: a request waits for its turn, as the schedule gives it, before its deadline begins."""

from __future__ import annotations

import asyncio

from solidgate.adapters.http_schedule import Heard, Pace, Schedule, Ticket, Whom
from solidgate.errors import PodUnavailable

_NOT_THERE = frozenset({502, 503, 504})
_TOO_MUCH = frozenset({429, *_NOT_THERE})


class Turns:
    """The turns of one way out, on the clock of the running loop.

    A place at one origin is held from ``begin`` to ``done``, which hands on what was learned meanwhile.
    """

    def __init__(self, pace: Pace) -> None:
        self._schedule = Schedule(pace)
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._alarm: asyncio.TimerHandle | None = None

    async def begin(self, origin: str, whom: Whom) -> Ticket:
        """A place at one origin for a space (or person) and one part of its work, as soon as there is one.

        Raises ``PodUnavailable`` at once while the origin rests, or asked for a pause that is too long.
        """
        return self._schedule.at_once(origin, whom, _now()) or await self._wait(origin, whom)

    def done(self, ticket: Ticket) -> None:
        """A request ended, and its place is free."""
        self._schedule.done(ticket, ticket.heard, _now())
        if self._waiting:
            self._go_on()

    async def _wait(self, origin: str, whom: Whom) -> Ticket:
        others = self._schedule.is_awaited(origin)
        ticket = self._schedule.ask(origin, whom, _now())
        place = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        if not others:  # whoever waits there already was looked after: one more at the end changes nothing
            self._go_on()
        try:
            await place
        except asyncio.CancelledError:
            if self._waiting.pop(ticket, None) is not None:
                self._schedule.leave(ticket)
            elif ticket.began is not None:
                self.done(ticket)
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


def answered(status: int, latency: float, pause: float) -> Heard:
    """The head of an answer came after ``latency`` seconds; ``pause`` is what ``Retry-After`` asks.

    An origin that says when it will be back is there.
    """
    if status not in _TOO_MUCH:
        return Heard(latency)
    return Heard(latency, True, status in _NOT_THERE and not pause, pause if status in (429, 503) else 0)


def silent(heard: Heard | None) -> Heard:
    """No connection, or no whole answer in time: an answer that had begun is only a slow one."""
    return Heard(overloaded=True, failed=heard is None)


def _now() -> float:
    return asyncio.get_running_loop().time()
