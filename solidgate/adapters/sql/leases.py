"""Leases: who may work for one part now. Their clock is the database's, so that no two machines disagree.

A holder stops by its own monotonic clock, counted from before it asked; the database counts from after.
So whoever finds a lease past its deadline may rely on nobody working under it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.tables import consents, leases
from solidgate.errors import EpochPassed

_NOW = sa.func.clock_timestamp()
_NEXT_FENCE = sa.text("nextval('lease_fence')")
_AT_POD = "at-pod:"
_ANNOUNCED = leases.c.run_id.startswith(_AT_POD)


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one transaction."""

    connection: AsyncConnection

    async def take(self, consent_id: str, epoch: int, run_id: str, seconds: float) -> int | None:
        """The fence of a new lease on a part; none while somebody else holds it.

        The caller holds the consent's shared lock in this transaction.
        """
        values = {"epoch": epoch, "deadline": _after(seconds)}
        statement = insert(leases).values(run_id=run_id, consent_id=consent_id, **values)
        taken = statement.on_conflict_do_update(
            index_elements=["run_id", "consent_id"],
            set_={**values, "fence": _NEXT_FENCE},
            where=leases.c.deadline <= _NOW,
        ).returning(leases.c.fence)
        fence: int | None = (await self.connection.execute(taken)).scalar_one_or_none()
        return fence

    async def take_group(self, run_id: str, consent_ids: Sequence[str], seconds: float) -> tuple[int, ...]:
        """The fences of leases on a whole group, beside those of its parts; none while somebody holds one.

        The caller holds the consents' shared locks in this transaction.
        """
        wanted = sa.select(
            sa.literal(_group(run_id)), consents.c.consent_id, consents.c.epoch, _after(seconds)
        ).order_by(consents.c.consent_id)
        columns = ["run_id", "consent_id", "epoch", "deadline"]
        statement = insert(leases).from_select(columns, wanted.where(consents.c.consent_id.in_(consent_ids)))
        new = statement.excluded
        taken = statement.on_conflict_do_update(
            index_elements=["run_id", "consent_id"],
            set_={"epoch": new.epoch, "deadline": new.deadline, "fence": _NEXT_FENCE},
            where=leases.c.deadline <= _NOW,
        ).returning(leases.c.fence)
        fences = tuple((await self.connection.execute(taken)).scalars())
        if len(fences) == len(consent_ids):
            return fences
        await self.release(*fences)
        return ()

    async def renew(self, fence: int, seconds: float) -> None:
        """Move the deadline. Raises ``EpochPassed`` when the lease lapsed or is another's.

        The row stays locked until the transaction ends, so that nobody takes over before its effect stands.
        """
        statement = (
            sa.update(leases)
            .where(leases.c.fence == fence, leases.c.deadline > _NOW)
            .values(deadline=_after(seconds))
        )
        if (await self.connection.execute(statement)).rowcount != 1:
            raise EpochPassed()

    async def release(self, *fences: int) -> None:
        """Give them back; nothing of the step goes on."""
        await self.connection.execute(sa.delete(leases).where(leases.c.fence.in_(fences)))

    async def open(self, consent_ids: Sequence[str]) -> int:
        """How many steps may still be under way for these consents."""
        return await self._count(consent_ids, ~_ANNOUNCED)

    async def announce(self, consent_id: str, epoch: int, seconds: float) -> int:
        """The number of a row that is no step's: something of the person's own is on its way to the pod.

        It is given back like a lease.
        """
        fence = await self.take(consent_id, epoch, f"{_AT_POD}{uuid.uuid4().hex}", seconds)
        assert fence is not None, "nobody else has this name"
        return fence

    async def announced(self, *consent_ids: str, beyond: float = 0) -> bool:
        """Whether such a row stands, of whichever process, for longer than ``beyond`` seconds from now."""
        return bool(await self._count(consent_ids, _ANNOUNCED, beyond))

    async def settle(self, fence: int, within: float) -> None:
        """Give this row back, and the consent's others that lapse ``within`` these seconds anyhow."""
        mine = leases.alias()
        consent = sa.select(mine.c.consent_id).where(mine.c.fence == fence).scalar_subquery()
        spent = sa.select(leases.c.fence).where(
            leases.c.consent_id == consent,
            _ANNOUNCED,
            (leases.c.fence == fence) | (leases.c.deadline <= _after(within)),
        )
        # What an erasure holds is removed by it; nobody is waited for out of order.
        free = spent.with_for_update(skip_locked=True)
        await self.connection.execute(sa.delete(leases).where(leases.c.fence.in_(free)))

    async def _count(
        self, consent_ids: Sequence[str], which: sa.ColumnElement[bool], beyond: float = 0
    ) -> int:
        query = sa.select(sa.func.count()).where(
            leases.c.consent_id.in_(consent_ids), leases.c.deadline > _after(beyond), which
        )
        return int((await self.connection.execute(query)).scalar_one())

    async def drop_stale(self) -> None:
        """Remove leases whose holders died; one that somebody takes over now is theirs."""
        stale = sa.select(leases.c.fence).where(leases.c.deadline <= _NOW).with_for_update(skip_locked=True)
        await self.connection.execute(sa.delete(leases).where(leases.c.fence.in_(stale)))


def _group(run_id: str) -> str:
    return f"{run_id}:group"


def _after(seconds: float) -> sa.ColumnElement[object]:
    interval: sa.ColumnElement[object] = _NOW + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    return interval
