"""What came out: deliveries to pods (intent first), derived graphs for queries, released aggregates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sealing import unseal
from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.locks import alone
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import aggregates, consents, deliveries, derived, parts, people
from solidgate.consent.status import ConsentStatus
from solidgate.run.delivery import Delivery, DeliveryRow, DeliveryState, DerivedRow, Unresolved
from solidgate.run.state import FINAL, PartState

_AT = sa.TIMESTAMP(timezone=True)
_CONTRIBUTED = (PartState.WRITTEN.value, PartState.UNCHANGED.value)
_MOST_DOUBLINGS = 6
"""From one minute to about an hour."""


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one transaction."""

    connection: AsyncConnection
    people: People

    async def plan(
        self,
        person_id: str,
        run_id: str,
        consent_id: str,
        epoch: int,
        delivery: Delivery,
        sha256: str,
        now: datetime,
    ) -> None:
        """Record the intent. A plan of an earlier attempt stays: the same run gives the same bytes."""
        context = f"delivery:{run_id}:{consent_id}"
        statement = insert(deliveries).values(
            run_id=run_id,
            consent_id=consent_id,
            epoch=epoch,
            delivery_sealed=await self.people.seal(person_id, encode(delivery), context),
            sha256=sha256,
            state=DeliveryState.PLANNED.value,
            planned=now,
        )
        await self.connection.execute(statement.on_conflict_do_nothing())

    async def planned(self, person_id: str, run_id: str, consent_id: str) -> DeliveryRow | None:
        """The delivery of one part, if an intent was recorded."""
        query = sa.select(deliveries).where(
            deliveries.c.run_id == run_id, deliveries.c.consent_id == consent_id
        )
        row = (await self.connection.execute(query)).one_or_none()
        return None if row is None else await delivery_row(self.people, person_id, row)

    async def resolve(self, run_id: str, consent_id: str, state: DeliveryState, now: datetime) -> None:
        """Record what the pod was seen to hold."""
        await self.connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.run_id == run_id, deliveries.c.consent_id == consent_id)
            .values(state=state.value, resolved=now)
        )

    async def unresolved(self, since: datetime, now: datetime, limit: int) -> tuple[Unresolved, ...]:
        """Deliveries after ``since`` that are planned though their part has ended, and due to be looked at.

        Only those whose consent holds.
        """
        query = (
            sa.select(deliveries.c.run_id, deliveries.c.consent_id, consents.c.space_id)
            .join(consents, consents.c.consent_id == deliveries.c.consent_id)
            .join(
                parts,
                sa.and_(parts.c.run_id == deliveries.c.run_id, parts.c.consent_id == deliveries.c.consent_id),
            )
            .where(
                deliveries.c.state == DeliveryState.PLANNED.value,
                deliveries.c.planned > since,
                sa.or_(deliveries.c.next_look.is_(None), deliveries.c.next_look <= now),
                parts.c.state.in_([state.value for state in FINAL]),
                consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
                consents.c.until > now,
            )
            .order_by(deliveries.c.planned)
            .limit(limit)
        )
        rows = await self.connection.execute(query)
        return tuple(Unresolved(row.run_id, row.consent_id, row.space_id) for row in rows)

    async def looked(self, run_id: str, consent_id: str, now: datetime) -> None:
        """Somebody looks at a planned delivery again; the next look is later each time."""
        doubled = sa.func.power(2, sa.func.least(deliveries.c.looks, _MOST_DOUBLINGS))
        pause = sa.func.make_interval(0, 0, 0, 0, 0, sa.cast(doubled, sa.Integer))
        await self.connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.run_id == run_id, deliveries.c.consent_id == consent_id)
            .values(looks=deliveries.c.looks + 1, next_look=sa.cast(now, _AT) + pause)
        )

    async def of_consent(self, person_id: str, consent_id: str) -> tuple[DeliveryRow, ...]:
        """All deliveries of a consent, oldest first."""
        query = (
            sa.select(deliveries).where(deliveries.c.consent_id == consent_id).order_by(deliveries.c.planned)
        )
        rows = (await self.connection.execute(query)).all()
        return tuple([await delivery_row(self.people, person_id, row) for row in rows])

    async def noted(self, run_id: str, consent_id: str, now: datetime) -> None:
        """The pod was seen to say beside the result that it is invalid."""
        await self.connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.run_id == run_id, deliveries.c.consent_id == consent_id)
            .values(noted=now)
        )

    async def publish(
        self, person_id: str, space_id: str, run_id: str, consent_id: str, row: DerivedRow, now: datetime
    ) -> None:
        """Make a person's newest derived graph the one that queries see."""
        values = {
            "run_id": run_id,
            "person_id": person_id,
            "space_id": space_id,
            "graph": row.graph,
            "content_sealed": await self.people.seal(person_id, row.content, f"derived:{consent_id}"),
            "published": now,
        }
        statement = insert(derived).values(consent_id=consent_id, **values)
        await self.connection.execute(
            statement.on_conflict_do_update(index_elements=["consent_id"], set_=values)
        )

    async def unpublish(self, consent_id: str) -> int:
        """Take a person's derived graph out of every later query; how many there were."""
        statement = sa.delete(derived).where(derived.c.consent_id == consent_id)
        return int((await self.connection.execute(statement)).rowcount)

    async def visible(
        self, space_id: str, now: datetime, *, run_id: str | None = None
    ) -> tuple[DerivedRow, ...]:
        """The derived graphs of people whose consent holds at ``now``, by graph IRI."""
        query = (
            sa.select(derived, people.c.webid_digest)
            .join(consents, consents.c.consent_id == derived.c.consent_id)
            .join(people, people.c.person_id == derived.c.person_id)
            .where(
                derived.c.space_id == space_id,
                consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
                consents.c.until > now,
            )
            .order_by(derived.c.graph, derived.c.consent_id)
        )
        if run_id is not None:
            query = query.where(derived.c.run_id == run_id)
        rows = []
        for row in (await self.connection.execute(query)).all():
            content = await self.people.unseal(row.person_id, row.content_sealed, f"derived:{row.consent_id}")
            rows.append(DerivedRow(row.graph, content, bytes(row.webid_digest), row.consent_id))
        return tuple(rows)

    async def hold(self, run_id: str) -> None:
        """Keep the consents behind a run's derived graphs as they are until the transaction ends.

        In the order of their ids, in which everybody locks several consents.
        """
        query = (
            sa.select(consents.c.consent_id)
            .join(derived, consents.c.consent_id == derived.c.consent_id)
            .where(derived.c.run_id == run_id)
            .order_by(consents.c.consent_id)
            .with_for_update(read=True, of=consents)
        )
        await self.connection.execute(query)

    async def release(
        self, space_id: str, run_id: str, content: bytes, contributors: int, now: datetime
    ) -> None:
        """Keep a released aggregate of a run."""
        statement = insert(aggregates).values(
            run_id=run_id, space_id=space_id, content=content, contributors=contributors, released=now
        )
        await self.connection.execute(statement.on_conflict_do_nothing())

    async def released(self, run_id: str) -> bool:
        """Whether a result about the group of this run was released."""
        query = sa.select(aggregates.c.run_id).where(aggregates.c.run_id == run_id)
        return (await self.connection.execute(query)).scalar_one_or_none() is not None

    async def released_groups(
        self, space_id: str, people_now: Collection[bytes]
    ) -> tuple[tuple[int, int], ...]:
        """Of each result about the group: how many people it counts, and how many of these may be among them.

        Nobody else asks until the transaction ends, so that no result comes between a look and its release.
        """
        await alone(self.connection, f"aggregates:{space_id}")
        both = sa.func.count(people.c.webid_digest.distinct())
        contributed = sa.and_(parts.c.run_id == aggregates.c.run_id, parts.c.state.in_(_CONTRIBUTED))
        now = sa.any_(sa.literal(list(people_now), sa.ARRAY(sa.LargeBinary)))
        same = sa.and_(people.c.person_id == parts.c.person_id, people.c.webid_digest == now)
        query = (
            sa.select(aggregates.c.contributors, both)
            .outerjoin(parts, contributed)
            .outerjoin(people, same)
            .where(aggregates.c.space_id == space_id)
            .group_by(aggregates.c.run_id)
        )
        return tuple((row[0], row[1]) for row in await self.connection.execute(query))

    async def newest_aggregate(self, space_id: str) -> tuple[bytes, str] | None:
        """The newest released aggregate and its run; none before the first."""
        query = (
            sa.select(aggregates.c.content, aggregates.c.run_id)
            .where(aggregates.c.space_id == space_id)
            .order_by(aggregates.c.released.desc())
            .limit(1)
        )
        row = (await self.connection.execute(query)).one_or_none()
        return None if row is None else (bytes(row.content), row.run_id)


async def delivery_row(people: People, person_id: str, row: sa.Row[tuple[object, ...]]) -> DeliveryRow:
    """A row of ``deliveries``, opened."""
    return opened_delivery(await people.key(person_id), row)


def opened_delivery(key: bytes, row: Any) -> DeliveryRow:
    """The same with the person's key."""
    content = unseal(key, row.delivery_sealed, f"delivery:{row.run_id}:{row.consent_id}")
    return DeliveryRow(
        run_id=row.run_id,
        consent_id=row.consent_id,
        epoch=row.epoch,
        delivery=decode(Delivery, content),
        sha256=row.sha256,
        state=DeliveryState(row.state),
        planned=row.planned,
        resolved=row.resolved,
        invalidated=row.invalidated,
        noted=row.noted,
        seen=row.seen,
    )
