"""Statements sent at once: all or none, on a connection that is as good afterwards as it was before."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from solidgate.adapters.sql import exchange as at
from solidgate.adapters.sql.engine import plain_url
from solidgate.adapters.sql.exchange import exchange
from solidgate.adapters.sql.store import SqlStore
from solidgate.adapters.sql.together import together

KEEP = "INSERT INTO kept (what) VALUES (%(what)s)"
COUNT = "SELECT count(*) AS many FROM kept"
PREPARED = "SELECT count(*) AS many FROM pg_prepared_statements WHERE name LIKE 'solidgate%%'"


@pytest.fixture
async def driver(database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as one:
        await one.execute("CREATE TEMPORARY TABLE kept (what bytea UNIQUE)")
        await one.commit()
        yield one


async def many(driver: psycopg.AsyncConnection[Any], question: str = COUNT) -> int:
    ((row,),) = await exchange(driver, (question, {}), commit=True)
    return int(row.many)


async def test_values_of_each_kind_come_back_as_they_went(driver: psycopg.AsyncConnection[Any]) -> None:
    row = {
        "text": "é%s '",
        "many": 7,
        "what": b"\x00\xff",
        "at": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "no": None,
        "list": [b"\x00\\'\xff", None],
        "words": ["é\\", None],
        "none": [None],
    }
    asked = (
        "SELECT %(text)s::text AS text, %(many)s::int AS many, %(what)s::bytea AS what,"
        " %(at)s::timestamptz AS at, %(no)s::text AS no,"
        " %(list)s::bytea[] AS list, %(words)s::text[] AS words, %(none)s::bytea[] AS none,"
        " '100%%' AS part, %(text)s::text AS again"
    )
    for _ in range(2):  # planned, then prepared
        ((found,), nothing) = await exchange(driver, (asked, row), ("SELECT 1 WHERE false", {}))
        assert found._asdict() == {**row, "part": "100%", "again": row["text"]}
        assert nothing == []


async def test_a_transaction_begins_by_itself_and_ends_when_told(
    driver: psycopg.AsyncConnection[Any],
) -> None:
    await exchange(driver, (KEEP, {"what": b"1"}))
    await driver.rollback()
    assert await many(driver) == 0
    await exchange(driver, (KEEP, {"what": b"1"}), (KEEP, {"what": b"2"}), commit=True)
    await driver.rollback()
    assert await many(driver) == 2


async def test_nothing_after_a_fault_is_done_and_the_connection_stays_good(
    driver: psycopg.AsyncConnection[Any],
) -> None:
    sent = [(KEEP, {"what": what}) for what in (b"1", b"1", b"2")]
    with pytest.raises(psycopg.errors.UniqueViolation):
        await exchange(driver, *sent, commit=True)
    await driver.rollback()
    assert await many(driver) == 0
    with pytest.raises(psycopg.errors.UndefinedTable):
        await exchange(driver, ("SELECT 1 FROM nowhere", {}), commit=True)
    await driver.rollback()
    assert await many(driver) == 0


async def test_a_commit_that_the_server_refuses_is_no_answer(driver: psycopg.AsyncConnection[Any]) -> None:
    late = "CREATE TEMPORARY TABLE late (what bytea UNIQUE DEFERRABLE INITIALLY DEFERRED)"
    await exchange(driver, (late, {}), commit=True)
    twice = [(KEEP.replace("kept", "late"), {"what": b"1"})] * 2
    with pytest.raises(psycopg.errors.UniqueViolation):
        await exchange(driver, *twice, commit=True)
    assert await many(driver, COUNT.replace("kept", "late")) == 0
    await exchange(driver, *twice)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await exchange(driver, commit=True)
    assert await many(driver, COUNT.replace("kept", "late")) == 0


async def test_it_is_answered_although_a_rollback_took_what_was_prepared(
    driver: psycopg.AsyncConnection[Any],
) -> None:
    await exchange(driver, (KEEP, {"what": b"1"}), commit=True)
    assert await many(driver, PREPARED) == 2  # with the question itself
    await driver.execute("DEALLOCATE ALL")
    await driver.rollback()
    await exchange(driver, (KEEP, {"what": b"2"}), commit=True)
    assert await many(driver) == 2


async def test_it_is_answered_although_a_newer_version_added_a_column(
    driver: psycopg.AsyncConnection[Any],
) -> None:
    for column in ("one", "two"):
        await exchange(driver, ("SELECT * FROM kept", {}), commit=True)
        await exchange(driver, (f"ALTER TABLE kept ADD COLUMN {column} int", {}), commit=True)
    assert await exchange(driver, ("SELECT * FROM kept", {}), commit=True) == [[]]
    assert await many(driver, PREPARED) == 2


async def test_no_result_stays_in_memory(driver: psycopg.AsyncConnection[Any]) -> None:
    await exchange(driver, ("SELECT 'secret' AS what", {}), commit=True)
    assert at._line_of(driver).transformer.pgresult is None


async def test_the_driver_takes_nothing_away_that_was_prepared(store: SqlStore) -> None:
    for _ in range(8):
        async with store.transaction() as tx:
            await tx.connection.execute(sa.text("SELECT 1"))
            await together(tx.connection, ("SELECT 2 AS two", {}))
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as tx:
            await tx.connection.execute(sa.text("SELECT 1"))
            raise ZeroDivisionError
    async with store.transaction() as tx:
        await tx.connection.execute(sa.text("SELECT 1"))
        ((row,),) = await together(tx.connection, ("SELECT 2 AS two", {}))
        assert row.two == 2


async def test_within_a_transaction_what_was_done_before_is_never_lost_silently(
    driver: psycopg.AsyncConnection[Any],
) -> None:
    await exchange(driver, (KEEP, {"what": b"1"}))
    await driver.execute("DEALLOCATE ALL")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        await exchange(driver, (KEEP, {"what": b"2"}), commit=True)
    await driver.rollback()
    assert await many(driver) == 0


async def test_a_connection_keeps_no_more_statements_prepared_than_its_limit(
    driver: psycopg.AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at, "MOST_PREPARED", 3)
    for number in range(4):
        ((row,),) = await exchange(driver, (f"SELECT {number} AS many", {}), commit=True)
        assert row.many == number
    assert await many(driver, PREPARED) == 3


async def _waits(driver: psycopg.AsyncConnection[Any], url: str) -> None:
    """Cut off while it waits for a lock: prepared on the server, and no answer was read."""
    lock = ("SELECT pg_advisory_xact_lock(%(key)s::int)", {"key": 7})
    async with await psycopg.AsyncConnection.connect(url) as holder:
        await exchange(holder, lock)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await exchange(driver, lock)
    await driver.rollback()


async def test_what_a_cancelled_exchange_prepared_does_not_pile_up(
    driver: psycopg.AsyncConnection[Any], database_url: str
) -> None:
    for _ in range(3):
        await _waits(driver, plain_url(database_url))
    assert at._line_of(driver).unsure
    await exchange(driver, (KEEP, {"what": b"1"}), commit=True)
    assert await many(driver, PREPARED) == 2  # with the question itself
    assert not at._line_of(driver).unsure
    assert await many(driver) == 1


async def test_more_values_than_a_statement_takes_are_refused_by_their_reason(
    driver: psycopg.AsyncConnection[Any],
) -> None:
    row = {f"v{place}": place for place in range(at.MOST_VALUES + 1)}
    asked = "SELECT 1 WHERE 1 IN (" + ", ".join(f"%({name})s" for name in row) + ")"
    for commit in (True, False):
        with pytest.raises(psycopg.ProgrammingError, match="65536"):
            await exchange(driver, (KEEP, {"what": b"1"}), (asked, row), commit=commit)
    assert await many(driver) == 0
    await exchange(driver, (KEEP, {"what": b"2"}), commit=True)
    assert await many(driver) == 1


async def test_a_connection_that_is_gone_is_not_kept_in_memory(database_url: str) -> None:
    one = await psycopg.AsyncConnection.connect(plain_url(database_url))
    await exchange(one, ("SELECT now() AS at", {}), commit=True)
    await one.close()
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None


async def test_a_cancelled_wait_for_a_lock_rolls_back_and_leaves_the_pool_whole(
    store: SqlStore, person: str
) -> None:
    lock = ("SELECT 1 FROM people WHERE person_id = %(person)s FOR UPDATE", {"person": person})

    async def waits() -> None:
        async with store.transaction() as tx:
            await together(tx.connection, lock)

    async with store.transaction() as holder:
        await together(holder.connection, lock)
        waiting = asyncio.create_task(waits())
        for _ in range(1000):
            asked = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            async with store.transaction() as other:
                if (await other.connection.execute(asked)).scalar_one():
                    break
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    for _ in range(12):  # more than the pool has
        await waits()


async def _says_both(store: SqlStore, fault: type[Exception] | None) -> None:
    async with store.transaction() as tx:
        await together(tx.connection, ("INSERT INTO both_ways VALUES (%(what)s)", {"what": "driver"}))
        await tx.connection.execute(sa.text("INSERT INTO both_ways VALUES ('sqlalchemy')"))
        if fault is not None:
            raise fault


async def test_both_ways_of_speaking_are_one_transaction(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.connection.execute(sa.text("CREATE TABLE both_ways (what text)"))
    with pytest.raises(ZeroDivisionError):
        await _says_both(store, ZeroDivisionError)
    await _says_both(store, None)
    async with store.transaction() as tx:
        found = await tx.connection.execute(sa.text("SELECT what FROM both_ways"))
        assert sorted(found.scalars()) == ["driver", "sqlalchemy"]


async def test_what_the_driver_alone_said_is_kept_too(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await together(tx.connection, ("CREATE TABLE alone (what text)", {}))
    async with store.transaction() as tx:
        assert await together(tx.connection, ("SELECT what FROM alone", {})) == [[]]
