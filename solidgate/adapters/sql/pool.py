"""Connections that wait in the pool: whether one still stands, without a round trip for most of them."""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

_USED = "solidgate-used"


def check_before_use(engine: AsyncEngine, idle_seconds: float) -> None:
    """A waiting connection is looked at before it is used again, and the pool renewed when it is dead.

    A server that goes away closes its side, which can be seen at the socket; a question is asked only where
    something came in unasked, or after so many idle seconds, when a path in between may have gone silently.
    """
    dialect = engine.dialect

    def checkin(connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    def checkout(connection: Any, record: Any, proxy: Any) -> None:
        used = record.info.get(_USED)
        if used is None or (
            time.monotonic() - used < idle_seconds and is_silent(connection.driver_connection)
        ):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as fault:
            raise sa.exc.InvalidatePoolError from fault

    event.listen(engine.sync_engine, "checkin", checkin)
    event.listen(engine.sync_engine, "checkout", checkout)


def is_silent(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether it is open and nothing waits to be read on it; an end waits to be read, too."""
    socket = connection.pgconn.socket if not connection.closed else -1
    if socket < 0:
        return False
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return not poll.poll(0)
