"""What stood at the watched documents of a consent: tags and digests, sealed for their person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import topics
from solidgate.run.sighting import Sighting


@dataclass(frozen=True, slots=True)
class Sightings:
    """What was seen of watched documents, in one transaction."""

    connection: AsyncConnection
    people: People

    async def locked(self, person_id: str, consent_id: str) -> Mapping[int, Sighting]:
        """What stood at each document when it was last seen, by its place; the rows are locked."""
        return await self._of(person_id, consent_id, _seen_of(consent_id).with_for_update())

    async def unlocked(self, person_id: str, consent_id: str) -> Mapping[int, Sighting]:
        """The same, and nothing is locked."""
        return await self._of(person_id, consent_id, _seen_of(consent_id))

    async def _of(self, person_id: str, consent_id: str, query: sa.Select[Any]) -> Mapping[int, Sighting]:
        rows = (await self.connection.execute(query)).all()
        return {
            row.number: decode(
                Sighting,
                await self.people.unseal(person_id, row.seen_sealed, f"topic:{consent_id}:{row.number}"),
            )
            for row in rows
        }

    async def keep(self, person_id: str, consent_id: str, found: Mapping[int, Sighting]) -> None:
        """Remember what stands there now."""
        if not found:
            return
        values = [
            {
                "consent_id": consent_id,
                "number": number,
                "seen_sealed": await self.people.seal(
                    person_id, encode(seen), f"topic:{consent_id}:{number}"
                ),
            }
            for number, seen in sorted(found.items())
        ]
        statement = insert(topics).values(values)
        await self.connection.execute(
            statement.on_conflict_do_update(
                index_elements=["consent_id", "number"],
                set_={"seen_sealed": statement.excluded.seen_sealed},
            )
        )


def _seen_of(consent_id: str) -> sa.Select[Any]:
    return sa.select(topics).where(topics.c.consent_id == consent_id).order_by(topics.c.number)
