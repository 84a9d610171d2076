"""The brake: while a withdrawal that was asked for could not be stored, nothing that touches data begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from solidgate.errors import SolidgateError, StoreUnavailable

Store = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Brake:
    """The withdrawals that this process knows of and the store does not. The next admission tries again."""

    pending: dict[str, Store] = field(default_factory=dict, repr=False)

    def pull(self, key: str, store: Store) -> None:
        """Stop admitting until ``store`` succeeds."""
        self.pending[key] = store

    def release(self, key: str) -> None:
        """It is stored, or there is nothing left to store."""
        self.pending.pop(key, None)

    async def admit(self) -> None:
        """Raises ``StoreUnavailable`` while a withdrawal is still not stored."""
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
