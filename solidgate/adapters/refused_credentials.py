"""A pod that does not take the credentials it was shown: no closed door, and perhaps a clock that is off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from solidgate.errors import CredentialsRefused
from solidgate.ports import Reply

NOT_AUTHENTICATED = 401
# The window that servers commonly leave for the time of a proof (RFC 9449 section 11.1).
_CLOSE = timedelta(seconds=60)


def credentials_refused(reply: Reply, now: datetime) -> CredentialsRefused:
    """The error for a 401 to a signed request; its detail tells by how much the clocks differ, if they do."""
    ahead = _ahead(reply, now)
    if ahead is None or abs(ahead) <= _CLOSE:
        return CredentialsRefused(f"status {reply.status}")
    way = "ahead of" if ahead > timedelta(0) else "behind"
    seconds = round(abs(ahead).total_seconds())
    return CredentialsRefused(f"status {reply.status}; the pod's clock is {seconds} s {way} ours")


def _ahead(reply: Reply, now: datetime) -> timedelta | None:
    """How far the pod's clock is ahead of ours (``Date``, RFC 9110 section 6.6.1); none when untold."""
    try:
        said = parsedate_to_datetime(reply.headers.get("Date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)) - now
