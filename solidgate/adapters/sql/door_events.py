"""What became of doors: appended together with the door as it stands, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.tables import door_events, doors
from solidgate.pod.door_event import DoorEvent, DoorLine

_COLUMNS = ("consent_id", "event", "problem", "at")


@dataclass(frozen=True, slots=True)
class DoorEvents:
    """The door events of one transaction."""

    connection: AsyncConnection

    async def append(self, consent_id: str, event: DoorEvent, now: datetime) -> None:
        """Something that changes nothing at the door itself, such as what the person asked for."""
        values = {"consent_id": consent_id, "event": event.value, "at": now}
        await self.connection.execute(sa.insert(door_events).values(values))

    async def of(self, consent_ids: Sequence[str]) -> Mapping[str, Sequence[DoorLine]]:
        """The events of each, in their order."""
        query = sa.select(door_events).where(door_events.c.consent_id.in_(consent_ids))
        found: dict[str, list[DoorLine]] = {}
        for row in await self.connection.execute(query.order_by(door_events.c.sequence)):
            line = DoorLine(row.sequence, row.consent_id, DoorEvent(row.event), row.problem, row.at)
            found.setdefault(row.consent_id, []).append(line)
        return found


def as_it_stands(consent_id: str, values: Mapping[str, Any], event: DoorEvent | None) -> Insert:
    """Keep the door, and append what became of it; the same as the newest event is told once."""
    kept = insert(doors).values(consent_id=consent_id, **values)
    kept = kept.on_conflict_do_update(index_elements=["consent_id"], set_=dict(values))
    if event is None:
        return kept
    told = (consent_id, event.value, values["problem"], values["checked"])
    row = [sa.literal(value, door_events.c[name].type) for name, value in zip(_COLUMNS, told, strict=True)]
    query = sa.select(*row).where(~_is_newest(consent_id, event, values["problem"]))
    return insert(door_events).from_select(_COLUMNS, query).add_cte(kept.cte("kept"))


def _is_newest(consent_id: str, event: DoorEvent, problem: str | None) -> sa.ColumnElement[bool]:
    newest = (
        sa.select(door_events.c.event, door_events.c.problem)
        .where(door_events.c.consent_id == consent_id)
        .order_by(door_events.c.sequence.desc())
        .limit(1)
        .subquery()
    )
    same = newest.c.problem.is_not_distinct_from(sa.literal(problem, sa.Text))
    return sa.exists().where(newest.c.event == event.value, same)
