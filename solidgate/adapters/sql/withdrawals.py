"""Withdrawals: what is still owed after one was stored, until the pod has seen it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.tables import deliveries, withdrawals
from solidgate.errors import ConsentNotGiven
from solidgate.run.delivery import DeliveryState


@dataclass(frozen=True, slots=True)
class WithdrawalRow:
    """A withdrawal as stored; ``settled`` once nothing is owed at the pod any more.

    ``results_removed`` left the queries with it and ``stopped`` parts of runs ended: counted once, then told
    to whoever asks.
    """

    consent_id: str
    person_id: str
    remove_results: bool
    audited: bool
    receipted: bool
    tries: int
    at: datetime
    settled: datetime | None
    results_removed: int
    stopped: int


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """The withdrawals of one transaction."""

    connection: AsyncConnection

    async def put(self, consent_id: str, person_id: str, at: datetime, *, remove_results: bool) -> None:
        """Keep a withdrawal; everything is owed."""
        await self.connection.execute(
            sa.insert(withdrawals).values(
                consent_id=consent_id, person_id=person_id, remove_results=remove_results, at=at, next_try=at
            )
        )
        # Invariant 29: from this moment every result of the consent is invalid, wherever it is kept.
        await self.connection.execute(
            sa.update(deliveries).where(deliveries.c.consent_id == consent_id).values(invalidated=at)
        )

    async def one(self, consent_id: str, *, lock: bool = False) -> WithdrawalRow:
        """The withdrawal of a consent. Raises ``ConsentNotGiven`` when there is none."""
        query = sa.select(withdrawals).where(withdrawals.c.consent_id == consent_id)
        if lock:
            query = query.with_for_update()
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise ConsentNotGiven("this consent was not withdrawn")
        return WithdrawalRow(**{name: getattr(row, name) for name in WithdrawalRow.__slots__})

    async def proved(self, consent_id: str, *, audited: bool = False, receipted: bool = False) -> None:
        """Remember that the audit entry or the receipt, which were owed, are there."""
        values = {name: True for name, is_so in (("audited", audited), ("receipted", receipted)) if is_so}
        if values:
            await self._update(consent_id, **values)

    async def reached(self, consent_id: str, results_removed: int, stopped: int) -> None:
        """Remember what it ended, in its own transaction."""
        await self._update(consent_id, results_removed=results_removed, stopped=stopped)

    async def change(self, consent_id: str, *, remove_results: bool) -> None:
        """The person asks, later, for the results to be removed as well."""
        await self._update(consent_id, remove_results=remove_results, settled=None)

    async def settle(self, consent_id: str, now: datetime) -> None:
        """Nothing is owed at the pod any more."""
        await self._update(consent_id, settled=now)

    async def tried(self, consent_id: str, next_try: datetime) -> None:
        """One more attempt by the worker; when the next one is due."""
        await self._update(consent_id, tries=withdrawals.c.tries + 1, next_try=next_try)

    async def _update(self, consent_id: str, **values: object) -> None:
        await self.connection.execute(
            sa.update(withdrawals).where(withdrawals.c.consent_id == consent_id).values(**values)
        )

    async def owed_by(self, person_id: str) -> tuple[str, ...]:
        """A person's withdrawals that their pod has not wholly seen, oldest first."""
        query = (
            sa.select(withdrawals.c.consent_id)
            .where(withdrawals.c.person_id == person_id, withdrawals.c.settled.is_(None))
            .order_by(withdrawals.c.at)
        )
        return tuple((await self.connection.execute(query)).scalars())

    async def unproved(self, limit: int) -> tuple[str, ...]:
        """Withdrawals whose audit entry or receipt is still owed."""
        query = (
            sa.select(withdrawals.c.consent_id)
            .where(sa.not_(sa.and_(withdrawals.c.audited, withdrawals.c.receipted)))
            .limit(limit)
        )
        return tuple((await self.connection.execute(query)).scalars())

    async def doubtful(self, since: datetime, now: datetime, limit: int) -> tuple[str, ...]:
        """Withdrawals after ``since`` with a write whose outcome nobody knows, and an attempt due."""
        planned = sa.exists().where(
            deliveries.c.consent_id == withdrawals.c.consent_id,
            deliveries.c.state == DeliveryState.PLANNED.value,
        )
        query = (
            sa.select(withdrawals.c.consent_id)
            .where(withdrawals.c.at > since, withdrawals.c.next_try <= now, planned)
            .order_by(withdrawals.c.next_try)
            .limit(limit)
        )
        return tuple((await self.connection.execute(query)).scalars())
