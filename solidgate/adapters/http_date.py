"""Dates in headers (RFC 9110 section 5.6.7), as strangers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from solidgate.ports import Reply


def date_of(text: str) -> datetime | None:
    """The time, in UTC where no zone is named; none for what is no date, or beyond every calendar."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def seconds_ahead(reply: Reply, now: datetime) -> float | None:
    """By how much the sender's clock is ahead of ours (``Date``, section 6.6.1); none when untold."""
    said = date_of(reply.headers.get("Date", ""))
    return None if said is None else (said - now).total_seconds()
