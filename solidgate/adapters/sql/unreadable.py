"""Rows that do not open: left out where others are read with them, counted, and named by their id alone."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import structlog
from prometheus_client import Counter

from solidgate.errors import SealBroken

T = TypeVar("T")
UNREADABLE = Counter(
    "solidgate_rows_unreadable", "Stored rows that did not open and were left out.", ["kind"]
)
_log = structlog.get_logger()


async def readable(kind: str, name: str, row: Awaitable[T]) -> T | None:
    """The row; none when it does not open."""
    try:
        return await row
    except SealBroken as fault:
        UNREADABLE.labels(kind).inc()
        _log.error("row.unreadable", reason=kind, task=name, code=fault.code)
        return None
