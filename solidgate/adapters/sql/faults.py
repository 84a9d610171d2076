"""The database's faults as our own."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from solidgate.errors import BodyInvalid, SolidgateError, StoreUnavailable

_AWAY = (OperationalError, InterfaceError, PoolExhausted, psycopg.OperationalError, psycopg.InterfaceError)


def ours(fault: BaseException) -> SolidgateError | None:
    """What to raise instead; none for what is no fault of a database or one that nobody foresaw."""
    if isinstance(fault, _AWAY):
        return StoreUnavailable()
    if isinstance(fault, (DataError, psycopg.DataError)):
        return BodyInvalid("a value that cannot be kept")
    if isinstance(fault, DBAPIError) and fault.connection_invalidated:
        return StoreUnavailable()
    return None
