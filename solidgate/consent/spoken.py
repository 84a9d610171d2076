"""Days, durations and lists as a notice says them, in the words of one language.

In our own words, not a library's: a newer one may write a date otherwise, and what is shown would change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from solidgate.consent.duration import parts
from solidgate.space.characters import isolated

Words = Mapping[str, str]

_UNITS = ("year", "month", "day", "hour", "minute", "second")


def duration(value: str, words: Words) -> str:
    """``P6M`` as "6 months"; singular and plural as the words have them."""
    counted = [(count, unit) for count, unit in zip(parts(value), _UNITS, strict=True) if count]
    counts = [words[unit if count == 1 else unit + "s"].format(count=count) for count, unit in counted]
    return listed(counts, words)


def day(moment: datetime, words: Words) -> str:
    """The day of a moment in UTC, as "3 May 2026"; ``moment`` is aware."""
    at = moment.astimezone(UTC)
    month = words["months_of_year"].split()[at.month - 1]
    return words["date"].format(day=at.day, month=month, year=at.year)


def said(words: Words, key: str, **values: object) -> str:
    """One of the words with its values, each kept from turning what stands around it."""
    return words[key].format(**{name: isolated(str(value)) for name, value in values.items()})


def listed(items: Sequence[str], words: Words) -> str:
    """``a, b and c``."""
    joined = [", ".join(items[:-1]), items[-1]] if len(items) > 1 else items
    return words["and"].join(joined)
