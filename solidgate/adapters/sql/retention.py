"""What is kept of results, by the terms that say how long, oldest first; and how it goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import aggregates, consents, deliveries, derived, runs
from solidgate.run.delivery import Delivery, DeliveryState, Kept

# A planned delivery is the only memory of a write that may still happen, as long as its run lasts.
_RESOLVED = sa.or_(deliveries.c.state != DeliveryState.PLANNED.value, runs.c.ended.is_not(None))
_NO_CONSENT = sa.literal("")


@dataclass(frozen=True, slots=True)
class Retention:
    """The results of one transaction, by age."""

    connection: AsyncConnection
    people: People

    async def agreements(self) -> tuple[str, ...]:
        """The agreements under which results are kept."""
        kept = [
            sa.select(runs.c.agreement_digest).join(derived, derived.c.run_id == runs.c.run_id),
            sa.select(runs.c.agreement_digest)
            .join(deliveries, deliveries.c.run_id == runs.c.run_id)
            .where(deliveries.c.emptied.is_(None)),
            sa.select(runs.c.agreement_digest).join(aggregates, aggregates.c.run_id == runs.c.run_id),
        ]
        return tuple((await self.connection.execute(sa.union(*kept))).scalars())

    async def derived(self, agreement_digest: str, limit: int) -> tuple[Kept, ...]:
        """The graphs that queries see."""
        query = sa.select(derived.c.run_id, derived.c.consent_id, derived.c.published.label("since"))
        return await self._oldest(query, derived, agreement_digest, limit)

    async def deliveries(self, agreement_digest: str, limit: int) -> tuple[Kept, ...]:
        """The copies of what was written to pods."""
        query = sa.select(deliveries.c.run_id, deliveries.c.consent_id, deliveries.c.planned.label("since"))
        query = query.where(deliveries.c.emptied.is_(None), _RESOLVED)
        return await self._oldest(query, deliveries, agreement_digest, limit)

    async def aggregates(self, agreement_digest: str, limit: int) -> tuple[Kept, ...]:
        """The released results about groups."""
        query = sa.select(
            aggregates.c.run_id, _NO_CONSENT.label("consent_id"), aggregates.c.released.label("since")
        )
        return await self._oldest(query, aggregates, agreement_digest, limit)

    async def _oldest(
        self, query: sa.Select[Any], table: sa.Table, agreement_digest: str, limit: int
    ) -> tuple[Kept, ...]:
        query = (
            query.join(runs, runs.c.run_id == table.c.run_id)
            .where(runs.c.agreement_digest == agreement_digest)
            .order_by(sa.literal_column("since"))
            .limit(limit)
            .with_for_update(of=table, skip_locked=True)
        )
        return tuple(
            Kept(row.run_id, row.consent_id, row.since) for row in await self.connection.execute(query)
        )

    async def drop_derived(self, kept: Kept) -> None:
        """Take a graph out of every later query."""
        await self.connection.execute(
            sa.delete(derived).where(derived.c.run_id == kept.run_id, derived.c.consent_id == kept.consent_id)
        )

    async def empty_delivery(self, kept: Kept, now: datetime) -> None:
        """Forget the bytes of a delivery; its address and their hash stay, so that it can be taken back."""
        this = sa.and_(deliveries.c.run_id == kept.run_id, deliveries.c.consent_id == kept.consent_id)
        query = (
            sa.select(deliveries.c.delivery_sealed, consents.c.person_id)
            .join(consents, consents.c.consent_id == deliveries.c.consent_id)
            .where(this)
        )
        row = (await self.connection.execute(query)).one()
        context = f"delivery:{kept.run_id}:{kept.consent_id}"
        held = decode(Delivery, await self.people.unseal(row.person_id, row.delivery_sealed, context))
        empty = Delivery(held.target, b"", held.media_type, held.graph, b"")
        sealed = await self.people.seal(row.person_id, encode(empty), context)
        await self.connection.execute(
            sa.update(deliveries).where(this).values(delivery_sealed=sealed, emptied=now)
        )

    async def drop_aggregate(self, kept: Kept) -> None:
        """Forget a released result about a group."""
        await self.connection.execute(sa.delete(aggregates).where(aggregates.c.run_id == kept.run_id))
