"""A door that is wider than agreed: noted when a pod's own answer shows it, and when it no longer does."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from solidgate.errors import DoorTooWide
from solidgate.pod.door import DoorState
from solidgate.pod.door_event import DoorEvent

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


async def note_width(tx: Transaction, consent_id: str, now: datetime, *, wide: bool) -> None:
    """Remember that the pod lets the space do more than read, or that it no longer does."""
    known = await tx.doors.one(consent_id)
    problem = known.problem if known else None
    if wide and problem is None:
        await tx.doors.put(consent_id, DoorState.OPEN, DoorTooWide.code, now, DoorEvent.TOO_WIDE)
    elif not wide and known and problem == DoorTooWide.code:
        await tx.doors.put(consent_id, known.state, None, now, DoorEvent.WIDE_NO_MORE)
