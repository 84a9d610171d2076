"""Doors that their owner opens by grants: what was asked at the pod, and what was granted, sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.door_events import as_it_stands
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import doors
from solidgate.pod.access_request import RequestedAccess
from solidgate.pod.door import DoorState
from solidgate.pod.door_event import DoorEvent


@dataclass(frozen=True, slots=True)
class AccessRequests:
    """The access requests of one transaction; they stand with their doors."""

    connection: AsyncConnection
    people: People

    async def put(
        self,
        person_id: str,
        consent_id: str,
        access: RequestedAccess,
        state: DoorState,
        problem: str | None,
        now: datetime,
        event: DoorEvent | None = None,
    ) -> None:
        """Keep what was asked and answered, how the door stands by it, and what became of it."""
        sealed = await self.people.seal(person_id, encode(access), f"door:{consent_id}")
        values = {"state": state.value, "problem": problem, "checked": now, "access_sealed": sealed}
        await self.connection.execute(as_it_stands(consent_id, values, event))

    async def of(self, person_id: str, consent_id: str, *, lock: bool = False) -> RequestedAccess | None:
        """What was asked at the pod for this consent; none where lists decide."""
        query = sa.select(doors.c.access_sealed).where(doors.c.consent_id == consent_id)
        if lock:
            query = query.with_for_update()
        sealed = (await self.connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            return None
        content = await self.people.unseal(person_id, sealed, f"door:{consent_id}")
        return decode(RequestedAccess, content)

    async def keep(self, person_id: str, consent_id: str, access: RequestedAccess) -> None:
        """The same, and leave the door as it stands."""
        sealed = await self.people.seal(person_id, encode(access), f"door:{consent_id}")
        statement = sa.update(doors).where(doors.c.consent_id == consent_id).values(access_sealed=sealed)
        await self.connection.execute(statement)

    async def were_made(self, consent_id: str) -> bool:
        """Whether anything was asked for this consent; opens nothing."""
        query = sa.select(doors.c.consent_id).where(
            doors.c.consent_id == consent_id, doors.c.access_sealed.is_not(None)
        )
        return (await self.connection.execute(query)).scalar_one_or_none() is not None
