"""Results about groups under way in this process: each is ended at once when somebody in it withdraws."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

from solidgate.errors import GroupChanged
from solidgate.flow.in_time import until_ended

T = TypeVar("T")


@dataclass(slots=True)
class Groups:
    """What is being made now: the consents behind it, and the task that a withdrawal ends."""

    _under_way: dict[asyncio.Future[Any], frozenset[str]] = field(default_factory=dict)

    async def carry(self, consents: Collection[str], work: Awaitable[T]) -> T:
        """The outcome of the work. Raises ``GroupChanged`` when one of these consents ended meanwhile."""
        task = asyncio.ensure_future(work)
        self._under_way[task] = frozenset(consents)
        try:
            await until_ended(task)
        finally:
            del self._under_way[task]
        if task.cancelled():
            raise GroupChanged()
        return task.result()

    def stop(self, consent_id: str) -> None:
        """End everything that this consent is part of; the sandboxed process is killed with its task."""
        for task, consents in list(self._under_way.items()):
            if consent_id in consents:
                task.cancel()
