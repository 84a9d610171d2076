"""The order in which locks are taken, so that nobody waits for somebody who waits for them.

A transaction takes rows in the order of these tables; of one table in the order of consents, and then of the
rest of the key. What is about a consent is taken after the consent's own row, if that is taken at all; a row
that points to a consent or a channel takes a shared lock on it by itself. Who cannot say beforehand which
rows it needs takes those that are free (``SKIP LOCKED``), or one consent a transaction.
"""

from __future__ import annotations

import sqlalchemy as sa

from solidgate.adapters.sql import tables as t
from solidgate.adapters.sql.together import Executes

ORDER: tuple[sa.Table, ...] = (
    t.people,
    t.requests,
    t.spaces,
    t.consents,
    t.leases,
    t.parts,
    t.runs,
    t.watches,
    t.channels,
    t.hints,
    t.topics,
    t.reruns,
    t.looks,
    t.doors,
    t.withdrawals,
    t.deliveries,
    t.derived,
    t.signposts,
)


def in_order(table: sa.Table) -> tuple[sa.Column[object], ...]:
    """The columns by which the rows of a table are taken: the consent first, then the key."""
    key = list(table.primary_key.columns)
    consent = [table.c.consent_id] if "consent_id" in table.c else []
    return (*consent, *(column for column in key if column not in consent))


def locked(table: sa.Table, which: sa.ColumnElement[bool]) -> sa.Executable:
    """Take these rows, in their order."""
    rows = sa.select(*in_order(table)).where(which)
    return rows.order_by(*in_order(table)).with_for_update()


async def alone(connection: Executes, name: str) -> None:
    """Until the transaction ends, nobody else is alone under this name."""
    key = sa.func.hashtextextended(name, 0)
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
