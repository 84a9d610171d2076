"""Connections at hand: never a dead one, never one within a transaction, never more than their share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solidgate.adapters.sql.engine import make_engine, plain_url
from solidgate.adapters.sql.lines import Lines
from solidgate.adapters.sql.together import together
from solidgate.adapters.sql.whole import whole


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database_url, pool_size=8)
    yield made
    await made.dispose()


async def pid(connection: AsyncConnection) -> int:
    ((row,),) = await together(connection, ("SELECT pg_backend_pid() AS pid", {}))
    return int(row.pid)


async def one(lines: Lines) -> int:
    async with whole(lines) as connection:
        return await pid(connection)


async def some(lines: Lines, many: int) -> set[int]:
    """The connections of so many transactions at once."""
    meet = asyncio.Barrier(many)

    async def meets() -> int:
        async with whole(lines) as connection:
            await meet.wait()
            return await pid(connection)

    return set(await asyncio.gather(*(meets() for _ in range(many))))


def taken(engine: AsyncEngine) -> int:
    return int(engine.pool.checkedout())  # type: ignore[attr-defined]


async def test_the_same_connection_serves_one_after_the_other(engine: AsyncEngine) -> None:
    lines = Lines(engine)
    assert len({await one(lines) for _ in range(5)}) == 1


async def test_no_more_than_half_stays_at_hand_and_all_can_be_had(engine: AsyncEngine) -> None:
    lines = Lines(engine)
    for _ in range(3):
        assert len(await some(lines, 8)) == 8
        assert taken(engine) == 4


async def test_whoever_waits_is_woken_by_the_first_that_is_free(database_url: str) -> None:
    small = make_engine(database_url, pool_size=4, statement_timeout=2)
    lines = Lines(small)
    held = [await lines.take() for _ in range(4)]
    waiting = asyncio.create_task(lines.take())
    await asyncio.sleep(0.1)
    await lines.give(held.pop())
    held.append(await waiting)
    for connection in held:
        await lines.give(connection)
    assert taken(small) == 2
    await small.dispose()


async def test_one_of_a_pool_that_is_gone_is_not_kept(engine: AsyncEngine) -> None:
    lines = Lines(engine)
    connection = await lines.take()
    await engine.dispose()
    before = await pid(connection)
    await lines.give(connection)
    assert await one(lines) != before


async def test_a_small_pool_keeps_none_at_hand(database_url: str) -> None:
    small = make_engine(database_url, pool_size=1)
    lines = Lines(small)
    await one(lines)
    assert taken(small) == 0
    await small.dispose()


@pytest.mark.parametrize("idle_seconds", [30.0, 0.0])
async def test_one_that_the_server_ended_is_replaced_unnoticed(
    engine: AsyncEngine, database_url: str, idle_seconds: float
) -> None:
    lines = Lines(engine, idle_seconds)
    before = await some(lines, 2)
    async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as other:
        await other.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) pid", [list(before)])
    await asyncio.sleep(0)
    assert not before & await some(lines, 8)


@pytest.mark.parametrize("idle_seconds", [30.0, 0.0])
async def test_what_failed_leaves_nothing_behind(engine: AsyncEngine, idle_seconds: float) -> None:
    lines = Lines(engine, idle_seconds)
    async with whole(lines) as connection:
        await connection.execute(sa.text("CREATE TABLE left_behind (what text)"))
    for fault in (ZeroDivisionError, None):
        with pytest.raises((ZeroDivisionError, psycopg.errors.UndefinedTable)):
            async with whole(lines) as connection:
                await connection.execute(sa.text("INSERT INTO left_behind VALUES ('x')"))
                if fault is not None:
                    raise fault
                await together(connection, ("SELECT 1 FROM nowhere", {}))
    async with whole(lines) as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM left_behind"))).scalar_one() == 0


async def test_with_the_engine_go_its_lines(database_url: str) -> None:
    gone = make_engine(database_url)
    before = await some(Lines(gone), 2)
    await gone.dispose()
    asked = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
    async with await psycopg.AsyncConnection.connect(plain_url(database_url), autocommit=True) as other:
        for _ in range(200):
            ((left,),) = await (await other.execute(asked, [list(before)])).fetchall()
            if not left:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("a connection outlives its engine")


async def test_a_connection_is_not_lost_when_whoever_asks_for_it_is_cancelled(
    engine: AsyncEngine, database_url: str
) -> None:
    lines = Lines(engine, 0.0)
    (kept,) = {await one(lines)}
    async with await psycopg.AsyncConnection.connect(plain_url(database_url), autocommit=True) as other:
        await other.execute("SELECT 1")
        asking = asyncio.create_task(one(lines))
        await asyncio.sleep(0)  # the question whether it stands is on its way
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert kept not in await some(lines, 8)
