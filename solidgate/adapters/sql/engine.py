"""The one database: an async engine on psycopg 3, and migrations that any number of starts may run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from procrastinate.schema import SchemaManager
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from solidgate.adapters.sql.pool import check_before_use
from solidgate.errors import BadSetting, StoreUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x50_11_D6_A7_E0_00_00_01
_KEEPALIVE_SECONDS = 5
_DRIVERS = ("postgresql", "postgres", "postgresql+psycopg")


def driver_url(url: str) -> sa.URL:
    """The URL with our driver named. Raises ``BadSetting`` for another kind of database."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise BadSetting("database.url is not a URL") from None
    if parsed.drivername not in _DRIVERS:
        raise BadSetting("database.url must begin with postgresql://")
    return parsed.set(drivername="postgresql+psycopg")


def plain_url(url: str) -> str:
    """The URL as psycopg and procrastinate take it, password included."""
    return driver_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def make_engine(
    url: str, *, pool_size: int = 8, statement_timeout: float = 15.0, idle_seconds: float = 30.0
) -> AsyncEngine:
    """An engine whose connections are checked before use, speak UTC, and end late statements.

    A server that falls silent is noticed within ``statement_timeout``, too: such a statement it cannot end.
    """
    milliseconds = int(statement_timeout * 1000)
    engine = create_async_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=statement_timeout,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 10,
            # What is asked often prepares itself (``exchange``). The driver would take that away with its own
            # at each rollback, also in the middle of a transaction.
            "prepare_threshold": None,
            "application_name": "solidgate",
            **silence_noticed(milliseconds),
            "options": f"-c statement_timeout={milliseconds} -c timezone=UTC"
            f" -c idle_in_transaction_session_timeout={2 * milliseconds}",
        },
    )
    check_before_use(engine, idle_seconds)
    return engine


def silence_noticed(milliseconds: int) -> dict[str, int]:
    """How libpq notices a path on which nothing comes back; without meaning on a socket of this machine."""
    return {
        "keepalives": 1,
        "keepalives_idle": _KEEPALIVE_SECONDS,
        "keepalives_interval": _KEEPALIVE_SECONDS,
        "keepalives_count": 3,
        "tcp_user_timeout": milliseconds,
    }


async def migrate(url: str) -> str:
    """Bring schema and job queue to this version, once, however many processes start; the revision it is at.

    Raises ``StoreUnavailable``, also when the database belongs to a newer solidgate.
    """
    return await asyncio.to_thread(migrate_now, url)


def migrate_now(url: str) -> str:
    """``migrate`` for callers without a loop."""
    engine = _plain_engine(url)
    try:
        with engine.begin() as connection:
            # Held to the end of the transaction: a second start waits here and then finds nothing to do.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            _upgrade(connection)
            _apply_queue(connection)
            return _current(connection)
    except OperationalError as error:
        raise StoreUnavailable(_reason(error)) from None
    finally:
        engine.dispose()


def revisions(url: str) -> tuple[str, str]:
    """(where the database is, where this version wants it); the first is empty for a new database."""
    engine = _plain_engine(url)
    try:
        with engine.connect() as connection:
            return _current(connection), _head()
    except OperationalError as error:
        raise StoreUnavailable(_reason(error)) from None
    finally:
        engine.dispose()


def _plain_engine(url: str) -> sa.Engine:
    return sa.create_engine(driver_url(url), poolclass=sa.NullPool, connect_args={"connect_timeout": 10})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _head() -> str:
    return str(ScriptDirectory.from_config(_config()).get_current_head() or "")


def _current(connection: sa.Connection) -> str:
    return str(MigrationContext.configure(connection).get_current_revision() or "")


def _upgrade(connection: sa.Connection) -> None:
    config, current = _config(), _current(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current and current not in known:
        raise StoreUnavailable(f"the database is at revision {current}, of a newer solidgate")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _apply_queue(connection: sa.Connection) -> None:
    """The job queue's own schema: whole on a new database, else the steps after the recorded one."""
    steps = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    found = connection.execute(sa.text("SELECT to_regclass('procrastinate_jobs')")).scalar()
    if found is None:
        connection.exec_driver_sql(_literal(SchemaManager.get_schema()))
    else:
        recorded = _recorded_step(connection)
        for step in steps:
            if step.stem > recorded:
                connection.exec_driver_sql(_literal(step.read_text(encoding="utf-8")))
    comment = steps[-1].stem.replace("'", "")
    connection.exec_driver_sql(f"COMMENT ON TABLE procrastinate_jobs IS 'schema {comment}'")


def _recorded_step(connection: sa.Connection) -> str:
    comment = connection.execute(sa.text("SELECT obj_description('procrastinate_jobs'::regclass)")).scalar()
    if not str(comment or "").startswith("schema "):
        raise StoreUnavailable("the job queue in this database was not made by solidgate")
    return str(comment).removeprefix("schema ")


def _literal(script: str) -> str:
    return script.replace("%", "%%")


def _reason(error: OperationalError) -> str:
    """The first line of the driver's message: an address and a reason, never a value."""
    return str(error.orig).strip().split("\n", 1)[0]
