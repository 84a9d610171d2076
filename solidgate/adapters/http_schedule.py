"""Who is next on the way out: bounded for each origin and in all, fair, and patient with tired origins.

Origins take turns; at one origin the spaces take turns, and within a space its parts. A place in eight is
kept for origins that have nothing under way, so that slow ones never hold them all. Pure: times are
arguments, in seconds of one monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from solidgate.adapters.http_breaker import Breaker
from solidgate.adapters.http_window import Window

_MANY_ORIGINS = 1024
_KEPT_OF = 8

Whom = tuple[Hashable, Hashable]


@dataclass(frozen=True, slots=True)
class Pace:
    """Every bound. ``start`` and ``most`` are requests at once to one origin, ``total`` to all.

    ``per_second`` 0 means no such limit. A pause that an origin asks for (``Retry-After``) is kept up to
    ``longest_pause``; one above ``patience`` is not waited for. ``failures`` in a row within
    ``failure_seconds`` let an origin rest for ``rest_seconds``.
    """

    start: int = 2
    most: int = 16
    total: int = 64
    per_second: float = 0
    patience: float = 15
    longest_pause: float = 3600
    failures: int = 5
    failure_seconds: float = 60
    rest_seconds: float = 60


class Heard(NamedTuple):
    """What a request learned about its origin. ``latency`` is the seconds to the head of the answer, when
    there was one; ``failed`` means that the origin is not there; ``pause`` is what it asked for."""

    latency: float | None = None
    overloaded: bool = False
    failed: bool = False
    pause: float = 0


@dataclass(eq=False, slots=True)
class Ticket:
    """One request: waiting until ``began`` is set; ``heard`` is what it has learned so far."""

    origin: str
    whom: Whom
    began: float | None = None
    probe: bool = False
    heard: Heard | None = None


@dataclass(slots=True)
class _Line:
    """One origin. ``waiting`` goes by space, then by part, each in the order of turns."""

    window: Window
    breaker: Breaker
    waiting: dict[Hashable, dict[Hashable, deque[Ticket]]] = field(default_factory=dict)
    under_way: int = 0
    next_start: float = 0.0
    paused: float = 0.0

    def ready(self, now: float) -> bool:
        begins = max(self.next_start, self.paused)
        return self.under_way < self.window.size and now >= begins and self.breaker.admits(now)

    def hopeless(self, now: float, patience: float) -> bool:
        return not self.breaker.admits(now) or self.paused - now > patience

    def idle(self, now: float) -> bool:
        resting = self.breaker.is_open or max(self.next_start, self.paused) > now
        return not (self.waiting or self.under_way or resting)

    def add(self, ticket: Ticket) -> None:
        space, part = ticket.whom
        self.waiting.setdefault(space, {}).setdefault(part, deque()).append(ticket)

    def take(self) -> Ticket:
        """The next one; its space and its part go to the end of their turns."""
        space, parts = next(iter(self.waiting.items()))
        part, queue = next(iter(parts.items()))
        ticket = queue.popleft()
        del parts[part], self.waiting[space]
        if queue:
            parts[part] = queue
        if parts:
            self.waiting[space] = parts
        return ticket

    def drop(self, ticket: Ticket) -> None:
        space, part = ticket.whom
        parts = self.waiting[space]
        parts[part].remove(ticket)
        if not parts[part]:
            del parts[part]
        if not parts:
            del self.waiting[space]

    def everybody(self) -> Iterator[Ticket]:
        for parts in self.waiting.values():
            for queue in parts.values():
                yield from queue


class Schedule:
    """The turns of one way out. Whoever asks waits until ``granted`` or ``refused`` names the ticket."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._kept = max(1, pace.total // _KEPT_OF) if pace.total > 1 else 0
        self._under_way = 0
        self._lines: dict[str, _Line] = {}
        self._waiting: dict[str, None] = {}

    def at_once(self, origin: str, whom: Whom, now: float) -> Ticket | None:
        """A request that begins now, as nobody waits for its origin, which has a place; none otherwise.

        Whoever waits for another origin could not begin now: who can is granted as soon as that is so.
        """
        if origin in self._waiting:
            return None
        line = self._line(origin, now)
        if not self._has_place(line, now):
            return None
        ticket = Ticket(origin, whom)
        self._begin(line, ticket, now)
        return ticket

    def is_awaited(self, origin: str) -> bool:
        """Whether somebody waits for a place there."""
        return origin in self._waiting

    def ask(self, origin: str, whom: Whom, now: float) -> Ticket:
        """A place in the line of an origin."""
        ticket = Ticket(origin, whom)
        self._line(origin, now).add(ticket)
        self._waiting.setdefault(origin)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Somebody who waited does not want to any more."""
        self._lines[ticket.origin].drop(ticket)
        if not self._lines[ticket.origin].waiting:
            del self._waiting[ticket.origin]

    def granted(self, now: float) -> list[Ticket]:
        """Those who may begin now."""
        found = []
        while (origin := self._next(now)) is not None:
            line = self._lines[origin]
            ticket = line.take()
            self._begin(line, ticket, now)
            del self._waiting[origin]
            if line.waiting:
                self._waiting[origin] = None
            found.append(ticket)
        return found

    def _begin(self, line: _Line, ticket: Ticket, now: float) -> None:
        ticket.began, ticket.probe = now, line.breaker.begins()
        line.under_way += 1
        self._under_way += 1
        if self._pace.per_second:
            line.next_start = now + 1 / self._pace.per_second

    def _next(self, now: float) -> str | None:
        if self._under_way >= self._pace.total:
            return None
        for origin in self._waiting:
            if self._has_place(self._lines[origin], now):
                return origin
        return None

    def _has_place(self, line: _Line, now: float) -> bool:
        free = self._pace.total - self._under_way
        return free > (self._kept if line.under_way else 0) and line.ready(now)

    def refused(self, now: float) -> list[Ticket]:
        """Those for whom waiting is no use: their origin rests, or asked for a pause above the patience."""
        found: list[Ticket] = []
        for origin in list(self._waiting):
            line = self._lines[origin]
            if line.hopeless(now, self._pace.patience):
                found += line.everybody()
                line.waiting.clear()
                del self._waiting[origin]
        return found

    def done(self, ticket: Ticket, heard: Heard | None, now: float) -> None:
        """A request ended; without ``heard`` it learned nothing about its origin."""
        assert ticket.began is not None
        line = self._lines[ticket.origin]
        if heard is not None:
            self._learn(line, ticket.began, heard, now)
        elif ticket.probe:
            line.breaker.given_up()
        line.under_way -= 1
        self._under_way -= 1

    def _learn(self, line: _Line, began: float, heard: Heard, now: float) -> None:
        if heard.failed:
            line.breaker.failed(now)
        else:
            line.breaker.answered()
        if heard.overloaded or heard.failed:
            line.window.overloaded(began, now)
        elif heard.latency is not None:
            line.window.answered(heard.latency, line.under_way, now)
        if heard.pause > 0:
            line.paused = max(line.paused, now + min(heard.pause, self._pace.longest_pause))

    def wakes(self, now: float) -> float | None:
        """When somebody may begin though nothing else happens; none when nobody will."""
        if not self._waiting:
            return None
        soonest: float | None = None
        for origin in self._waiting:
            line = self._lines[origin]
            at = max(line.next_start, line.paused)
            if at > now and (soonest is None or at < soonest) and line.under_way < line.window.size:
                soonest = at
        return soonest

    def window(self, origin: str) -> int:
        """How many requests at once an origin may have now."""
        return self._lines[origin].window.size if origin in self._lines else self._pace.start

    def _line(self, origin: str, now: float) -> _Line:
        if origin not in self._lines:
            if len(self._lines) >= _MANY_ORIGINS:
                self._lines = {name: line for name, line in self._lines.items() if not line.idle(now)}
            pace = self._pace
            breaker = Breaker(pace.failures, pace.failure_seconds, pace.rest_seconds)
            self._lines[origin] = _Line(Window(pace.start, pace.most), breaker)
        return self._lines[origin]
