"""What every folder of tests may ask for: a real PostgreSQL, and a fresh migrated database in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now

_numbers = count(1)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Not pytest's: that one is closed to PostgreSQL's own user again whenever another session begins."""
    with TemporaryDirectory(prefix="solidgate-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A folder for an installation's data, of this test only; it does not exist yet."""
    with temporary_folder() as folder:
        yield folder / "d"


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One embedded server for the session, without fsync; crashes are tested on other servers."""
    with temporary_folder() as folder:
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
