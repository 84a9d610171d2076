"""Doors to pods, as they were last read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.tables import doors
from solidgate.consent.stored import StoredDoor
from solidgate.pod.door import DoorState


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors of one transaction."""

    connection: AsyncConnection

    async def put(self, consent_id: str, state: DoorState, problem: str | None, now: datetime) -> None:
        """Remember the door as read back."""
        values = {"state": state.value, "problem": problem, "checked": now}
        statement = insert(doors).values(consent_id=consent_id, **values)
        await self.connection.execute(
            statement.on_conflict_do_update(index_elements=["consent_id"], set_=values)
        )

    async def one(self, consent_id: str) -> StoredDoor | None:
        """The door as last read back; none when no door belongs to the record."""
        row = (
            await self.connection.execute(sa.select(doors).where(doors.c.consent_id == consent_id))
        ).one_or_none()
        return None if row is None else StoredDoor(DoorState(row.state), row.problem)
