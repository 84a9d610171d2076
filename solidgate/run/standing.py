"""What stands in pods is looked at now and then, at moments that do not come together."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta


def pause(usual: timedelta, run_id: str, consent_id: str, now: datetime) -> timedelta:
    """Until the next look: the usual, give or take a quarter, so that no pod sees all of them at once.

    Decided by a digest and not by chance, so that it can be told again.
    """
    told = hashlib.sha256(f"{run_id}/{consent_id}/{now.isoformat()}".encode()).digest()
    return usual * (0.75 + int.from_bytes(told[:4], "big") / 2**33)
