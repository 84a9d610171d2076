"""One transaction on a connection of the pool, whichever of SQLAlchemy and the driver speaks in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from psycopg.pq import TransactionStatus
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.lines import Lines
from solidgate.adapters.sql.together import driver_of


@asynccontextmanager
async def whole(lines: Lines) -> AsyncIterator[AsyncConnection]:
    """Commit at the end, roll back on any error, and give the connection back.

    The transaction begins with its first statement. What SQLAlchemy's own ``begin`` does beside this, a
    greenlet for each step and a task for the return, cost an answer as much as its commit.
    """
    connection = await lines.take()
    try:
        yield connection
        await _commit(connection)
    except BaseException:
        # A task of its own: whoever is cancelled twice still gives a clean connection back. Where the server
        # is gone it cannot be clean, and is not kept; what is told is what came first.
        with suppress(Exception):
            await asyncio.shield(asyncio.create_task(connection.close()))
        raise
    await lines.give(connection)


async def _commit(connection: AsyncConnection) -> None:
    """Nothing to do where the last statement took the commit with it."""
    if connection.in_transaction():
        await connection.commit()
    elif driver_of(connection).info.transaction_status != TransactionStatus.IDLE:
        await driver_of(connection).commit()
