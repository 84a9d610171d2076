"""The brake: while a withdrawal that was asked for could not be stored, nothing that touches data begins.

The process that knows of the withdrawal tries again and again to store it, and holds a lock that the other
processes see: the worker looks before each effect. No database and no room on the disk is needed for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog
from prometheus_client import Counter, Gauge

from solidgate.errors import (
    ConsentNotFound,
    ConsentNotGiven,
    InternalFault,
    SolidgateError,
    StoreUnavailable,
)
from solidgate.flow.in_time import seen, waited

T = TypeVar("T")
Store = Callable[[], Coroutine[Any, Any, T]]

NOTHING_TO_STORE = (ConsentNotFound, ConsentNotGiven)
"""The only answers that say so: the consent is not this person's, or there is none that could end."""

ATTEMPTS = 3
_SOON_SECONDS = 0.05
_AGAIN_SECONDS = 1.0
_CLOSING_SECONDS = 5.0
# One sum over the gate processes that live; what a dead one held is lost with it.
ON = Gauge(
    "solidgate_brake_pending",
    "Withdrawals that are known and not stored; while there is one, nothing that touches data begins.",
    multiprocess_mode="livesum",
)
LATE = Counter("solidgate_withdrawals_stored_late", "Withdrawals that were stored after the brake was on.")
_log = structlog.get_logger()


class Shared(Protocol):
    """What the processes of one installation see of each other's brakes. Each may raise ``OSError``."""

    def hold(self) -> None: ...

    def let_go(self) -> None: ...

    def is_held(self) -> bool:
        """Whether another process holds it."""
        ...


@dataclass(slots=True)
class Brake:
    """The withdrawals that this process knows of and the store does not; and whether another knows of any.

    ``seconds`` is how long one attempt to store may last.
    """

    shared: Shared | None = None
    seconds: float = 5.0
    pending: dict[str, Store[object]] = field(default_factory=dict, repr=False)
    _attempts: dict[str, asyncio.Task[Any]] = field(default_factory=dict, repr=False)
    _trying: asyncio.Task[None] | None = field(default=None, repr=False)
    _holds: bool = field(default=False, repr=False)

    def check(self) -> None:
        """Before each effect. Raises ``StoreUnavailable`` while a withdrawal is not stored. Asks no store."""
        if self.pending or self._is_held_elsewhere():
            raise StoreUnavailable("a withdrawal could not be stored")

    async def insist(self, key: str, store: Store[T]) -> T:
        """Store a withdrawal; from the first failure on the brake is on until it is stored, by whomever.

        What ends this wait, a time limit or a person who goes away, ends neither the attempt nor the brake.
        Raises ``NOTHING_TO_STORE`` as ``store`` does, and ``StoreUnavailable`` for everything else.
        """
        trouble: Exception | None = None
        for left in reversed(range(ATTEMPTS)):
            try:
                found = await self._attempt(key, store)
            except NOTHING_TO_STORE:
                self.release(key)
                raise
            except BaseException as fault:
                self.pull(key, store)
                if not isinstance(fault, Exception):
                    raise
                _tell(fault, len(self.pending))
                trouble = fault
            else:
                self.release(key)
                return found
            if not left or isinstance(trouble, TimeoutError):
                break
            await asyncio.sleep(_SOON_SECONDS)
        raise StoreUnavailable(
            "the withdrawal could not be stored; nothing is processed until it is"
        ) from trouble

    def pull(self, key: str, store: Store[object]) -> None:
        """Stop admitting, here and in the other processes, until ``store`` succeeds; it is tried again."""
        self.pending[key] = store
        if self._trying is None or self._trying.done():
            self._trying = asyncio.get_running_loop().create_task(self._try())
        self._grip()

    def release(self, key: str) -> None:
        """It is stored, or there is nothing left to store."""
        self.pending.pop(key, None)
        self._grip()

    async def aclose(self) -> None:
        """Stop trying; what is not stored is lost with the process, whose person was told so."""
        tasks = [*self._attempts.values(), *([self._trying] if self._trying is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSING_SECONDS)

    async def _attempt(self, key: str, store: Store[T]) -> T:
        """One attempt, in a task of its own. One at a time: who comes meanwhile waits for the same."""
        task: asyncio.Task[T] | None = self._attempts.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(store())
            self._attempts[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return await waited(task, self.seconds)

    def _ended(self, key: str, task: asyncio.Task[Any]) -> None:
        self._attempts.pop(key, None)
        seen(task)

    async def _try(self) -> None:
        """Nobody may ask to be admitted here for long, and the worker waits."""
        while self.pending or self._holds:
            await asyncio.sleep(_AGAIN_SECONDS)
            for key, store in list(self.pending.items()):
                if key in self.pending:
                    await self._late(key, store)
            self._grip()

    async def _late(self, key: str, store: Store[object]) -> None:
        """One more attempt for one of them; its trouble is no other's."""
        try:
            await self._attempt(key, store)
        except NOTHING_TO_STORE as fault:
            _log.info("withdrawal.nothing-to-store", code=fault.code)
        except Exception as fault:  # noqa: BLE001 - whatever it was, the withdrawal is not stored
            _tell(fault, len(self.pending))
            return
        else:
            LATE.inc()
            _log.warning("withdrawal.stored-late", count=len(self.pending) - 1)
        self.release(key)

    def _grip(self) -> None:
        """Hold the lock while something is pending, and no longer; what fails is tried again in a second."""
        ON.set(len(self.pending))
        if self.shared is None:
            return
        try:
            if self.pending:
                self.shared.hold()
            elif self._holds:
                self.shared.let_go()
            self._holds = bool(self.pending)
        except OSError as fault:
            _log.error("brake.lock-failed", code=InternalFault.code, exc_info=fault)

    def _is_held_elsewhere(self) -> bool:
        try:
            return self.shared is not None and self.shared.is_held()
        except OSError as fault:
            raise StoreUnavailable("the brake cannot be looked at") from fault


def _tell(fault: Exception, count: int) -> None:
    """A store that is away is a warning; everything else is a fault of ours, which keeps the brake on."""
    if isinstance(fault, (StoreUnavailable, TimeoutError)):
        _log.warning("withdrawal.not-stored", code=StoreUnavailable.code, count=count)
    else:
        code = fault.code if isinstance(fault, SolidgateError) else InternalFault.code
        _log.error("withdrawal.not-stored", code=code, count=count, exc_info=fault)
