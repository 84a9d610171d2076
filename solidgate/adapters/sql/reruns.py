"""Looks that are asked for, and people whose documents changed and who wait for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.tables import looks, reruns, runs
from solidgate.run.state import RunState
from solidgate.run.watch import LookRow


@dataclass(frozen=True, slots=True)
class Reruns:
    """The reruns of one transaction."""

    connection: AsyncConnection

    async def ask_look(self, consent_id: str, numbers: Sequence[int], due: datetime) -> bool:
        """Ask for a look at these documents; true when no look waited, so that its job is to be deferred."""
        mine = insert(looks).values(consent_id=consent_id, numbers=sorted(set(numbers)), asked=1, due=due)
        number = sa.func.unnest(looks.c.numbers.op("||")(mine.excluded.numbers)).column_valued("number")
        together = sa.select(sa.func.array_agg(sa.distinct(number))).scalar_subquery()
        statement = mine.on_conflict_do_update(
            index_elements=["consent_id"], set_={"numbers": together, "asked": looks.c.asked + 1}
        ).returning(looks.c.asked)
        return int((await self.connection.execute(statement)).scalar_one()) == 1

    async def look(self, consent_id: str) -> LookRow | None:
        """The look that is asked for; none is an answer."""
        row = (
            await self.connection.execute(sa.select(looks).where(looks.c.consent_id == consent_id))
        ).one_or_none()
        return None if row is None else LookRow(row.consent_id, tuple(row.numbers), row.asked)

    async def looked(self, look: LookRow) -> bool:
        """The look is done; false when more was asked meanwhile, and it is to be done again."""
        statement = sa.delete(looks).where(looks.c.consent_id == look.consent_id, looks.c.asked == look.asked)
        return (await self.connection.execute(statement)).rowcount == 1

    async def drop_look(self, consent_id: str) -> None:
        """Nothing is to be looked at for this consent any more, and no run follows."""
        for table in (reruns, looks):
            await self.connection.execute(sa.delete(table).where(table.c.consent_id == consent_id))

    async def overdue(self, before: datetime, limit: int) -> tuple[str, ...]:
        """Looks whose job is gone, each made due anew from now on."""
        query = (
            sa.select(looks.c.consent_id)
            .where(looks.c.due <= before)
            .order_by(looks.c.due)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return tuple((await self.connection.execute(query)).scalars())

    async def look_due(self, consent_id: str, due: datetime) -> None:
        """When the look's job comes."""
        await self.connection.execute(
            sa.update(looks).where(looks.c.consent_id == consent_id).values(due=due)
        )

    async def want(self, consent_id: str, space_id: str, now: datetime) -> None:
        """A run is wanted for this consent; asking twice is asking once."""
        values = {"consent_id": consent_id, "space_id": space_id, "asked": now}
        await self.connection.execute(insert(reruns).values(values).on_conflict_do_nothing())

    async def wanted(self, space_id: str) -> tuple[str, ...]:
        """The consents for which a run is wanted, locked."""
        query = (
            sa.select(reruns.c.consent_id)
            .where(reruns.c.space_id == space_id)
            .order_by(reruns.c.consent_id)
            .with_for_update()
        )
        return tuple((await self.connection.execute(query)).scalars())

    async def granted(self, consent_ids: Sequence[str]) -> None:
        """The run is there, or will never be."""
        await self.connection.execute(sa.delete(reruns).where(reruns.c.consent_id.in_(consent_ids)))

    async def is_wanted(self, space_id: str) -> bool:
        """Whether anybody in the space waits for a run."""
        query = sa.select(reruns.c.consent_id).where(reruns.c.space_id == space_id).limit(1)
        return (await self.connection.execute(query)).scalar_one_or_none() is not None

    async def spaces(self, limit: int) -> tuple[str, ...]:
        """Spaces where a run is wanted and none is open, the longest waiting first."""
        is_open = sa.exists().where(
            runs.c.space_id == reruns.c.space_id,
            runs.c.state.in_([RunState.QUEUED.value, RunState.RUNNING.value]),
        )
        query = (
            sa.select(reruns.c.space_id)
            .where(sa.not_(is_open))
            .group_by(reruns.c.space_id)
            .order_by(sa.func.min(reruns.c.asked))
            .limit(limit)
        )
        return tuple((await self.connection.execute(query)).scalars())
