"""What every folder of tests may ask for: a real PostgreSQL, and a fresh migrated database in it.

And how the files are shared out when there are several workers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg
import pytest
import structlog
from xdist.scheduler import LoadFileScheduling

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sql.engine import migrate_now

_numbers = count(1)

# Their files use the same four Solid servers, each of which takes ten seconds of a core to start.
TOGETHER = ("tests/contract/",)


class ByFile(LoadFileScheduling):
    """A file goes to one worker, and so does a folder whose files share servers."""

    def _split_scope(self, nodeid: str) -> str:
        shared = (folder for folder in TOGETHER if nodeid.startswith(folder))
        return next(shared, super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores: while one waits for a server, another works."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)  # type: ignore[arg-type]


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


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """A command that ran in this process logs to what pytest has closed by the next test."""
    before, root = structlog.get_config(), logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's settings."""
    for name in [name for name in os.environ if name.startswith("SOLIDGATE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One embedded server for the session, without fsync; crashes are tested on other servers."""
    with temporary_folder() as folder:
        server = EmbeddedPostgres(folder, options={"fsync": "off", "full_page_writes": "off"})
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def administration(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """A connection that makes and drops databases; the one they are copied from is migrated."""
    migrate_now(postgres.url)
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def make_database(postgres: EmbeddedPostgres, administration: psycopg.Connection) -> Callable[[], str]:
    """Makes a fresh migrated database and returns its ``postgresql://`` URL; dropped with the server."""

    def make() -> str:
        name = f"t{next(_numbers)}"
        administration.execute(f"CREATE DATABASE {name} TEMPLATE solidgate STRATEGY FILE_COPY")  # type: ignore[call-overload]
        return postgres.url_of(name)

    return make


@contextmanager
def _dropped_afterwards(url: str, administration: psycopg.Connection) -> Iterator[str]:
    """Ten megabytes in five hundred files each: dropped at once, most of them never reach the disk."""
    yield url
    name = urlsplit(url).path.removeprefix("/")
    administration.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


@pytest.fixture
def database_url(make_database: Callable[[], str], administration: psycopg.Connection) -> Iterator[str]:
    """A migrated database that only this test uses."""
    with _dropped_afterwards(make_database(), administration) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(
    make_database: Callable[[], str], administration: psycopg.Connection
) -> Iterator[str]:
    """A migrated database that the tests of one module share."""
    with _dropped_afterwards(make_database(), administration) as url:
        yield url
