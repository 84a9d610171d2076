"""The brake alone: what pulls it, what releases it, and that nothing ends its trying."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from errno import ENOLCK
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from solidgate.adapters.brake_lock import BrakeLock
from solidgate.errors import (
    BodyInvalid,
    ConsentNotFound,
    ConsentNotGiven,
    PersonNotFound,
    SolidgateError,
    StoreUnavailable,
)
from solidgate.flow import brake as brakes
from solidgate.flow.brake import Brake

Lines = list[MutableMapping[str, Any]]


class Attempts:
    """A withdrawal whose attempts to store it end as is said."""

    def __init__(self, end: BaseException | Callable[[], object] | None) -> None:
        self.end, self.count = end, 0

    async def __call__(self) -> str:
        self.count += 1
        if isinstance(self.end, BaseException):
            raise self.end
        if self.end is hang:
            await asyncio.Event().wait()
        return "stored"


def hang() -> None:
    """An attempt that does not end by itself."""


class OddLock:
    """A lock in a folder whose file system refuses some calls."""

    def __init__(self, folder: Path) -> None:
        self.lock, self.refuses = BrakeLock(folder), {"hold": 0, "let_go": 0, "is_held": 0}

    def _maybe(self, name: str) -> None:
        self.refuses[name] -= 1
        if self.refuses[name] >= 0:
            raise OSError(ENOLCK, "no locks available")

    def hold(self) -> None:
        self._maybe("hold")
        self.lock.hold()

    def let_go(self) -> None:
        self._maybe("let_go")
        self.lock.let_go()

    def is_held(self) -> bool:
        self._maybe("is_held")
        return self.lock.is_held()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brakes, "_AGAIN_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def logs() -> Iterator[Lines]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[OddLock]:
    odd = OddLock(tmp_path)
    yield odd
    odd.lock.close()


@pytest.fixture
async def brake(odd: OddLock) -> AsyncIterator[Brake]:
    brake = Brake(odd, seconds=0.1)
    yield brake
    await brake.aclose()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[BrakeLock]:
    """Another process's hand."""
    lock = BrakeLock(tmp_path)
    yield lock
    lock.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


def is_on(brake: Brake) -> bool:
    try:
        brake.check()
    except StoreUnavailable:
        return True
    return False


async def test_what_is_stored_at_once_pulls_nothing(brake: Brake, other: BrakeLock) -> None:
    assert await brake.insist("a", Attempts(None)) == "stored"
    assert (is_on(brake), other.is_held()) == (False, False)


@pytest.mark.parametrize("answer", [ConsentNotFound(), ConsentNotGiven()])
async def test_nothing_to_store_pulls_nothing_and_releases(brake: Brake, answer: SolidgateError) -> None:
    with pytest.raises(type(answer)):
        await brake.insist("a", Attempts(answer))
    assert not is_on(brake)
    attempts = Attempts(StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        await brake.insist("a", attempts)
    assert is_on(brake)
    attempts.end = answer
    await until(lambda: not is_on(brake))


@pytest.mark.parametrize("fault", [StoreUnavailable(), BodyInvalid(), PersonNotFound(), KeyError("x")])
async def test_every_other_fault_keeps_the_brake_on(
    brake: Brake, other: BrakeLock, logs: Lines, fault: Exception
) -> None:
    attempts = Attempts(fault)
    with pytest.raises(StoreUnavailable):
        await brake.insist("a", attempts)
    first = attempts.count
    assert first >= brakes.ATTEMPTS
    await until(lambda: attempts.count > first + 3)
    level = "warning" if isinstance(fault, StoreUnavailable) else "error"
    assert {one["log_level"] for one in logs if one["event"] == "withdrawal.not-stored"} == {level}
    assert is_on(brake)
    assert other.is_held()
    attempts.end = None
    await until(lambda: not is_on(brake))
    assert not other.is_held()


async def test_who_asks_stores_nothing(brake: Brake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brakes, "_AGAIN_SECONDS", 3600)
    attempts = Attempts(StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        await brake.insist("a", attempts)
    before = attempts.count
    assert all(is_on(brake) for _ in range(8))
    assert attempts.count == before


async def test_one_that_hangs_holds_up_no_other(brake: Brake) -> None:
    hanging, other = Attempts(hang), Attempts(StoreUnavailable())
    for key, attempts in (("a", hanging), ("b", other)):
        with pytest.raises(StoreUnavailable):
            await brake.insist(key, attempts)
    other.end = None
    await until(lambda: "b" not in brake.pending)
    assert "a" in brake.pending
    assert is_on(brake)


async def test_whoever_stops_waiting_leaves_the_brake_on_until_it_is_stored(brake: Brake) -> None:
    go = asyncio.Event()
    running = 0

    async def slow() -> None:
        nonlocal running
        running += 1
        assert running == 1, "one attempt at a time"
        await go.wait()
        running -= 1

    brake.seconds = 30
    waiting = asyncio.create_task(brake.insist("a", slow))
    await until(lambda: running == 1)
    assert not is_on(brake)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert is_on(brake)
    await asyncio.sleep(0.1)
    go.set()
    await until(lambda: not is_on(brake))


async def test_no_lock_to_be_had_ends_no_trying(brake: Brake, odd: OddLock, other: BrakeLock) -> None:
    odd.refuses["hold"] = brakes.ATTEMPTS
    attempts = Attempts(StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        await brake.insist("a", attempts)
    assert is_on(brake)
    await until(other.is_held)
    odd.refuses["let_go"] = 3
    attempts.end = None
    await until(lambda: not is_on(brake))
    await until(lambda: not other.is_held())


async def test_a_lock_that_cannot_be_looked_at_admits_nothing(brake: Brake, odd: OddLock) -> None:
    odd.refuses["is_held"] = 1
    assert is_on(brake)
    assert not is_on(brake)


async def test_the_metrics_and_the_log_tell(brake: Brake, logs: Lines) -> None:
    pending, late = brakes.ON._value.get, brakes.LATE._value.get
    before = late()
    attempts = Attempts(StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        await brake.insist("a", attempts)
    assert pending() == 1
    attempts.end = None
    await until(lambda: not is_on(brake))
    assert (pending(), late() - before) == (0, 1)
    assert [one["event"] for one in logs].count("withdrawal.stored-late") == 1
