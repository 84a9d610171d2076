"""How often one browser, session or address may do something: a sliding window for each, in memory.

The counts live in one gate process; N processes allow at most N times as much, which is enough to slow a
guesser down. The numbers are settings; see ``paces_of``.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

from solidgate.errors import TooManyRequests
from solidgate.settings import Settings


@dataclass(frozen=True, slots=True)
class Pace:
    """At most ``times`` in any ``seconds``."""

    times: int
    seconds: float


LOGIN = "login"
LOGIN_FROM = "login from one address"
CONSENT = "consent"
PREVIEW = "preview"
TOKEN = "token"  # noqa: S105 - the name of a pace


@dataclass(slots=True)
class Paces:
    """Counts by (what, who). ``capacity`` bounds the memory; the longest unused counts go first."""

    allowed: Mapping[str, Pace]
    capacity: int = 100_000
    _seen: OrderedDict[tuple[str, str], deque[float]] = field(default_factory=OrderedDict)

    def take(self, what: str, who: str, now: float) -> None:
        """Count one, at monotonic time ``now``. Raises ``TooManyRequests`` with ``retry_after`` seconds."""
        pace = self.allowed[what]
        times = self._times(what, who)
        while times and times[0] <= now - pace.seconds:
            times.popleft()
        if len(times) >= pace.times:
            raise too_many(what, pace, ceil(times[0] + pace.seconds - now))
        times.append(now)

    def _times(self, what: str, who: str) -> deque[float]:
        times = self._seen.setdefault((what, who), deque())
        self._seen.move_to_end((what, who))
        while len(self._seen) > self.capacity:
            self._seen.popitem(last=False)
        return times


@dataclass(slots=True)
class Turns:
    """At most ``most`` things at once for each caller; one more is refused, not queued."""

    most: int
    _held: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def turn(self, who: str) -> Iterator[None]:
        """Hold one turn. Raises ``TooManyRequests``."""
        if self._held.get(who, 0) >= self.most:
            error = TooManyRequests(f"query.per_caller = {self.most} at once")
            error.retry_after = 1
            raise error
        self._held[who] = self._held.get(who, 0) + 1
        try:
            yield
        finally:
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]


def paces_of(settings: Settings) -> Paces:
    """Logins by browser and by address, calls with a token by address; all others by session."""
    return Paces(
        {
            LOGIN: Pace(settings.login.attempts_per_minute, 60.0),
            LOGIN_FROM: Pace(settings.login.attempts_per_address, 60.0),
            CONSENT: Pace(settings.consent.posts_per_minute, 60.0),
            TOKEN: Pace(settings.login.token_calls_per_minute, 60.0),
            PREVIEW: Pace(settings.preview.views_per_minute, 60.0),
        }
    )


def too_many(what: str, pace: Pace, retry_after: int) -> TooManyRequests:
    """The refusal, carrying the seconds for ``Retry-After``."""
    error = TooManyRequests(f"{what}: at most {pace.times} in {pace.seconds:g} s; wait {retry_after} s")
    error.retry_after = max(1, retry_after)
    return error
