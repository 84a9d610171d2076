"""One request for all who want the same at once; whoever goes away takes nobody's answer along."""

from __future__ import annotations

import asyncio

import pytest

from solidgate.adapters.single_flight import SingleFlight
from solidgate.errors import FetchUnreachable


class Source:
    """Counts how often it is asked, and answers when the test says so."""

    def __init__(self) -> None:
        self.flights = SingleFlight()
        self.asked = self.ended = 0
        self.open = asyncio.Event()
        self.fault: Exception | None = None

    async def work(self) -> int:
        self.asked += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        if self.fault:
            raise self.fault
        return self.asked

    def want(self, key: str = "a") -> asyncio.Task[int]:
        return asyncio.ensure_future(self.flights.share(key, self.work))


async def test_all_who_want_the_same_at_once_get_one_answer() -> None:
    source = Source()
    tasks = [source.want() for _ in range(5)]
    await asyncio.sleep(0)
    source.open.set()
    assert await asyncio.gather(*tasks) == [1] * 5
    assert await source.want() == 2, "what is over is not kept"


async def test_different_keys_are_different_work() -> None:
    source = Source()
    source.open.set()
    assert sorted(await asyncio.gather(source.want("a"), source.want("b"))) == [1, 2]


async def test_a_fault_is_everybodys() -> None:
    source = Source()
    source.fault = FetchUnreachable()
    tasks = [source.want() for _ in range(3)]
    await asyncio.sleep(0)
    source.open.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [source.fault] * 3
    assert source.asked == 1


async def test_when_the_first_goes_away_the_others_still_get_its_answer() -> None:
    source = Source()
    first, *others = [source.want() for _ in range(4)]
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.open.set()
    assert await asyncio.gather(*others) == [1] * 3


async def test_whoever_only_waits_can_go_away() -> None:
    source = Source()
    first, second, third = [source.want() for _ in range(3)]
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert await asyncio.gather(first, third) == [1, 1]
    assert second.cancelled()


async def test_nothing_goes_on_when_all_went_away() -> None:
    source = Source()
    tasks = [source.want() for _ in range(3)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert (source.asked, source.ended) == (1, 1)
    source.open.set()
    assert await source.want() == 2
