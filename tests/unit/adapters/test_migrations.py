"""Migrations on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from procrastinate.schema import SchemaManager

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql import migration
from solidgate.adapters.sql.engine import driver_url, make_engine, migrate, plain_url, revisions
from solidgate.adapters.sql.tables import metadata
from solidgate.adapters.sql.version import queue_steps
from solidgate.errors import BadSetting, StoreUnavailable


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    name = f"empty_{abs(hash(request.node.nodeid)) % 10**9}"
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return postgres.url_of(name)


async def test_several_starts_at_once_migrate_once(empty_database: str) -> None:
    assert revisions(empty_database)[0] == ""
    reached = set(await asyncio.gather(*(migrate(empty_database) for _ in range(3))))
    current, wanted = revisions(empty_database)
    assert reached == {current} == {wanted}


async def test_what_is_up_to_date_is_seen_without_the_tools_for_migrations(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await migrate(empty_database)
    monkeypatch.setattr(migration, "bring", lambda connection: pytest.fail("there is nothing to bring"))
    assert await migrate(empty_database) == first == migration.head()


def test_the_steps_of_the_queue_are_those_that_it_brings_along() -> None:
    assert queue_steps() == sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


@pytest.mark.parametrize("left", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
async def test_what_is_not_up_to_date_is_looked_at(
    empty_database: str, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        connection.execute(left)  # type: ignore[call-overload]
    monkeypatch.setattr(migration, "bring", lambda connection: "brought")
    assert await migrate(empty_database) == "brought"


async def test_the_tables_are_the_ones_that_the_code_declares(database_url: str) -> None:
    engine = sa.create_engine(driver_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    # The last is an index over an expression, which the comparison cannot read back from the database.
    foreign = ("procrastinate", "alembic_version", "audit_objects")
    assert [line for line in differences if not any(word in str(line) for word in foreign)] == []


async def test_the_job_queue_is_there(database_url: str) -> None:
    from procrastinate import App, PsycopgConnector

    app = App(connector=PsycopgConnector(conninfo=plain_url(database_url)))
    async with app.open_async():
        assert await app.check_connection_async()


async def test_a_database_of_a_newer_version_is_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="newer solidgate"):
        await migrate(database_url)


async def test_a_queue_that_somebody_else_made_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("COMMENT ON TABLE procrastinate_jobs IS NULL")
    with pytest.raises(StoreUnavailable, match="not made by solidgate"):
        await migrate(database_url)


async def test_an_unreachable_database_is_named_as_such() -> None:
    with pytest.raises(StoreUnavailable):
        await migrate("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize("url", ["sqlite:///x", "mysql://h/d", "nonsense"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(BadSetting):
        driver_url(url)


async def test_a_late_statement_is_ended(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1, statement_timeout=0.2)
    async with engine.connect() as connection:
        with pytest.raises(sa.exc.OperationalError, match="statement timeout"):
            await connection.execute(sa.text("SELECT pg_sleep(3)"))
    await engine.dispose()
