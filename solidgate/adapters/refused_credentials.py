"""A pod that does not take the credentials it was shown: no closed door, and perhaps a clock that is off."""

from __future__ import annotations

from datetime import datetime

from solidgate.adapters.http_date import seconds_ahead
from solidgate.errors import CredentialsRefused
from solidgate.ports import Reply

NOT_AUTHENTICATED = 401
# The window that servers commonly leave for the time of a proof (RFC 9449 section 11.1).
_CLOSE_SECONDS = 60


def credentials_refused(reply: Reply, now: datetime) -> CredentialsRefused:
    """The error for a 401 to a signed request; its detail tells by how much the clocks differ, if they do."""
    ahead = seconds_ahead(reply, now)
    if ahead is None or abs(ahead) <= _CLOSE_SECONDS:
        return CredentialsRefused(f"status {reply.status}")
    way = "ahead of" if ahead > 0 else "behind"
    return CredentialsRefused(f"status {reply.status}; the pod's clock is {round(abs(ahead))} s {way} ours")
