"""People as the store knows them: an id, a keyed digest to find them by, and everything else sealed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters import sealing
from solidgate.adapters.sql.tables import people
from solidgate.errors import ConsentNotFound


@dataclass(slots=True)
class People:
    """The people of one transaction; opened keys are kept for its length only."""

    connection: AsyncConnection
    keys: sealing.StoreKeys
    _opened: dict[str, bytes] = field(default_factory=dict, repr=False)

    async def ensure(self, webid: str, issuer: str, subject: str, now: datetime) -> str:
        """The id for (webid, issuer, subject): another account at the same issuer is another person."""
        identity = sealing.digest(self.keys.lookup, "identity", webid, issuer, subject)
        person_id, key = uuid.uuid4().hex, sealing.new_key()
        values = {
            "person_id": person_id,
            "identity_digest": identity,
            "webid_digest": sealing.digest(self.keys.lookup, "webid", webid),
            "key_sealed": sealing.seal(self.keys.wrap, key, f"person:{person_id}"),
            "webid_sealed": sealing.seal(key, webid.encode(), f"webid:{person_id}"),
            "created": now,
        }
        await self.connection.execute(insert(people).values(values).on_conflict_do_nothing())
        found = await self.connection.execute(
            sa.select(people.c.person_id).where(people.c.identity_digest == identity)
        )
        return str(found.scalar_one())

    async def key(self, person_id: str) -> bytes:
        """The person's own key. Raises ``ConsentNotFound`` once it was destroyed."""
        if person_id not in self._opened:
            row = await self.connection.execute(
                sa.select(people.c.key_sealed).where(people.c.person_id == person_id)
            )
            sealed = row.scalar_one_or_none()
            if sealed is None:
                raise ConsentNotFound()
            self.opened(person_id, sealed)
        return self._opened[person_id]

    def opened(self, person_id: str, key_sealed: bytes) -> None:
        """Open a person's key that was read together with something else."""
        self._opened[person_id] = self.keys.person_key(person_id, key_sealed)

    async def webid(self, person_id: str) -> str:
        """The person's WebID in clear."""
        row = await self.connection.execute(
            sa.select(people.c.webid_sealed).where(people.c.person_id == person_id)
        )
        sealed = row.scalar_one_or_none()
        if sealed is None:
            raise ConsentNotFound()
        return sealing.unseal(await self.key(person_id), sealed, f"webid:{person_id}").decode()

    async def seal(self, person_id: str, value: bytes, context: str) -> bytes:
        """``value`` under the person's key."""
        return sealing.seal(await self.key(person_id), value, context)

    async def unseal(self, person_id: str, sealed: bytes, context: str) -> bytes:
        """The value back."""
        return sealing.unseal(await self.key(person_id), sealed, context)

    def pseudonym(self, person_id: str, space_id: str) -> str:
        """The pairwise pseudonym of a person in a space: 32 hex digits, useless in any other space."""
        return self.keys.pseudonym_of(person_id, space_id)
