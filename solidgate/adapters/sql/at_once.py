"""A connection for statements that are each a transaction of their own, with the driver alone on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from psycopg.pq import TransactionStatus
from sqlalchemy.pool import PoolProxiedConnection

from solidgate.adapters.sealing import StoreKeys
from solidgate.adapters.sql.exchange import Driver
from solidgate.adapters.sql.faults import ours
from solidgate.adapters.sql.lines import Lines
from solidgate.adapters.sql.steps import Steps


@dataclass(slots=True)
class AtOnce:
    """As ``whole``, without SQLAlchemy's connection around the driver's: a part does this seven times.

    Raises ``StoreUnavailable BodyInvalid``. For one use.
    """

    lines: Lines
    keys: StoreKeys
    _line: PoolProxiedConnection | None = field(default=None, init=False)

    async def __aenter__(self) -> Steps:
        try:
            self._line = await self.lines.take_bare()
        except Exception as fault:
            if (told := ours(fault)) is None:
                raise
            raise told from fault
        return Steps(_driver_of(self._line), self.keys)

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await (self._end() if fault is None else self._drop())
        except Exception as late:
            if (told := ours(late)) is None:
                raise
            raise told from late
        if fault is not None and (told := ours(fault)) is not None:
            raise told from fault

    async def _end(self) -> None:
        assert self._line is not None  # it was entered
        try:
            driver = _driver_of(self._line)
            if driver.info.transaction_status != TransactionStatus.IDLE:
                await driver.commit()
        except BaseException:
            await self._drop()
            raise
        await self.lines.give_bare(self._line)

    async def _drop(self) -> None:
        """A task of its own: whoever is cancelled twice still gives a clean connection back."""
        assert self._line is not None  # it was entered
        await asyncio.shield(asyncio.create_task(self.lines.close_bare(self._line)))


def _driver_of(line: PoolProxiedConnection) -> Driver:
    driver: Any = line.driver_connection
    return driver  # type: ignore[no-any-return]
