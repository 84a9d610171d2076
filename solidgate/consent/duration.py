"""Ends from durations: XSD dateTime arithmetic, so that "six months" is the same day of the month."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta
from functools import lru_cache

from solidgate.errors import SpaceInvalid

_FORM = re.compile(
    r"P(?=[0-9T])(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?"
)


@lru_cache(maxsize=256)
def parts(duration: str) -> tuple[int, int, int, int, int, int]:
    """Years, months, days, hours, minutes and seconds of an xsd:duration without sign or fractions."""
    found = _FORM.fullmatch(duration)
    if found is None:
        raise SpaceInvalid("a duration is written as P6M, P1Y or P30D")
    years, months, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return years, months, days, hours, minutes, seconds


def after(start: datetime, duration: str) -> datetime:
    """``start`` plus the duration (XML Schema part 2, appendix E: the day is cut to the month's last).

    Raises ``SpaceInvalid`` for a duration that cannot be read or leads beyond the year 9999.
    """
    years, months, days, hours, minutes, seconds = parts(duration)
    year, month0 = divmod(start.year * 12 + start.month - 1 + years * 12 + months, 12)
    if year > 9999:
        raise SpaceInvalid("a duration leads beyond the year 9999")
    day = min(start.day, monthrange(year, month0 + 1)[1])
    moved = start.replace(year=year, month=month0 + 1, day=day)
    try:
        return moved + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as error:
        raise SpaceInvalid("a duration leads beyond the year 9999") from error
