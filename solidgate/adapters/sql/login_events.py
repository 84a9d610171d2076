"""That somebody logged in or out: appended, sealed, and kept like everything else that happened to them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.codec import encode
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import login_events, people


class LoginEvent(StrEnum):
    """The words are stored for ever: add, never change."""

    BEGAN = "began"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LoginEvents:
    """The logins of one transaction; who and when, and nothing of where from."""

    connection: AsyncConnection
    people: People

    async def stays(self, person_id: str) -> bool:
        """Whether there is such a person, whom no erasure removes until the transaction ends."""
        query = sa.select(people.c.person_id).where(people.c.person_id == person_id)
        found = await self.connection.execute(query.with_for_update(read=True, key_share=True))
        return found.scalar_one_or_none() is not None

    async def append(self, person_id: str, event: LoginEvent, now: datetime) -> None:
        """Keep it. Raises ``ConsentNotFound`` when there is no such person."""
        event_id = uuid.uuid4().hex
        sealed = await self.people.seal(person_id, encode(event.value), f"login-event:{event_id}")
        values = {"event_id": event_id, "person_id": person_id, "event_sealed": sealed, "at": now}
        await self.connection.execute(sa.insert(login_events).values(values))
