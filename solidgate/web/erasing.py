"""One erasure of one person, however often its button was pressed: every press gets its one report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from solidgate.consent.erasure import ErasureReport


@dataclass(slots=True)
class Erasures:
    """Those under way at this gate, by person. The report is kept by nobody once it is answered."""

    _under_way: dict[str, asyncio.Task[ErasureReport]] = field(default_factory=dict)

    async def of(
        self, person_id: str, begin: Callable[[], Coroutine[Any, Any, ErasureReport]]
    ) -> ErasureReport:
        """The report of the erasure that is under way, or of the one that ``begin`` begins.

        A browser that gives up waiting ends nothing: the second press gets the report of the first.
        """
        task = self._under_way.get(person_id)
        if task is None:
            task = self._under_way[person_id] = asyncio.create_task(begin())
            task.add_done_callback(lambda _: self._under_way.pop(person_id))
        return await asyncio.shield(task)
