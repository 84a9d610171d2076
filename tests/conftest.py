"""What every folder of tests may ask for: a real PostgreSQL, and a fresh migrated database in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One embedded server for the session, without fsync; crashes are tested on other servers."""
    folder: Path = tmp_path_factory.mktemp("pg")
    server = EmbeddedPostgres(folder, options={"fsync": "off", "full_page_writes": "off"})
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def make_database(postgres: EmbeddedPostgres) -> Iterator[Callable[[], str]]:
    """Makes a fresh migrated database and returns its ``postgresql://`` URL; dropped with the server."""
    migrate_now(postgres.url)
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:

        def make() -> str:
            name = f"t{next(_numbers)}"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE solidgate STRATEGY FILE_COPY")  # type: ignore[call-overload]
            return postgres.url_of(name)

        yield make


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    """A migrated database that only this test uses."""
    return make_database()


@pytest.fixture(scope="module")
def module_database_url(make_database: Callable[[], str]) -> str:
    """A migrated database that the tests of one module share."""
    return make_database()
