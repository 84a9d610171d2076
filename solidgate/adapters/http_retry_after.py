"""``Retry-After``: how long an origin asks to be left alone (RFC 9110 section 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MOST_DIGITS = 9


def seconds_asked(text: str, now: datetime) -> float:
    """Seconds from ``now``, from either form; 0 when there is none, it is past, or it cannot be read."""
    asked = text.strip()
    if not asked:
        return 0.0
    if asked.isascii() and asked.isdigit():
        return float(asked[:_MOST_DIGITS])
    try:
        until = parsedate_to_datetime(asked)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0
