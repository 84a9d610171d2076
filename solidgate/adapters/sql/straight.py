"""Connections straight to the driver, on which each statement is its own transaction: for the moves of parts.

Everybody's part makes the same few statements. Taking each of them through the wrappings of a connection that
serves everything else costs several times what the statement itself costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from solidgate.adapters.sql.pool import is_silent

Driver = psycopg.AsyncConnection[Any]


class Straight:
    """As many as the engine's pool has, opened as the engine opens its own; the last used is used first.

    A connection is looked at before it is used again, as in the pool: one that the server closed, that says
    something unasked, or that rested for ``idle_seconds`` is replaced. They end with the engine.
    """

    def __init__(self, engine: AsyncEngine, idle_seconds: float = 30.0) -> None:
        self._engine = engine
        self._idle_seconds = idle_seconds
        self._places = asyncio.Semaphore(engine.pool.size())  # type: ignore[attr-defined]
        self._free: list[tuple[Driver, float]] = []
        self._disposed = 0
        event.listen(engine.sync_engine, "engine_disposed", self._end)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Driver]:
        """One that nobody else uses meanwhile. Raises the driver's errors."""
        async with self._places:
            opened = self._disposed
            connection = self._standing() or await self._open()
            try:
                yield connection
            finally:
                self._given_back(connection, usable=opened == self._disposed)

    def _standing(self) -> Driver | None:
        while self._free:
            connection, used = self._free.pop()
            if time.monotonic() - used < self._idle_seconds and is_silent(connection):
                return connection
            connection.pgconn.finish()
        return None

    async def _open(self) -> Driver:
        """Opened by the engine, so that it is like its others, and then none of its own any more."""
        wrapped = await self._engine.raw_connection()
        connection: Driver = wrapped.driver_connection  # type: ignore[assignment]
        wrapped.detach()
        await connection.set_autocommit(True)
        return connection

    def _given_back(self, connection: Driver, *, usable: bool) -> None:
        """Kept only if nothing is under way on it: a statement that was cut off may leave anything behind."""
        if usable and connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._free.append((connection, time.monotonic()))
        else:
            connection.pgconn.finish()

    def _end(self, *_engine: object) -> None:
        self._disposed += 1
        for connection, _ in self._free:
            connection.pgconn.finish()
        self._free.clear()
