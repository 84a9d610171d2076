"""How many requests one origin may have under way: a window that its own answers open and close.

It grows while answers do not come later than from a server at rest, stays where a few requests wait there,
and halves when the origin says or shows that it is too much. The measure is the one of TCP Vegas: of ``n``
requests under way, ``n * (1 - quickest / recent)`` are waiting. Pure: times are arguments, in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FEW_WAIT = 6.0
"""Fewer waiting requests than these open the window: the origin has nothing to do between two answers."""
MANY_WAIT = 10.0
"""More waiting requests than these close it: they would only wait there instead of here."""
REMEMBERED = 30.0
"""Seconds after which the quickest answer is measured anew, with half the window."""
_SMOOTH = 8


@dataclass(slots=True)
class Window:
    """Between 1 and ``most`` requests, beginning with ``start``."""

    start: int
    most: int
    _size: float = field(init=False)
    _steep: bool = field(default=True, init=False)
    _quickest: float = field(default=0.0, init=False)
    _recent: float = field(default=0.0, init=False)
    _answers: int = field(default=0, init=False)
    _measured: float = field(default=0.0, init=False)
    _cut: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._size = float(max(1, min(self.start, self.most)))

    @property
    def size(self) -> int:
        """Requests at once, now."""
        return int(self._size)

    def answered(self, latency: float, under_way: int, now: float) -> None:
        """An answer began after ``latency``, while ``under_way`` requests were out, this one counted."""
        self._measure(max(latency, 1e-6), now)
        waiting = under_way * (1 - self._quickest / self._recent)
        if waiting > MANY_WAIT:
            self._steep = False
            self._resize(self._size - 1 / self._size)
        elif waiting >= FEW_WAIT:
            self._steep = False
        elif under_way >= self.size:  # a window that nobody fills tells nothing about a larger one
            self._resize(self._size + (1.0 if self._steep else 1 / self._size))

    def overloaded(self, began: float, now: float) -> None:
        """The origin asked for less, or did not answer a request that began at ``began``.

        Requests that were out already when the window last closed do not close it again.
        """
        self._steep = False
        if began > self._cut:
            self._cut = now
            self._resize(self._size / 2)

    def _measure(self, latency: float, now: float) -> None:
        if not self._answers or now - self._measured > REMEMBERED:
            if self._answers:
                self._resize(self._size / 2)
                self._steep = True  # back to where requests wait again within a few answers
            self._quickest, self._recent, self._answers, self._measured = latency, latency, 0, now
        self._answers = min(self._answers + 1, _SMOOTH)
        self._quickest = min(self._quickest, latency)
        self._recent = max(self._quickest, self._recent + (latency - self._recent) / self._answers)

    def _resize(self, size: float) -> None:
        self._size = max(1.0, min(size, float(self.most)))
