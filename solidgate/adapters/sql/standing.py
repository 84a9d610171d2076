"""Results that stand in pods: when each was seen there last, and how many are not what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.tables import consents, deliveries, people
from solidgate.consent.status import ConsentStatus
from solidgate.run.delivery import DeliveryState, Unresolved


@dataclass(frozen=True, slots=True)
class Standing:
    """The written results of one transaction, by when they were looked at."""

    connection: AsyncConnection

    async def due(self, now: datetime, pause: timedelta, limit: int) -> tuple[Unresolved, ...]:
        """Written results whose next look is due, the longest waiting first, where the consent holds."""
        next_look = sa.func.coalesce(deliveries.c.next_look, deliveries.c.resolved + pause)
        query = (
            sa.select(deliveries.c.run_id, deliveries.c.consent_id, consents.c.space_id)
            .join(consents, consents.c.consent_id == deliveries.c.consent_id)
            .where(
                deliveries.c.state == DeliveryState.WRITTEN.value,
                next_look <= now,
                consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
                consents.c.until > now,
            )
            .order_by(next_look)
            .limit(limit)
        )
        rows = await self.connection.execute(query)
        return tuple(Unresolved(row.run_id, row.consent_id, row.space_id) for row in rows)

    async def looked(self, run_id: str, consent_id: str, next_look: datetime) -> None:
        """Somebody looks now; the next look is then."""
        await self._update(run_id, consent_id, next_look=next_look)

    async def seen(self, run_id: str, consent_id: str, now: datetime) -> None:
        """The pod was seen to hold what was written."""
        await self._update(run_id, consent_id, seen=now)

    async def _update(self, run_id: str, consent_id: str, **values: object) -> None:
        this = sa.and_(deliveries.c.run_id == run_id, deliveries.c.consent_id == consent_id)
        await self.connection.execute(sa.update(deliveries).where(this).values(**values))

    async def counts(self, run_id: str) -> Mapping[str, int]:
        """How many people's results of a run are in each state: people, not results or accounts."""
        query = (
            sa.select(deliveries.c.state, sa.func.count(sa.distinct(people.c.webid_digest)))
            .join(consents, consents.c.consent_id == deliveries.c.consent_id)
            .join(people, people.c.person_id == consents.c.person_id)
            .where(deliveries.c.run_id == run_id)
            .group_by(deliveries.c.state)
        )
        return {row[0]: row[1] for row in await self.connection.execute(query)}
