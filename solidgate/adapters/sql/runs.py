"""Runs and their parts: one part for each consent, from queued to a final outcome."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.tables import PART_IS_OPEN, consents, parts, people, runs, steps, workers
from solidgate.consent.status import ConsentStatus
from solidgate.errors import RunCancelled, RunNotFound, RunOpen
from solidgate.run.state import FINAL, PartRow, PartState, RunRow, RunState, StepRow

JOBS = sa.table("procrastinate_jobs", sa.column("task_name"), sa.column("status"), sa.column("args", JSONB))
LIVE_JOBS = ("todo", "doing", "aborting")

_OPEN = [RunState.QUEUED.value, RunState.RUNNING.value]
# Written out: from its sixth use on the statement is prepared, and PostgreSQL finds the index by the words of
# its condition, never by parameters.
_IS_OPEN = sa.text("state IN ('queued', 'running')")

# Of the index of open parts, so that the answer costs the same however many have ended.
_UNDER_WAY = sa.text(f"SELECT EXISTS (SELECT 1 FROM parts WHERE run_id = :run_id AND {PART_IS_OPEN})")  # noqa: S608

_OVER = sa.text("""
    SELECT asked.run_id, asked.consent_id
    FROM unnest(CAST(:runs AS text[]), CAST(:consents AS text[])) AS asked (run_id, consent_id)
    LEFT JOIN parts USING (run_id, consent_id)
    LEFT JOIN runs ON runs.run_id = asked.run_id
    LEFT JOIN consents ON consents.consent_id = asked.consent_id
    WHERE coalesce(parts.state IN ('stopped', 'refused', 'failed'), true)
       OR coalesce(runs.state = 'cancelled', true)
       OR coalesce(consents.status NOT IN ('given', 'renewed'), true)
       OR consents.until <= :now
""")


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one transaction."""

    connection: AsyncConnection

    async def create(self, run: RunRow, only: Collection[str] | None = None) -> int:
        """A run with a part for every consent of its space that allows processing when it is made; how many.

        ``only`` leaves out all other consents.

        Raises ``RunOpen`` while another one is not over.
        """
        values = {name: getattr(run, name) for name in RunRow.__slots__}
        statement = insert(runs).values(values | {"state": run.state.value})
        # Two at once meet at the index of open runs: the second waits for the first, and then finds it.
        alone = statement.on_conflict_do_nothing(index_elements=[runs.c.space_id], index_where=_IS_OPEN)
        made = await self.connection.execute(alone.returning(runs.c.run_id))
        if made.scalar_one_or_none() is None:
            raise RunOpen(await self._open_run(run.space_id))
        # They never leave the database: a run may have more people than a process should hold.
        state, now = sa.literal(PartState.QUEUED.value), sa.literal(run.created, sa.TIMESTAMP(timezone=True))
        holding = sa.select(
            sa.literal(run.run_id), consents.c.consent_id, consents.c.person_id, state, now
        ).where(
            consents.c.space_id == run.space_id,
            consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value]),
            consents.c.until > run.created,
        )
        if only is not None:
            holding = holding.where(consents.c.consent_id.in_(only))
        columns = ["run_id", "consent_id", "person_id", "state", "updated"]
        queued = sa.insert(parts).from_select(columns, holding).returning(*parts.c).cte("moved")
        noted = _noted(queued).returning(steps.c.sequence).cte("noted")
        counted = sa.select(sa.func.count()).select_from(noted)
        return int((await self.connection.execute(counted)).scalar_one())

    async def batch(self, run_id: str, after: str, size: int) -> list[str]:
        """The next consents of a run after one, in the order of their ids."""
        query = (
            sa.select(parts.c.consent_id)
            .where(parts.c.run_id == run_id, parts.c.consent_id > after)
            .order_by(parts.c.consent_id)
            .limit(size)
        )
        return list((await self.connection.execute(query)).scalars())

    async def _open_run(self, space_id: str) -> str:
        query = sa.select(runs.c.run_id).where(runs.c.space_id == space_id, runs.c.state.in_(_OPEN))
        return str((await self.connection.execute(query)).scalar_one_or_none() or "")

    async def one(self, run_id: str, *, lock: bool = False) -> RunRow:
        """The run. Raises ``RunNotFound``."""
        query = sa.select(runs).where(runs.c.run_id == run_id)
        if lock:
            query = query.with_for_update()
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise RunNotFound()
        return _run(row)

    async def of_space(self, space_id: str, limit: int) -> tuple[RunRow, ...]:
        """The newest runs of a space, newest first."""
        query = (
            sa.select(runs).where(runs.c.space_id == space_id).order_by(runs.c.created.desc()).limit(limit)
        )
        return tuple(_run(row) for row in await self.connection.execute(query))

    async def begin(self, run_id: str, now: datetime) -> RunState:
        """Queued becomes running; the state after it."""
        run = await self.one(run_id, lock=True)
        if run.state is not RunState.QUEUED:
            return run.state
        values = {"state": RunState.RUNNING.value, "started": now}
        await self.connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(values))
        return RunState.RUNNING

    async def over(self, under_way: Collection[tuple[str, str]], now: datetime) -> list[tuple[str, str]]:
        """Which of these parts, each by its run and consent, nobody should work for any more.

        Their consent ended, their run was cancelled, or they were stopped, refused, given up or erased. One
        whose result stands, or that found nothing changed, ends by itself: it may still lead to its result.
        One statement, which waits for nobody's lock.
        """
        keys = {"runs": [run for run, _ in under_way], "consents": [consent for _, consent in under_way]}
        found = await self.connection.execute(_OVER, {**keys, "now": now})
        return [(row.run_id, row.consent_id) for row in found]

    async def finish_if_done(self, run_id: str, now: datetime) -> bool:
        """Finish when no part is under way; true for the one call that did it."""
        run = await self.one(run_id, lock=True)
        if run.state not in (RunState.QUEUED, RunState.RUNNING):
            return False
        if (await self.connection.execute(_UNDER_WAY, {"run_id": run_id})).scalar_one():
            return False
        values = {"state": RunState.FINISHED.value, "ended": now}
        await self.connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(values))
        return True

    async def cancel(self, run_id: str, now: datetime) -> tuple[str, ...]:
        """Cancel; the consents whose parts were under way."""
        # Parts in the order of consent and run, and the run after its parts: everybody locks in this order.
        open_parts = await self.end_parts(run_id, PartState.STOPPED, now, RunCancelled.code)
        run = await self.one(run_id, lock=True)
        if run.state in (RunState.QUEUED, RunState.RUNNING):
            values = {"state": RunState.CANCELLED.value, "ended": now}
            await self.connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(values))
        return open_parts

    async def end_parts(self, run_id: str, state: PartState, now: datetime, outcome: str) -> tuple[str, ...]:
        """End the parts of a run that are under way; their consents."""
        query = (
            sa.select(parts.c.consent_id)
            .where(parts.c.run_id == run_id, parts.c.state.not_in([final.value for final in FINAL]))
            .order_by(parts.c.consent_id)
            .with_for_update()
        )
        open_parts = tuple((await self.connection.execute(query)).scalars())
        for consent_id in open_parts:
            await self.advance(run_id, consent_id, state, now, outcome)
        return open_parts

    async def lost(self, task: str, limit: int) -> tuple[str, ...]:
        """Runs that did not end and for which no job of ``task`` waits or works, oldest first."""
        job = sa.exists().where(
            JOBS.c.task_name == task,
            sa.cast(JOBS.c.status, sa.Text).in_(LIVE_JOBS),
            JOBS.c.args["run_id"].astext == runs.c.run_id,
        )
        query = (
            sa.select(runs.c.run_id)
            .where(runs.c.state.in_([RunState.QUEUED.value, RunState.RUNNING.value]), sa.not_(job))
            .order_by(runs.c.created)
            .limit(limit)
        )
        return tuple((await self.connection.execute(query)).scalars())

    async def advance(
        self, run_id: str, consent_id: str, state: PartState, now: datetime, outcome: str | None = None
    ) -> bool:
        """Move a part on; false when it is final already, which is then left as it is."""
        statement = (
            sa.update(parts)
            .where(
                parts.c.run_id == run_id,
                parts.c.consent_id == consent_id,
                parts.c.state.not_in([final.value for final in FINAL]),
            )
            .values(state=state.value, outcome=outcome, updated=now)
            .returning(*parts.c)
        )
        noted = _noted(statement.cte("moved")).returning(steps.c.sequence)
        return (await self.connection.execute(noted)).one_or_none() is not None

    async def stop_parts(self, consent_id: str, now: datetime, outcome: str) -> tuple[PartRow, ...]:
        """End every part of a consent that is not final; the parts as they were before."""
        query = (
            sa.select(parts)
            .where(parts.c.consent_id == consent_id, parts.c.state.not_in([final.value for final in FINAL]))
            .order_by(parts.c.run_id)
            .with_for_update()
        )
        open_parts = tuple(_part(row) for row in await self.connection.execute(query))
        for part in open_parts:
            await self.advance(part.run_id, consent_id, PartState.STOPPED, now, outcome)
        return open_parts

    async def part(self, run_id: str, consent_id: str) -> PartRow:
        """One part. Raises ``RunNotFound``."""
        query = sa.select(parts).where(parts.c.run_id == run_id, parts.c.consent_id == consent_id)
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise RunNotFound()
        return _part(row)

    async def parts_of(self, consent_id: str) -> tuple[PartRow, ...]:
        """All parts of a consent, oldest first."""
        query = sa.select(parts).where(parts.c.consent_id == consent_id).order_by(parts.c.updated)
        return tuple(_part(row) for row in await self.connection.execute(query))

    async def steps_of(self, consent_id: str) -> tuple[StepRow, ...]:
        """Every move of the parts of a consent, in their order."""
        query = sa.select(steps).where(steps.c.consent_id == consent_id).order_by(steps.c.sequence)
        return tuple(step_row(row) for row in await self.connection.execute(query))

    async def counts(self, run_id: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """How many people have a part in each state, and in each outcome: people, not parts or accounts."""
        return await self._people_by(run_id, parts.c.state), await self._people_by(run_id, parts.c.outcome)

    async def pace(self, run_id: str, since: datetime) -> tuple[int, int]:
        """How many people's parts have ended since then, and how many people still have one that has not."""
        final = parts.c.state.in_([state.value for state in FINAL])
        counted = [
            sa.func.count(sa.distinct(people.c.webid_digest)).filter(chosen)
            for chosen in (sa.and_(final, parts.c.updated > since), sa.not_(final))
        ]
        query = (
            sa.select(*counted)
            .join_from(parts, people, people.c.person_id == parts.c.person_id)
            .where(parts.c.run_id == run_id)
        )
        row = (await self.connection.execute(query)).one()
        return row[0], row[1]

    async def _people_by(self, run_id: str, column: sa.Column[str]) -> Mapping[str, int]:
        query = (
            sa.select(column, sa.func.count(sa.distinct(people.c.webid_digest)))
            .join(people, people.c.person_id == parts.c.person_id)
            .where(parts.c.run_id == run_id, column.is_not(None))
            .group_by(column)
        )
        return {row[0]: row[1] for row in await self.connection.execute(query)}

    async def heartbeat(self, worker_id: str, level: int, now: datetime) -> None:
        """A worker says that it lives, and how well it isolates."""
        values = {"level": level, "heartbeat": now}
        statement = insert(workers).values(worker_id=worker_id, **values)
        await self.connection.execute(
            statement.on_conflict_do_update(index_elements=["worker_id"], set_=values)
        )

    async def live_workers(self, since: datetime) -> int:
        """How many workers were heard of since then."""
        query = sa.select(sa.func.count()).where(workers.c.heartbeat > since)
        return int((await self.connection.execute(query)).scalar_one())


def _run(row: sa.Row[tuple[object, ...]]) -> RunRow:
    values = {name: getattr(row, name) for name in RunRow.__slots__}
    return RunRow(**(values | {"state": RunState(row.state)}))


def _part(row: sa.Row[tuple[object, ...]]) -> PartRow:
    values = {name: getattr(row, name) for name in PartRow.__slots__}
    return PartRow(**(values | {"state": PartState(row.state)}))


def step_row(row: sa.Row[Any]) -> StepRow:
    """A row of ``steps``."""
    values = {name: getattr(row, name) for name in StepRow.__slots__}
    return StepRow(**(values | {"state": PartState(row.state)}))


def _noted(moved: sa.CTE) -> sa.Insert:
    """Keep what moved as steps, in the statement that moves it: neither is ever without the other."""
    columns = ["run_id", "consent_id", "state", "outcome"]
    chosen = sa.select(*(moved.c[name] for name in columns), moved.c.updated)
    return sa.insert(steps).from_select([*columns, "at"], chosen)
