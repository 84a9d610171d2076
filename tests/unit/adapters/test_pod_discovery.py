"""Finding out the kind of a server ends with the step that wanted to know."""

from __future__ import annotations

import asyncio
from typing import Any

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.pods import Pods
from solidgate.adapters.solid_pod import PodLimits


class Silent:
    """``ports.Fetcher`` on servers that never answer; ``open`` are the requests that wait."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.asked = asyncio.Event()

    async def fetch(self, method: str, url: str, **rest: Any) -> Any:
        self.open.append(url)
        self.asked.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.open.remove(url)


async def test_a_step_that_is_stopped_leaves_no_request_behind() -> None:
    silent = Silent()
    pods = Pods(silent, SystemClock(), PodLimits())
    steps = [asyncio.ensure_future(pods.kind_of("https://pod.example/anna/")) for _ in range(2)]
    await silent.asked.wait()
    assert len(silent.open) == 1
    for step, left in zip(steps, (1, 0), strict=True):
        step.cancel()
        await asyncio.wait([step])
        assert len(silent.open) == left
