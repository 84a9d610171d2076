"""What a DELETE leaves behind: dead rows in pages, indexes and statistics, and the write-ahead log.

A plain VACUUM frees the space and leaves the bytes; VACUUM FULL writes the living rows to new files. The
statistics hold sample values of their own, and ANALYZE leaves those of a table that became empty.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solidgate.adapters.sql.persons import OF_PERSON

_POLL_SECONDS = 0.1
_TABLES = [*(table.name for table in OF_PERSON), "procrastinate_jobs"]

TABLES, STATISTICS, LOG = "tables", "statistics", "write-ahead-log"
_OTHERS = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND xact_start < CAST(:began AS timestamptz)"
)
_CLEAR = sa.text(
    "SELECT pg_clear_attribute_stats(schemaname::text, tablename::text, attname::text, inherited)"
    " FROM pg_stats WHERE schemaname = 'public' AND tablename = ANY(:tables)"
)


async def sweep(engine: AsyncEngine, seconds: float) -> tuple[str, ...]:
    """Rewrite what held removed rows; the parts that could not be done here and are left to the operator."""
    async with engine.connect() as found:
        connection = await found.execution_options(isolation_level="AUTOCOMMIT")
        try:
            await connection.execute(sa.text(f"SET statement_timeout = {int(seconds * 1000)}"))
            await connection.execute(sa.text(f"SET lock_timeout = {int(seconds * 1000)}"))
            return await _all(connection, seconds)
        finally:
            await found.invalidate()  # its time limits are not for anybody else


async def _all(connection: AsyncConnection, seconds: float) -> tuple[str, ...]:
    left = []
    if not await _earlier_ended(connection, seconds):
        left.append(TABLES)
    if not await _done(connection, [_CLEAR], tables=_TABLES):
        left.append(STATISTICS)
    rewrite = [sa.text(f"VACUUM (FULL, ANALYZE) {name}") for name in _TABLES]
    if not await _done(connection, rewrite):
        left.append(TABLES)
    if not await _done(connection, [sa.text("VACUUM (FULL) pg_catalog.pg_statistic")]):
        left.append(STATISTICS)
    # The checkpoint removes every segment before the one that the switch began.
    if not await _done(connection, [sa.text("SELECT pg_switch_wal()"), sa.text("CHECKPOINT")]):
        left.append(LOG)
    return tuple(dict.fromkeys(left))


async def _earlier_ended(connection: AsyncConnection, seconds: float) -> bool:
    """Wait for whoever may still see the removed rows: for them, VACUUM FULL would carry the rows over."""
    began = (await connection.execute(sa.text("SELECT clock_timestamp()"))).scalar_one()
    deadline = time.monotonic() + seconds
    while (await connection.execute(_OTHERS, {"began": began})).scalar_one():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


async def _done(connection: AsyncConnection, statements: Iterable[sa.TextClause], **values: object) -> bool:
    """Whether all of them could be done; a missing right or function is the operator's to make up for."""
    done = True
    for statement in statements:
        try:
            await connection.execute(statement, values)
        except DBAPIError as fault:
            if fault.connection_invalidated:
                raise
            done = False
    return done
