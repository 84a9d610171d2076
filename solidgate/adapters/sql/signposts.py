"""Signposts: the intents for the two documents that lead to a person's results, one row for each."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sealing import seal, unseal
from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.locks import alone, locked
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import consents, signposts
from solidgate.consent.status import ConsentStatus
from solidgate.run.signpost import Due, Kind, Signpost, SignState


@dataclass(frozen=True, slots=True)
class Signposts:
    """The signposts of one transaction."""

    connection: AsyncConnection
    people: People

    async def alone(self, person_id: str, space_id: str) -> None:
        """Until the transaction ends, nobody else plans signposts of this person in this space."""
        await alone(self.connection, lock_of(person_id, space_id))

    async def place(self, person_id: str, container: str) -> str:
        """The name of a container in this table; it says nothing without the person's key."""
        return place_of(await self.people.key(person_id), container)

    async def one(self, person_id: str, space_id: str, place: str, kind: Kind) -> Signpost | None:
        """The intent, locked until the transaction ends; none before the first."""
        query = sa.select(signposts).where(_this(person_id, space_id, place, kind)).with_for_update()
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            return None
        key = await self.people.key(person_id)
        return opened(key, space_id, place, kind, row.signpost_sealed, row.state)

    async def put(
        self,
        person_id: str,
        space_id: str,
        place: str,
        signpost: Signpost,
        *,
        consent_id: str,
        run_id: str,
        now: datetime,
    ) -> None:
        """Record the intent."""
        values = {
            "signpost_sealed": sealed(await self.people.key(person_id), space_id, place, signpost),
            "state": signpost.state.value,
            "consent_id": consent_id,
            "run_id": run_id,
            "planned": now,
        }
        names = {"person_id": person_id, "space_id": space_id, "place": place, "kind": signpost.kind.value}
        statement = insert(signposts).values({**names, **values})
        await self.connection.execute(
            statement.on_conflict_do_update(index_elements=list(names), set_=values)
        )

    async def resolve(
        self,
        person_id: str,
        space_id: str,
        place: str,
        seen: Signpost,
        now: datetime,
        next_look: datetime,
    ) -> None:
        """Record the signpost as the pod was seen to hold it, and when to look again."""
        values = {
            "signpost_sealed": sealed(await self.people.key(person_id), space_id, place, seen),
            "state": seen.state.value,
            "seen": now,
            "next_look": next_look,
        }
        this = _this(person_id, space_id, place, seen.kind)
        await self.connection.execute(sa.update(signposts).where(this).values(values))

    async def due(self, now: datetime, limit: int) -> tuple[Due, ...]:
        """Containers whose signposts are to be looked at, while the consent that they were made for holds."""
        query = (
            sa.select(
                signposts.c.person_id,
                signposts.c.space_id,
                signposts.c.place,
                sa.func.min(signposts.c.consent_id).label("consent_id"),
                sa.func.min(signposts.c.run_id).label("run_id"),
            )
            .join(consents, consents.c.consent_id == signposts.c.consent_id)
            .where(
                signposts.c.state.in_([SignState.PLANNED.value, SignState.WRITTEN.value]),
                signposts.c.next_look <= now,
                consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
                consents.c.until > now,
            )
            .group_by(signposts.c.person_id, signposts.c.space_id, signposts.c.place)
            .limit(limit)
        )
        rows = await self.connection.execute(query)
        return tuple(Due(row.person_id, row.space_id, row.place, row.consent_id, row.run_id) for row in rows)

    async def look_next(self, person_id: str, space_id: str, place: str, at: datetime) -> None:
        """When the signposts of a container are looked at next."""
        this = sa.and_(
            signposts.c.person_id == person_id,
            signposts.c.space_id == space_id,
            signposts.c.place == place,
        )
        await self.connection.execute(locked(signposts, this))  # both at once, in their order
        await self.connection.execute(sa.update(signposts).where(this).values(next_look=at))

    async def waiting(self, person_id: str, consent_id: str) -> tuple[str, ...]:
        """Where a signpost was planned for this consent that the pod was not seen to hold yet."""
        query = sa.select(signposts).where(
            signposts.c.person_id == person_id,
            signposts.c.consent_id == consent_id,
            signposts.c.state == SignState.PLANNED.value,
        )
        found = []
        key = await self.people.key(person_id)
        for row in (await self.connection.execute(query)).all():
            kind = Kind(row.kind)
            sign = opened(key, row.space_id, row.place, kind, row.signpost_sealed, row.state)
            found.append(sign.target)
        return tuple(found)


def _this(person_id: str, space_id: str, place: str, kind: Kind) -> sa.ColumnElement[bool]:
    return sa.and_(
        signposts.c.person_id == person_id,
        signposts.c.space_id == space_id,
        signposts.c.place == place,
        signposts.c.kind == kind.value,
    )


def lock_of(person_id: str, space_id: str) -> str:
    """The name of the lock under which signposts of a person in a space are planned."""
    return f"signposts:{person_id}:{space_id}"


def place_of(key: bytes, container: str) -> str:
    """The name of a container in the table, under the person's key."""
    return hmac.new(key, f"signposts:{container}".encode(), hashlib.sha256).hexdigest()


def sealed(key: bytes, space_id: str, place: str, sign: Signpost) -> bytes:
    """A signpost as kept, under the person's key."""
    return seal(key, encode(sign), _context(space_id, place, sign.kind))


def opened(key: bytes, space_id: str, place: str, kind: Kind, content: bytes, state: str) -> Signpost:
    """The signpost back; its state is the row's."""
    found = decode(Signpost, unseal(key, content, _context(space_id, place, kind)))
    return replace(found, state=SignState(state))


def _context(space_id: str, place: str, kind: Kind) -> str:
    return f"signpost:{space_id}:{place}:{kind.value}"
