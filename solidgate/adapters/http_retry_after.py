"""``Retry-After``: how long an origin asks to be left alone (RFC 9110 section 10.2.3)."""

from __future__ import annotations

from datetime import datetime

from solidgate.adapters.http_date import date_of

_MOST_DIGITS = 9


def seconds_asked(text: str, now: datetime) -> float:
    """Seconds from ``now``, from either form; 0 when there is none, it is past, or it cannot be read."""
    asked = text.strip()
    if not asked:
        return 0.0
    if asked.isascii() and asked.isdigit():
        return float(asked[:_MOST_DIGITS])
    until = date_of(asked)
    return 0.0 if until is None else max(0.0, (until - now).total_seconds())
