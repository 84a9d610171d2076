"""The pool: a dead connection is never handed out, and a living one is not asked each time."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from solidgate.adapters.sql.engine import make_engine, plain_url


async def _pid(engine: AsyncEngine) -> int:
    async with engine.begin() as connection:
        return int((await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one())


async def _two(engine: AsyncEngine) -> set[int]:
    async with engine.begin() as one, engine.begin() as other:
        asked = sa.text("SELECT pg_backend_pid()")
        return {int((await each.execute(asked)).scalar_one()) for each in (one, other)}


async def test_connections_that_the_server_ended_are_replaced_unnoticed(database_url: str) -> None:
    engine = make_engine(database_url)
    try:
        before = await _two(engine)
        async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as other:
            await other.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) pid", [list(before)])
        assert not before & await _two(engine)
    finally:
        await engine.dispose()


@pytest.mark.parametrize(("idle_seconds", "questions"), [(30.0, 0), (0.0, 3)])
async def test_a_connection_is_asked_only_when_it_was_idle_for_long(
    database_url: str, idle_seconds: float, questions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(database_url, idle_seconds=idle_seconds)
    asked: list[Any] = []
    ping = engine.dialect.do_ping
    monkeypatch.setattr(engine.dialect, "do_ping", lambda one: asked.append(one) or ping(one))
    try:
        pids = {await _pid(engine) for _ in range(4)}
        assert (len(pids), len(asked)) == (1, questions)
    finally:
        await engine.dispose()


async def test_a_connection_that_ends_while_the_pool_is_asked_is_replaced(database_url: str) -> None:
    engine = make_engine(database_url, idle_seconds=0.0)
    try:
        before = await _pid(engine)
        async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as other:
            await other.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
        await asyncio.sleep(0)
        assert await _pid(engine) != before
    finally:
        await engine.dispose()
