"""The circuit breaker of one origin: after several failures in a row it is left alone, then asked once.

In a row, because many people share an origin: one broken pod must not close the way to all the others. Pure:
times are arguments, in seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Breaker:
    """Opens after ``failures`` in a row within ``within`` seconds; after ``rest`` lets one probe by."""

    failures: int
    within: float
    rest: float
    _failed: deque[float] = field(default_factory=deque, init=False)
    _opened: float | None = field(default=None, init=False)
    _probing: bool = field(default=False, init=False)

    @property
    def is_open(self) -> bool:
        """Whether the origin is left alone, but for a probe."""
        return self._opened is not None

    def admits(self, now: float) -> bool:
        """Whether a request may be sent."""
        if self._opened is None:
            return True
        return not self._probing and now >= self._opened + self.rest

    def begins(self) -> bool:
        """A request is sent; whether it is the probe."""
        self._probing = self._opened is not None
        return self._probing

    def answered(self) -> None:
        """The origin answered: it is there."""
        self._failed.clear()
        self._opened, self._probing = None, False

    def failed(self, now: float) -> None:
        """The origin did not answer, or said that it cannot."""
        self._failed.append(now)
        while len(self._failed) > self.failures or now - self._failed[0] > self.within:
            self._failed.popleft()
        if self._opened is not None or len(self._failed) >= self.failures:
            self._opened, self._probing = now, False

    def given_up(self) -> None:
        """The probe ended without having learned anything."""
        self._probing = False
