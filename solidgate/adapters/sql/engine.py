"""The one database: an async engine on psycopg 3, and migrations that any number of starts may run."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from solidgate.adapters.sql.pool import check_before_use
from solidgate.adapters.sql.version import is_here
from solidgate.errors import BadSetting, StoreUnavailable

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
            if reached := is_here(connection):
                return reached
            # Takes as long to load as a short command lives: so only where there is work for it.
            from solidgate.adapters.sql import migration

            return migration.bring(connection)
    except OperationalError as error:
        raise StoreUnavailable(_reason(error)) from None
    finally:
        engine.dispose()


def revisions(url: str) -> tuple[str, str]:
    """(where the database is, where this version wants it); the first is empty for a new database."""
    from solidgate.adapters.sql import migration

    engine = _plain_engine(url)
    try:
        with engine.connect() as connection:
            return migration.current(connection), migration.head()
    except OperationalError as error:
        raise StoreUnavailable(_reason(error)) from None
    finally:
        engine.dispose()


def _plain_engine(url: str) -> sa.Engine:
    return sa.create_engine(driver_url(url), poolclass=sa.NullPool, connect_args={"connect_timeout": 10})


def _reason(error: OperationalError) -> str:
    """The first line of the driver's message: an address and a reason, never a value."""
    return str(error.orig).strip().split("\n", 1)[0]
