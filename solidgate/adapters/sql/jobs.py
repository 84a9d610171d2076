"""Durable work, deferred in the transaction that creates it (procrastinate's own tables and functions)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_DEFER = sa.text(
    """
    SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
        :queue, :task, :priority, :lock, NULL, CAST(:args AS jsonb), CAST(:at AS timestamptz)
    )::procrastinate_job_to_defer_v1])
    """
)

_NEXT_PRIORITY = sa.text(
    "SELECT max(priority) FROM procrastinate_jobs WHERE status = 'todo' AND task_name = :task"
)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs of one transaction: a worker sees them when it commits, and only then."""

    connection: AsyncConnection

    async def defer(
        self,
        task: str,
        payload: Mapping[str, object],
        *,
        queue: str = "runs",
        lock: str | None = None,
        priority: int = 0,
        at: datetime | None = None,
    ) -> None:
        """Defer one job; ``payload`` holds ids only."""
        values = {
            "queue": queue,
            "task": task,
            "priority": priority,
            "lock": lock,
            "args": json.dumps(dict(payload)),
            "at": at,
        }
        await self.connection.execute(_DEFER, values)

    async def round(self, task: str) -> int:
        """The round that the waiting jobs of a task are at: the one of the next to be taken; 1 for none."""
        waiting = await self.connection.execute(_NEXT_PRIORITY, {"task": task})
        return -int(waiting.scalar_one() or -1)

    async def notify(self, channel: str, payloads: Sequence[str]) -> None:
        """Tell listening workers, at commit."""
        for payload in payloads:
            await self.connection.execute(
                sa.text("SELECT pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload}
            )
