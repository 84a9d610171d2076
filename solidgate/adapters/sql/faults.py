"""The database's faults as our own."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from solidgate.errors import BodyInvalid, SolidgateError, StoreUnavailable

_AWAY = (OperationalError, InterfaceError, PoolExhausted, psycopg.OperationalError, psycopg.InterfaceError)
# A standby, or a server that its operator closed for writing: it may write again.
_READ_ONLY = psycopg.errors.ReadOnlySqlTransaction


def ours(fault: BaseException) -> SolidgateError | None:
    """What to raise instead; none for what is no fault of a database or one that nobody foresaw."""
    bare = fault.orig if isinstance(fault, DBAPIError) else fault
    if isinstance(fault, _AWAY) or isinstance(bare, _READ_ONLY):
        return StoreUnavailable()
    if isinstance(fault, (DataError, psycopg.DataError)):
        return BodyInvalid("a value that cannot be kept")
    if isinstance(fault, DBAPIError) and fault.connection_invalidated:
        return StoreUnavailable()
    return None
