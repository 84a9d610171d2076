"""The brake: while a withdrawal that was asked for could not be stored, nothing that touches data begins.

The process that knows of the withdrawal tries again and again to store it, and holds a lock that the other
processes see: the worker looks before each effect. No database and no room on the disk is needed for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from solidgate.errors import SolidgateError, StoreUnavailable

Store = Callable[[], Awaitable[object]]
_AGAIN_SECONDS = 1.0
_log = structlog.get_logger()


class Shared(Protocol):
    """What the processes of one installation see of each other's brakes."""

    def hold(self) -> None: ...

    def let_go(self) -> None: ...

    def is_held(self) -> bool:
        """Whether another process holds it."""
        ...


@dataclass(slots=True)
class Brake:
    """The withdrawals that this process knows of and the store does not; and whether another knows of any."""

    shared: Shared | None = None
    pending: dict[str, Store] = field(default_factory=dict, repr=False)
    _trying: asyncio.Task[None] | None = field(default=None, repr=False)

    def pull(self, key: str, store: Store) -> None:
        """Stop admitting, here and in the other processes, until ``store`` succeeds; it is tried again."""
        self.pending[key] = store
        if self.shared is not None:
            self.shared.hold()
        if self._trying is None or self._trying.done():
            self._trying = asyncio.get_running_loop().create_task(self._try())

    def release(self, key: str) -> None:
        """It is stored, or there is nothing left to store."""
        self.pending.pop(key, None)
        if self.shared is not None and not self.pending:
            self.shared.let_go()

    def check(self) -> None:
        """Before each effect. Raises ``StoreUnavailable`` while a withdrawal is not stored. Asks no store."""
        if self.pending or (self.shared is not None and self.shared.is_held()):
            raise StoreUnavailable("a withdrawal could not be stored")

    async def admit(self) -> None:
        """The same, after one more attempt to store what this process knows of."""
        for key, store in list(self.pending.items()):
            try:
                await store()
            except SolidgateError as fault:
                if isinstance(fault, StoreUnavailable):
                    raise
                # There is nothing to store after all: the consent is not this person's, or has ended.
            except Exception as fault:
                raise StoreUnavailable("a withdrawal could not be stored") from fault
            self.release(key)
        self.check()

    async def aclose(self) -> None:
        """Stop trying; what is not stored is lost with the process, whose person was told so."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait([self._trying])

    async def _try(self) -> None:
        """Nobody may ask to be admitted here for long, and the worker waits."""
        while self.pending:
            await asyncio.sleep(_AGAIN_SECONDS)
            try:
                await self.admit()
            except StoreUnavailable as fault:
                _log.warning("withdrawal.not-stored", code=fault.code, count=len(self.pending))
