"""Several statements in one round trip: the pipeline of the transaction's own connection.

A statement here costs the server what it always costs, and the wire and the client nearly nothing. Each
still sees what was committed before it began, so one that takes a lock belongs before those that read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa
from psycopg.rows import namedtuple_row
from sqlalchemy.dialects.postgresql import psycopg as dialects
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.errors import InternalFault

Row = Mapping[str, Any]
Statement = sa.Executable | str
_DIALECT = dialects.dialect()


class Executes(Protocol):
    """Where a room's statements go: to the database at once, or to what is sent at the end."""

    async def execute(self, statement: Any, parameters: Any = None) -> Any: ...


async def together(
    connection: AsyncConnection, *sent: tuple[Statement, Row], commit: bool = False
) -> list[Sequence[Any]]:
    """The rows of each statement, sent at once in this order; with ``commit``, the end of the transaction.

    The first that fails is raised as the driver's error, and then none after it was done.
    """
    raw = _driver(connection)
    cursors = [raw.cursor(row_factory=namedtuple_row) for _ in sent]
    async with raw.pipeline():
        for cursor, (statement, values) in zip(cursors, sent, strict=True):
            await cursor.execute(_text(statement, tuple(values)), values)
        if commit:
            await raw.commit()
    return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]


class AtEnd:
    """Writes whose answers nobody waits for, sent as one statement together with the commit.

    None of them sees another; a key from one to another is checked after all of them.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Statement, Row]] = []

    async def execute(self, statement: Any, parameters: Any = None) -> None:
        """Keep it. The statement must be a constant of its module: its text is remembered."""
        if not statement.is_dml:
            raise InternalFault("only a write can wait for the end of its transaction")
        rows = [parameters] if isinstance(parameters, Mapping) else parameters
        self._waiting.extend((statement, row) for row in rows)

    async def send(self, connection: AsyncConnection) -> None:
        """All of them as one statement, and the commit."""
        if self._waiting:
            shape = tuple((statement, tuple(row)) for statement, row in self._waiting)
            values = {
                f"w{place}_{name}": value
                for place, (_, row) in enumerate(self._waiting)
                for name, value in row.items()
            }
            await together(connection, (_joined(shape), values), commit=True)


def _driver(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    checked_out = connection.sync_connection
    if checked_out is None:
        raise InternalFault("the transaction has no connection")
    driver: psycopg.AsyncConnection[Any] = checked_out.connection.driver_connection  # type: ignore[assignment]
    return driver


@lru_cache(maxsize=256)
def _joined(shape: tuple[tuple[Statement, tuple[str, ...]], ...]) -> str:
    """Writes that do not see each other, as one statement; keys between them are checked last."""
    *first, last = (
        _text(statement, columns).replace("%(", f"%(w{place}_")
        for place, (statement, columns) in enumerate(shape)
    )
    if not first:
        return last
    return "WITH " + ", ".join(f"w{place} AS ({one})" for place, one in enumerate(first)) + " " + last


@lru_cache(maxsize=256)
def _text(statement: Any, columns: tuple[str, ...]) -> str:
    if isinstance(statement, str):
        return statement
    return str(statement.compile(dialect=_DIALECT, column_keys=columns))
