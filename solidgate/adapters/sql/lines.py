"""Connections that stay at hand between transactions, so that one costs no turn of SQLAlchemy's pool.

They are the pool's own, and count as taken from it: half of them at most, so that whoever asks the pool
itself is never kept waiting by a connection that nobody uses.
"""

from __future__ import annotations

import time

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection, QueuePool
from sqlalchemy.util import greenlet_spawn

from solidgate.adapters.sql.pool import is_silent

SHARE = 2
"""One connection in so many of the pool may stay at hand."""

_POOL = "solidgate-pool"

IDLE_SECONDS = 30.0
"""After so long a connection is asked whether it stands; the pool has the same."""


class Lines:
    """The lines of one engine; a line that is given back was committed or rolled back."""

    def __init__(self, engine: AsyncEngine, idle_seconds: float = IDLE_SECONDS) -> None:
        self._engine = engine
        self._idle_seconds = idle_seconds
        self._kept: list[tuple[PoolProxiedConnection, AsyncConnection | None, float]] = []
        self._pool = engine.sync_engine.pool
        event.listen(engine.sync_engine, "engine_disposed", self._disposed)

    async def take(self) -> AsyncConnection:
        """A connection that stands, in no transaction. Raises as the pool does."""
        line, connection = await self._taken()
        return connection or self._connection(line)

    async def take_bare(self) -> PoolProxiedConnection:
        """The same for the driver alone, who needs nothing of SQLAlchemy around it."""
        line, _ = await self._taken()
        return line

    async def _taken(self) -> tuple[PoolProxiedConnection, AsyncConnection | None]:
        while self._kept:
            line, connection, used = self._kept.pop()
            if self._is_fresh(line, used):
                return line, connection
            stands = False
            try:
                stands = await self._stands(line)
            finally:  # also when whoever asks is cancelled: what nobody knows of is not used again
                if not stands:
                    await greenlet_spawn(line.invalidate)
            if stands:
                return line, connection
        line = await greenlet_spawn(self._engine.sync_engine.raw_connection)
        line.info[_POOL] = self._pool
        return line, None

    async def give(self, connection: AsyncConnection) -> None:
        """Keep it at hand, or give it back to the pool, which wakes whoever waits there."""
        taken = connection.sync_connection
        if taken is not None and not taken.invalidated:
            if taken.connection.info.get(_POOL) is not self._pool:
                await connection.invalidate()  # its pool was disposed of meanwhile
            elif self._may_keep_one_more():
                self._kept.append((taken.connection, connection, time.monotonic()))
                return
        await connection.close()

    async def give_bare(self, line: PoolProxiedConnection) -> None:
        """The same for one of ``take_bare``."""
        if line.info.get(_POOL) is not self._pool:
            await greenlet_spawn(line.invalidate)
        elif self._may_keep_one_more():
            self._kept.append((line, None, time.monotonic()))
        else:
            await self.close_bare(line)

    async def close_bare(self, line: PoolProxiedConnection) -> None:
        """Give it back to the pool, rolled back; one that broke is not used again."""
        await greenlet_spawn(line.close)

    def _may_keep_one_more(self) -> bool:
        """When all are taken somebody may be waiting for one, and is woken by the pool alone."""
        pool = self._pool
        if not isinstance(pool, QueuePool):
            return False
        size: int = pool.size()
        return len(self._kept) < size // SHARE and pool.checkedout() < size

    def _connection(self, line: PoolProxiedConnection) -> AsyncConnection:
        # As ``AsyncEngine.connect`` makes it, without the greenlet that it needs to reach the pool.
        return AsyncConnection(self._engine, Connection(self._engine.sync_engine, line))

    def _is_fresh(self, line: PoolProxiedConnection, used: float) -> bool:
        driver = line.driver_connection
        return (
            isinstance(driver, psycopg.AsyncConnection)
            and time.monotonic() - used < self._idle_seconds
            and is_silent(driver)
        )

    async def _stands(self, line: PoolProxiedConnection) -> bool:
        driver = line.driver_connection
        if not isinstance(driver, psycopg.AsyncConnection):
            return False
        try:
            await driver.execute("SELECT 1")
            await driver.rollback()
        except psycopg.Error:
            return False
        return True

    def _disposed(self, engine: Engine) -> None:
        """With the pool go the connections taken from it. A process must not fork while some are at hand."""
        self._pool = engine.pool
        while self._kept:
            self._kept.pop()[0].invalidate()
