"""Several statements to the server in one write, and their answers in one turn: the pipeline of libpq itself.

The driver's own pipeline hands each statement to the socket alone, and waits a turn for BEGIN. Where a person
waits for two round trips, that is most of what they cost; so this file, and no other, speaks to libpq.
"""

from __future__ import annotations

import itertools
import re
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors, generators, sql
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from solidgate.errors import InternalFault

Driver = psycopg.AsyncConnection[Any]
Row = Mapping[str, Any]
Command = Callable[[], None]
_Shape = tuple[bytes, tuple[int, ...]]

MOST_PREPARED = 64
"""Statements that stay prepared on one connection; any beyond are planned each time."""
MOST_VALUES = 65535
"""Values of one statement: their number has two bytes in the protocol (PostgreSQL, section 54.7, Bind)."""

_STALE = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)
"""What was prepared was taken away, or a newer version changed a table."""

_PLACE = re.compile(r"%\((\w+)\)s|%%")
_numbers = itertools.count(1)
_BEGIN: tuple[str, Row] = ("BEGIN", {})
_COMMIT: tuple[str, Row] = ("COMMIT", {})


@dataclass(frozen=True, slots=True)
class _Line:
    """What is prepared on one connection, under which name, and what writes and reads its values.

    It does not name the connection, which could never go away else; so its times are read as UTC.
    ``unsure`` are names that were sent, and of which no answer was read: who waited was cut off.
    """

    prepared: dict[_Shape, bytes]
    transformer: Any
    unsure: set[bytes] = field(default_factory=set)


_lines: WeakKeyDictionary[Driver, _Line] = WeakKeyDictionary()


def _line_of(driver: Driver) -> _Line:
    line = _lines.get(driver)
    if line is None:
        line = _lines[driver] = _Line({}, Transformer())
    return line


async def exchange(driver: Driver, *sent: tuple[str, Row], commit: bool = False) -> list[list[Any]]:
    """The rows of each statement, in one round trip; a transaction begins when there is none.

    A statement is a constant with ``%(name)s`` for each value; with ``commit`` the transaction ends. The
    first fault is raised as the driver's error, and then nothing after it was done. A transaction that begins
    and ends here is the pipeline's own (libpq, section 34.5.1.1): it needs no word for either.
    """
    if driver.pgconn.pipeline_status != PipelineStatus.OFF:
        raise InternalFault("somebody speaks between writes that went ahead and their commit")
    begins = driver.info.transaction_status == TransactionStatus.IDLE
    if begins and _line_of(driver).unsure:
        await _give_up(driver, _line_of(driver).unsure)
    try:
        return await _once(driver, sent, begins, commit)
    except _STALE:  # nothing was done: once more
        _line_of(driver).prepared.clear()
        if not begins:
            raise
        await driver.rollback()
        await driver.execute("DEALLOCATE ALL")
        await driver.rollback()
        return await _once(driver, sent, begins, commit)


async def _once(
    driver: Driver, sent: Sequence[tuple[str, Row]], begins: bool, commit: bool
) -> list[list[Any]]:
    if begins != commit:
        sent = (_BEGIN, *sent) if begins else (*sent, _COMMIT)
    begins, commit = begins and not commit, commit and not begins
    statements, commands = _made(driver, sent)
    rows = await _answered(driver, statements, commands)
    return rows[begins : len(rows) - commit]


async def _give_up(driver: Driver, unsure: set[bytes]) -> None:
    """What stands under a name that nobody will use: seldom, so it may cost round trips of its own."""
    asked = "SELECT name FROM pg_prepared_statements WHERE name = ANY(%s)"
    cursor = await driver.execute(asked, [[name.decode() for name in unsure]])
    for (name,) in await cursor.fetchall():
        await driver.execute(sql.SQL("DEALLOCATE {}").format(sql.Identifier(name)))
    await driver.rollback()
    unsure.clear()


def _made(driver: Driver, sent: Sequence[tuple[str, Row]]) -> tuple[list[_Statement], list[Command]]:
    pgconn, line = driver.pgconn, _line_of(driver)
    statements = [_Statement(pgconn, line, *one) for one in sent]
    return statements, [command for statement in statements for command in statement.commands()]


async def _answered(
    driver: Driver, statements: Sequence[_Statement], commands: Sequence[Command], under_way: int = 0
) -> list[list[Any]]:
    async with driver.lock:
        results = iter(await driver.wait(_round(driver.pgconn, commands, under_way)))
    rows = [statement.rows(results) for statement in statements]
    for end in results:
        _check(end)
    return rows


class Ahead:
    """Statements of a transaction that the server works on while we make those that go with the commit.

    Between ``begin`` and its end nobody else may speak on the connection.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._statements: list[_Statement] = []
        self._commands = 0
        self._ended = False

    def begin(self, *sent: tuple[str, Row]) -> None:
        """Send these on their way; a transaction begins when there is none. Nothing is waited for."""
        pgconn = self._driver.pgconn
        begins = self._driver.info.transaction_status == TransactionStatus.IDLE
        self._statements, commands = _made(self._driver, [*([_BEGIN] if begins else ()), *sent])
        pgconn.enter_pipeline_mode()
        self._commands = len(commands)
        try:
            for command in commands:
                command()
            pgconn.flush()  # what the socket does not take at once goes with the rest
        except BaseException:
            pgconn.finish()  # nobody knows how much of it went out
            raise

    async def commit(self, *sent: tuple[str, Row]) -> None:
        """These, too, and the end of the transaction. The first fault of all is raised."""
        more, commands = _made(self._driver, [*sent, _COMMIT])
        self._ended = True
        try:
            await _answered(self._driver, [*self._statements, *more], commands, self._commands)
        except _STALE:
            _line_of(self._driver).prepared.clear()  # whoever asks again prepares anew
            raise

    async def leave(self) -> None:
        """Nothing more: the connection leaves the pipeline, and the transaction is the caller's to end.

        Nothing after ``commit`` began, which leaves it or breaks the connection.
        """
        if self._ended:
            return
        self._ended = True
        async with self._driver.lock:
            await self._driver.wait(_round(self._driver.pgconn, (), self._commands))


def _round(pgconn: PGconn, commands: Sequence[Command], under_way: int = 0) -> PQGen[list[PGresult]]:
    """One result for each command, those that are under way first, and the end's.

    The connection leaves the pipeline whole, or is closed.
    """
    if not under_way:
        pgconn.enter_pipeline_mode()
    try:
        for command in commands:
            command()
        pgconn.pipeline_sync()
        yield from generators.send(pgconn)
        pgconn.consume_input()  # a server that was quick has answered before anybody waits
        results: list[PGresult] = []
        for _ in range(under_way + len(commands)):
            results += yield from generators.fetch_many(pgconn)
        while pgconn.status != ConnStatus.BAD and not _is_end(results):
            # The end of the pipeline; a commit of its own that is refused says so before it.
            results += yield from generators.fetch_many(pgconn)
        return results
    finally:
        if pgconn.status != ConnStatus.BAD:
            pgconn.exit_pipeline_mode()


@dataclass(slots=True)
class _Statement:
    """One statement with its values, and the rows that come of it."""

    pgconn: PGconn
    line: _Line
    statement: str
    row: Row
    made: tuple[_Shape, bytes] | None = None

    def commands(self) -> Iterator[Command]:
        """Prepare it where it is not, then execute it; bound by its text and the types of its values."""
        text, names = _numbered(self.statement)
        transformer, prepared, pgconn = self.line.transformer, self.line.prepared, self.pgconn
        row, auto, binary = self.row, PyFormat.AUTO, PyFormat.BINARY
        given = [row[name] for name in names]
        # As the driver chooses; arrays in binary, as bytes in the text of one are escaped by a connection.
        values = transformer.dump_sequence(given, [binary if type(one) is list else auto for one in given])
        types, formats = transformer.types or (), transformer.formats
        if len(values) > MOST_VALUES:
            # Before anything is sent: in the middle of a pipeline libpq's own word for it would be lost.
            raise psycopg.ProgrammingError(f"{len(values)} values are more than one statement takes")
        name = prepared.get((text, types))
        if name is None and len(prepared) >= MOST_PREPARED:
            yield partial(pgconn.send_query_params, text, values, types, formats, Format.BINARY)
            return
        if name is None:
            name = b"solidgate_%d" % next(_numbers)
            self.made = ((text, types), name)
            self.line.unsure.add(name)
            yield partial(pgconn.send_prepare, name, text, types)
        yield partial(pgconn.send_query_prepared, name, values, formats, Format.BINARY)

    def rows(self, results: Iterator[PGresult]) -> list[Any]:
        """What came of it. Raises the driver's error."""
        if self.made is not None:
            shape, name = self.made
            parsed = next(results)
            self.line.unsure.discard(name)
            _check(parsed)
            self.line.prepared[shape] = name
        result = next(results)
        _check(result)
        if not result.nfields:
            return []
        maker = _row_of(tuple([result.fname(place) or b"" for place in range(result.nfields)]))
        self.line.transformer.set_pgresult(result)
        rows = list(self.line.transformer.load_rows(0, result.ntuples, maker))
        self.line.transformer.set_pgresult(None)  # what a person may have erased does not stay in memory
        return rows


def _is_end(results: Sequence[PGresult]) -> bool:
    return bool(results) and results[-1].status == ExecStatus.PIPELINE_SYNC


def _check(result: PGresult) -> None:
    if result.status == ExecStatus.FATAL_ERROR:
        raise errors.error_from_result(result)
    if result.status == ExecStatus.PIPELINE_ABORTED:
        raise errors.PipelineAborted("pipeline aborted")


@lru_cache(maxsize=256)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with ``$1`` for the first name, and the names in their order."""
    names = tuple(dict.fromkeys(name for name in _PLACE.findall(statement) if name))
    places = {name: f"${place}" for place, name in enumerate(names, 1)}
    return _PLACE.sub(lambda found: places.get(found[1], "%"), statement).encode(), names


@lru_cache(maxsize=256)
def _row_of(columns: tuple[bytes, ...]) -> Callable[[Sequence[Any]], Any]:
    made = namedtuple("Row", [column.decode() for column in columns], rename=True)  # type: ignore[misc]
    return made._make
