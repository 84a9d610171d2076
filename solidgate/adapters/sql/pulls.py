"""What the pod said of the documents behind a consent's newest result: tags, never content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sealing import seal
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import deliveries, derived, pulls
from solidgate.run.delivery import DeliveryState, Earlier


@dataclass(frozen=True, slots=True)
class Pulls:
    """The memory of pulls of one transaction."""

    connection: AsyncConnection
    people: People

    async def earlier(self, person_id: str, consent_id: str, fingerprint: str) -> Earlier | None:
        """What the result that queries see now was made from, if that was under the same ``fingerprint``,
        and the result was seen in the pod."""
        query = (
            sa.select(pulls)
            .join(deliveries, _same(deliveries, pulls.c.run_id))
            .join(derived, _same(derived, pulls.c.carried))
            .where(
                pulls.c.consent_id == consent_id,
                pulls.c.fingerprint == fingerprint,
                deliveries.c.state == DeliveryState.WRITTEN.value,
                deliveries.c.invalidated.is_(None),
            )
        )
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            return None
        tags: Mapping[str, str | None] = json.loads(
            await self.people.unseal(person_id, row.tags_sealed, f"pull:{consent_id}")
        )
        return Earlier(row.run_id, row.fingerprint, tags)

    async def carry(self, consent_id: str, run_id: str) -> bool:
        """Let the published result belong to another run too; false when it is published no more."""
        seen = sa.select(pulls.c.carried).where(pulls.c.consent_id == consent_id).scalar_subquery()
        moved = await self.connection.execute(
            sa.update(derived)
            .where(derived.c.consent_id == consent_id, derived.c.run_id == seen)
            .values(run_id=run_id)
        )
        await self.connection.execute(
            sa.update(pulls).where(pulls.c.consent_id == consent_id).values(carried=run_id)
        )
        return bool(moved.rowcount)


def sealed_tags(key: bytes, consent_id: str, earlier: Earlier) -> bytes:
    """The pod's tags as they are kept, under the person's key."""
    tags = json.dumps(dict(earlier.tags), sort_keys=True).encode()
    return seal(key, tags, f"pull:{consent_id}")


def _same(table: sa.Table, run: sa.Column[str]) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.consent_id == pulls.c.consent_id, table.c.run_id == run)
