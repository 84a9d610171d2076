"""One fetch for many askers; faults are kept shorter; a cancelled asker spoils nothing."""

from __future__ import annotations

import asyncio

import pytest

from solidgate.adapters.issuer_cache import TimedCache
from solidgate.errors import EpochPassed, FetchUnreachable, SolidgateError, StoreUnavailable


class Source:
    """Counts how often it is asked, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.fault: Exception | None = None
        self.cache: TimedCache[int] = TimedCache(lambda: self.now, seconds=100, fault_seconds=10, size=3)

    async def make(self) -> int:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.fault:
            raise self.fault
        return self.asked


async def test_many_askers_one_fetch() -> None:
    source = Source()
    found = await asyncio.gather(*(source.cache.get("a", source.make) for _ in range(10)))
    assert found == [1] * 10


@pytest.mark.parametrize(("later", "asked"), [(99.0, 1), (100.0, 2)])
async def test_kept_for_its_time(later: float, asked: int) -> None:
    source = Source()
    await source.cache.get("a", source.make)
    source.now = later
    assert await source.cache.get("a", source.make) == asked


async def test_an_answer_that_is_there_needs_no_waiting() -> None:
    source = Source()
    assert source.cache.kept("a") is None
    getting = asyncio.ensure_future(source.cache.get("a", source.make))
    await asyncio.sleep(0)
    assert source.cache.kept("a") is None, "it is not there yet"
    await getting
    assert source.cache.kept("a") == (1,)
    source.now = 100.0
    assert source.cache.kept("a") is None, "its time is over"
    source.fault = FetchUnreachable()
    with pytest.raises(FetchUnreachable):
        await source.cache.get("a", source.make)
    assert source.cache.kept("a") is None, "a fault is no answer"


async def test_a_fetch_that_ended_cancelled_is_no_answer() -> None:
    async def ends_cancelled() -> int:
        raise asyncio.CancelledError

    cache = Source().cache
    getting = asyncio.ensure_future(cache.get("a", ends_cancelled))
    for _ in range(5):  # it must not raise in any turn, also not before whoever waits has heard of it
        await asyncio.sleep(0)
        assert cache.kept("a") is None
    with pytest.raises(asyncio.CancelledError):
        await getting


@pytest.mark.parametrize(("later", "asked"), [(9.0, 1), (10.0, 2)])
async def test_faults_are_kept_shorter(later: float, asked: int) -> None:
    source = Source()
    source.fault = FetchUnreachable()
    for moment in (0.0, later):
        source.now = moment
        with pytest.raises(FetchUnreachable):
            await source.cache.get("a", source.make)
    assert source.asked == asked


async def test_a_fault_that_is_not_ours_is_not_kept() -> None:
    source = Source()
    source.fault = RuntimeError("a bug")
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await source.cache.get("a", source.make)
    assert source.asked == 2


@pytest.mark.parametrize("end", [EpochPassed(), StoreUnavailable()])
async def test_the_end_of_one_asker_is_nobody_elses_fault(end: SolidgateError) -> None:
    source = Source()

    async def ended() -> int:
        await asyncio.sleep(0.01)
        raise end

    first, *others = await asyncio.gather(
        source.cache.get("a", ended),
        *(source.cache.get("a", source.make) for _ in range(3)),
        return_exceptions=True,
    )
    assert first is end
    assert others == [1] * 3, "the others asked once, for themselves"


async def test_the_end_of_an_asker_is_not_kept() -> None:
    source = Source()
    source.fault = EpochPassed()
    with pytest.raises(EpochPassed):
        await source.cache.get("a", source.make)
    source.fault = None
    assert await source.cache.get("a", source.make) == 2


async def test_who_waits_with_others_meets_each_end_but_their_own() -> None:
    source = Source()
    source.fault = EpochPassed()
    ended = await asyncio.gather(
        *(source.cache.get("a", source.make) for _ in range(4)), return_exceptions=True
    )
    assert [type(one) for one in ended] == [EpochPassed] * 4
    assert source.asked == 4


async def test_a_cancelled_asker_leaves_the_fetch_to_the_others() -> None:
    source = Source()
    first = asyncio.ensure_future(source.cache.get("a", source.make))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(source.cache.get("a", source.make))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 1


async def test_the_fetch_ends_with_the_last_who_wants_it() -> None:
    source, ended = Source(), asyncio.Event()

    async def slow() -> int:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        return 0

    askers = [asyncio.ensure_future(source.cache.get("a", slow)) for _ in range(2)]
    await asyncio.sleep(0)
    askers[0].cancel()
    await asyncio.wait([askers[0]])
    assert not ended.is_set(), "somebody still wants it"
    askers[1].cancel()
    await asyncio.wait([askers[1]])
    assert ended.is_set()
    assert await source.cache.get("a", source.make) == 1, "and the next one asks anew"


async def test_never_more_than_its_size() -> None:
    source = Source()
    for key in "abcdef":
        await source.cache.get(key, source.make)
    assert await source.cache.get("f", source.make) == 6
    assert await source.cache.get("a", source.make) == 7


async def test_forgetting_and_not_before() -> None:
    source = Source()
    await source.cache.get("a", source.make)
    source.cache.forget("a")
    assert await source.cache.get("a", source.make) == 2
    source.now = 5
    assert await source.cache.get("a", source.make, not_before=5) == 3
    assert source.cache.asked_at("a") == 5
