"""Several statements in one round trip: the pipeline of the transaction's own connection.

A statement here costs the server what it always costs, and the wire and the client nearly nothing. Each
still sees what was committed before it began, so one that takes a lock belongs before those that read.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg as dialects
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.exchange import Ahead, Driver, exchange
from solidgate.errors import InternalFault

Row = Mapping[str, Any]
Statement = sa.Executable | str
_DIALECT = dialects.dialect()


class Executes(Protocol):
    """Where a room's statements go: to the database at once, or to what is sent at the end."""

    async def execute(self, statement: Any, parameters: Any = None) -> Any: ...


async def together(
    connection: AsyncConnection, *sent: tuple[Statement, Row], commit: bool = False
) -> list[list[Any]]:
    """The rows of each statement, sent at once in this order; with ``commit``, the end of the transaction.

    The first that fails is raised as the driver's error, and then none after it was done.
    """
    texts = ((_text(statement, tuple(values)), values) for statement, values in sent)
    return await exchange(driver_of(connection), *texts, commit=commit)


class AtEnd:
    """Writes whose answers nobody waits for, sent as one statement together with the commit.

    None of them sees another; a key from one to another is checked after all of them.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._waiting: list[tuple[Statement, Row]] = []
        self._at = connection
        self._ahead: Ahead | None = None

    async def execute(self, statement: Any, parameters: Any = None) -> None:
        """Keep it. The statement must be a constant of its module: its text is remembered."""
        if not statement.is_dml:
            raise InternalFault("only a write can wait for the end of its transaction")
        rows = [parameters] if isinstance(parameters, Mapping) else parameters
        self._waiting.extend((statement, row) for row in rows)

    def ahead(self) -> None:
        """Send those that wait on their way, once: the server works on them while the rest is made.

        From here on the transaction has nothing but further last writes.
        """
        if self._ahead is not None:
            raise InternalFault("last writes go ahead once")
        ahead = Ahead(driver_of(self._at))
        ahead.begin(*self._joined())
        self._ahead = ahead

    async def send(self) -> None:
        """All of them, and the commit."""
        sent = self._joined()
        if self._ahead is not None:
            await self._ahead.commit(*sent)
        elif sent:
            await exchange(driver_of(self._at), *sent, commit=True)

    async def leave(self) -> None:
        """The transaction fails: wait for what went ahead, so that it can be rolled back."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await ahead.leave()

    def _joined(self) -> list[tuple[str, Row]]:
        """Those that wait as one statement, or none."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return []
        joined, names = _joined(tuple((statement, tuple(row)) for statement, row in waiting))
        values = itertools.chain.from_iterable(row.values() for _, row in waiting)
        return [(joined, dict(zip(names, values, strict=True)))]


def driver_of(connection: AsyncConnection) -> Driver:
    """The driver's own connection, in the same transaction."""
    checked_out = connection.sync_connection
    if checked_out is None:
        raise InternalFault("the transaction has no connection")
    driver: Driver = checked_out.connection.driver_connection  # type: ignore[assignment]
    return driver


@lru_cache(maxsize=256)
def _joined(shape: tuple[tuple[Statement, tuple[str, ...]], ...]) -> tuple[str, tuple[str, ...]]:
    """Writes that do not see each other, as one statement, and the names of its values in their order.

    Keys between them are checked last.
    """
    names = tuple(f"w{place}_{name}" for place, (_, row) in enumerate(shape) for name in row)
    *first, last = (
        _text(statement, columns).replace("%(", f"%(w{place}_")
        for place, (statement, columns) in enumerate(shape)
    )
    if not first:
        return last, names
    clauses = ", ".join(f"w{place} AS ({one})" for place, one in enumerate(first))
    return f"WITH {clauses} {last}", names


@lru_cache(maxsize=256)
def _text(statement: Any, columns: tuple[str, ...]) -> str:
    if isinstance(statement, str):
        return statement
    return str(statement.compile(dialect=_DIALECT, column_keys=columns))
