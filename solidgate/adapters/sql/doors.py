"""Doors to pods, as they were last read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.door_events import as_it_stands
from solidgate.adapters.sql.tables import doors
from solidgate.consent.stored import StoredDoor
from solidgate.pod.door import DoorState
from solidgate.pod.door_event import DoorEvent


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors of one transaction."""

    connection: AsyncConnection

    async def put(
        self,
        consent_id: str,
        state: DoorState,
        problem: str | None,
        now: datetime,
        event: DoorEvent | None = None,
    ) -> None:
        """Remember the door as read back, and append what became of it; in one round trip."""
        values = {"state": state.value, "problem": problem, "checked": now}
        await self.connection.execute(as_it_stands(consent_id, values, event))

    async def one(self, consent_id: str) -> StoredDoor | None:
        """The door as last read back; none when no door belongs to the record."""
        row = (
            await self.connection.execute(sa.select(doors).where(doors.c.consent_id == consent_id))
        ).one_or_none()
        return None if row is None else StoredDoor(DoorState(row.state), row.problem)
