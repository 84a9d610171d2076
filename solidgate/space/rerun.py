"""When a program runs again on the same consents: by hand, when documents change, or on a schedule."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise

from croniter import croniter

from solidgate.space.duration import longest_days

BY_HAND = "by-hand"
ON_CHANGE = "on-change"

# Five plain fields: no names, no seconds, no letters that a library may read in its own way.
_FIELD = r"(?:\*|\d{1,2}(?:-\d{1,2})?)(?:/\d{1,2})?(?:,(?:\*|\d{1,2}(?:-\d{1,2})?)(?:/\d{1,2})?)*"
_CRON = re.compile(rf"{_FIELD}(?: {_FIELD}){{4}}")
_LOOKED_AT = 60
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTES_OF_A_DAY = 24 * 60


def is_cron(text: str) -> bool:
    """Whether this is a cron expression: minute, hour, day, month, weekday, in UTC."""
    return _CRON.fullmatch(text) is not None and bool(croniter.is_valid(text))


def is_schedule(text: str) -> bool:
    """Whether runs follow from time alone."""
    return text not in (BY_HAND, ON_CHANGE)


def rerun_fault(text: str, shortest_minutes: float) -> str:
    """What is wrong with the words of an agreement; an empty text when nothing is."""
    if not is_schedule(text):
        return ""
    try:
        minutes = _shortest_gap(text) if is_cron(text) else longest_days(text) * _MINUTES_OF_A_DAY
    except ValueError:
        return "must be by-hand, on-change, a duration such as P7D, or a cron expression such as 0 3 * * 1"
    if minutes < shortest_minutes:
        return f"must not run again sooner than after {shortest_minutes:g} minutes"
    return ""


def cron_after(text: str, instant: datetime) -> datetime:
    """The first minute after ``instant`` that the expression names, in UTC."""
    found: datetime = croniter(text, instant.astimezone(UTC)).get_next(datetime)
    return found


def _shortest_gap(text: str) -> float:
    """In minutes, over its next times. Raises ``ValueError`` for one that never comes."""
    walk = croniter(text, _EPOCH, max_years_between_matches=8)
    times = [walk.get_next(datetime) for _ in range(_LOOKED_AT)]
    gaps = [(later - earlier).total_seconds() / 60 for earlier, later in pairwise(times)]
    return float(min(gaps))
