"""Durations as an agreement writes them: ``P6M``, ``P1Y``, ``P30D`` (xsd:duration without a sign)."""

from __future__ import annotations

import re

_FORM = re.compile(
    r"P(?=[0-9T])(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?"
)
_LONGEST = (366.0, 31.0, 1.0, 1 / 24, 1 / 1440, 1 / 86400)


def longest_days(text: str) -> float:
    """How many days the duration can be at most (a year counts 366, a month 31).

    Raises ``ValueError`` for anything but a positive xsd:duration of whole numbers.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("write a duration as P6M, P1Y or P30D")
    days = sum(int(part or 0) * each for part, each in zip(found.groups(), _LONGEST, strict=True))
    if days <= 0:
        raise ValueError("the duration is empty")
    return days
