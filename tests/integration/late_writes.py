"""A pod that takes a write and is slow to say so: whoever sent it may be gone when it lands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from solidgate.errors import FetchTimedOut, PodForbidden
from solidgate.testing.ground import Ground
from solidgate.testing.memory_pods import MemoryPods


@dataclass
class LateWrites:
    """The first write of one kind to such an address lands only when ``lands`` is set.

    Its answer does not come, or not in time; ``refused``: later writes there are refused with an answer.
    """

    ground: Ground
    ending: str
    kind: str = "create"
    times_out: bool = False
    refused: bool = True
    asked: int = 0
    lands: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[asyncio.Future[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._really = getattr(self.ground.pods, self.kind)
        setattr(self.ground.pods, self.kind, self._write)

    async def _write(self, access: Any, url: str, *more: Any) -> Any:
        if not url.endswith(self.ending):
            return await self._really(access, url, *more)
        self.asked += 1
        if self.asked > 1:
            if self.refused:
                raise PodForbidden()
            return await self._really(access, url, *more)
        access.headers("PUT", url, datetime.now(UTC))  # signed when it leaves, and not again
        self.sent.append(asyncio.ensure_future(self._late(access, url, *more)))
        if self.times_out:
            raise FetchTimedOut()
        return await asyncio.shield(self.sent[0])

    async def _late(self, access: Any, url: str, *more: Any) -> Any:
        await self.lands.wait()
        return await getattr(MemoryPods, self.kind)(self.ground.pods, access, url, *more)

    async def land(self) -> Exception | None:
        """It arrives now; what the pod says of it, to nobody."""
        self.lands.set()
        await asyncio.wait(self.sent)
        fault = self.sent[0].exception()
        assert fault is None or isinstance(fault, Exception)
        return fault
