"""A connection for statements that are each a transaction: clean when it comes, clean when it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy.ext.asyncio import AsyncEngine

from solidgate.adapters.sealing import StoreKeys
from solidgate.adapters.sql.at_once import AtOnce
from solidgate.adapters.sql.engine import make_engine, plain_url
from solidgate.adapters.sql.exchange import exchange
from solidgate.adapters.sql.lines import Lines
from solidgate.errors import BodyInvalid, StoreUnavailable

KEYS = StoreKeys.from_root(bytes(32))
PID = ("SELECT pg_backend_pid() AS pid", {})


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database_url, pool_size=2)
    yield made
    await made.dispose()


async def pid(lines: Lines) -> int:
    async with AtOnce(lines, KEYS) as steps:
        ((row,),) = await exchange(steps.connection, PID, commit=True)
    return int(row.pid)


def taken(engine: AsyncEngine) -> int:
    return int(engine.pool.checkedout())  # type: ignore[attr-defined]


async def test_one_after_the_other_have_the_same_connection(engine: AsyncEngine) -> None:
    lines = Lines(engine)
    assert len({await pid(lines) for _ in range(5)}) == 1
    assert taken(engine) == 1


async def test_what_was_begun_is_there_at_the_end(engine: AsyncEngine) -> None:
    lines = Lines(engine)
    async with AtOnce(lines, KEYS) as steps:
        await exchange(steps.connection, ("CREATE TABLE begun (what text)", {}))
        assert steps.connection.info.transaction_status == TransactionStatus.INTRANS
    async with AtOnce(lines, KEYS) as steps:
        assert steps.connection.info.transaction_status == TransactionStatus.IDLE
        await exchange(steps.connection, ("INSERT INTO begun VALUES ('x')", {}), commit=True)


async def test_what_failed_is_undone_and_its_connection_is_whole(engine: AsyncEngine) -> None:
    lines = Lines(engine)
    with pytest.raises(ZeroDivisionError):
        async with AtOnce(lines, KEYS) as steps:
            await exchange(steps.connection, ("CREATE TABLE failed (what text)", {}))
            raise ZeroDivisionError
    assert taken(engine) == 0
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with AtOnce(lines, KEYS) as steps:
            await exchange(steps.connection, ("SELECT 1 FROM failed", {}), commit=True)
    await pid(lines)


async def test_whoever_is_cancelled_gives_a_clean_connection_back(engine: AsyncEngine) -> None:
    lines = Lines(engine)

    async def waits() -> None:
        async with AtOnce(lines, KEYS) as steps:
            await exchange(steps.connection, ("SELECT pg_sleep(60)", {}), commit=True)

    task = asyncio.create_task(waits())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert taken(engine) == 0
    assert len(set(await asyncio.gather(pid(lines), pid(lines)))) >= 1


async def test_the_faults_of_a_database_are_ours(engine: AsyncEngine, database_url: str) -> None:
    lines = Lines(engine)
    with pytest.raises(BodyInvalid) as said:
        async with AtOnce(lines, KEYS) as steps:
            await exchange(steps.connection, ("SELECT 1 / %(none)s::int", {"none": 0}), commit=True)
    assert isinstance(said.value.__cause__, psycopg.DataError)
    with pytest.raises(StoreUnavailable):
        async with AtOnce(lines, KEYS) as steps:
            ((row,),) = await exchange(steps.connection, PID, commit=True)
            async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as other:
                await other.execute("SELECT pg_terminate_backend(%s, 5000)", [row.pid])
            await exchange(steps.connection, PID, commit=True)
    assert await pid(lines) != row.pid


async def test_without_a_server_there_is_no_store() -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
    with pytest.raises(StoreUnavailable):
        async with AtOnce(Lines(nowhere), KEYS):
            raise AssertionError("it was entered")
    await nowhere.dispose()
