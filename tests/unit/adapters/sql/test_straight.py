"""Straight connections: each statement stands by itself; what is dead or half done is never used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from solidgate.adapters.sql.engine import make_engine, plain_url
from solidgate.adapters.sql.straight import Straight


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database_url, pool_size=2, statement_timeout=3)
    yield engine
    await engine.dispose()


async def _pid(straight: Straight) -> int:
    async with straight.connection() as connection:
        return connection.info.backend_pid


async def _asked(straight: Straight, statement: str) -> str:
    async with straight.connection() as connection:
        row = await (await connection.execute(statement)).fetchone()
        assert row is not None
        return str(row[0])


async def test_each_statement_is_its_own_transaction(engine: AsyncEngine) -> None:
    straight = Straight(engine)
    async with straight.connection() as one, straight.connection() as other:
        await one.execute("CREATE TABLE seen (n int)")
        await one.execute("INSERT INTO seen VALUES (1)")
        row = await (await other.execute("SELECT n FROM seen")).fetchone()
    assert row == (1,)


async def test_they_are_opened_as_the_engine_opens_its_own(engine: AsyncEngine) -> None:
    straight = Straight(engine)
    assert await _asked(straight, "SHOW statement_timeout") == "3s"
    assert await _asked(straight, "SHOW timezone") == "UTC"


async def test_the_last_used_is_used_again_and_no_more_than_the_pool_has(engine: AsyncEngine) -> None:
    straight = Straight(engine)
    assert len({await _pid(straight) for _ in range(4)}) == 1
    async with straight.connection(), straight.connection():
        waiting = asyncio.create_task(_pid(straight))
        assert await asyncio.wait([waiting], timeout=0.2) == (set(), {waiting})
    assert await waiting


async def test_one_that_the_server_ended_is_replaced_unnoticed(
    engine: AsyncEngine, database_url: str
) -> None:
    straight = Straight(engine)
    before = await _pid(straight)
    async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as other:
        await other.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    assert await _pid(straight) != before


async def test_one_that_rested_for_long_is_replaced(engine: AsyncEngine) -> None:
    straight = Straight(engine, idle_seconds=0.0)
    assert await _pid(straight) != await _pid(straight)


async def test_a_refused_statement_leaves_it_usable(engine: AsyncEngine) -> None:
    straight = Straight(engine)
    before = await _pid(straight)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await _asked(straight, "SELECT 1 / 0")
    assert await _pid(straight) == before


async def test_what_was_left_open_is_not_used_again(engine: AsyncEngine) -> None:
    straight = Straight(engine)
    async with straight.connection() as connection:
        before = connection.info.backend_pid
        await connection.execute("BEGIN")
    assert await _pid(straight) != before


async def test_after_one_was_called_back_the_next_answer_is_the_next_questions(engine: AsyncEngine) -> None:
    straight = Straight(engine)
    slow = asyncio.create_task(_asked(straight, "SELECT 'first' FROM pg_sleep(2)"))
    await asyncio.sleep(0.3)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await _asked(straight, "SELECT 'second'") == "second"


async def test_they_end_with_the_engine(engine: AsyncEngine) -> None:
    straight = Straight(engine)
    async with straight.connection() as kept:
        async with straight.connection() as other:
            pass
        await engine.dispose()
        assert other.closed
        assert not kept.closed
    assert kept.closed
