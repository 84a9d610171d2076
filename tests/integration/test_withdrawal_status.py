"""Asking how a withdrawal stands: it needs no writing, begins nothing twice, and leaves no row behind."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from solidgate.adapters.sql.engine import make_engine, plain_url
from solidgate.adapters.sql.leases import Leases
from solidgate.adapters.sql.tables import leases
from solidgate.errors import ConsentNotFound, StoreUnavailable
from solidgate.flow import at_pod, erase, withdraw
from solidgate.flow.afterwards import Afterwards
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.settings import Consent
from solidgate.testing.ground import Ground, open_ground

FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON leases FOR EACH ROW EXECUTE FUNCTION full_disk()
"""
READ_ONLY = """
DO $$ BEGIN
  EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
END $$
"""


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    """Pods are waited for a moment only, and given up after a minute."""
    consent = Consent(withdraw_wait_seconds=60, pod_wait_seconds=0.2)
    async with open_ground(database_url, tmp_path, consent=consent) as opened:
        yield opened


class Doors:
    """The requests that close a door: each waits until the pod is back."""

    def __init__(self, ground: Ground) -> None:
        self.back, self.asked, self._really = asyncio.Event(), 0, ground.pods.close_door
        ground.pods.close_door = self._waiting  # type: ignore[method-assign]

    async def _waiting(self, *arguments: Any, **named: Any) -> Any:
        self.asked += 1
        await self.back.wait()
        return await self._really(*arguments, **named)


def another_gate(world: World) -> World:
    """Another process on the same database: what goes on here is not known there."""
    return dataclasses.replace(world, after=Afterwards())


async def withdrawn(ground: Ground) -> tuple[Session, str]:
    """Somebody who withdrew; nothing is owed any more."""
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    await withdraw.withdraw(ground.world, session, consent_id)
    await ground.world.after.wait([consent_id], 30)
    return session, consent_id


async def rows(world: World) -> int:
    async with world.store.transaction() as tx:
        query = sa.select(sa.func.count()).select_from(leases)
        return int((await tx.connection.execute(query)).scalar_one())


@asynccontextmanager
async def read_only(ground: Ground, database_url: str) -> AsyncIterator[World]:
    """A gate whose lines to the database were opened after its operator closed it for writing."""
    async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as operator:
        await operator.execute(READ_ONLY.encode())
    engine = make_engine(database_url, pool_size=2)
    store = dataclasses.replace(ground.world.store, engine=engine)
    yield dataclasses.replace(ground.world, store=store, after=Afterwards())
    await engine.dispose()


async def test_a_read_only_database_tells_how_it_stands(ground: Ground, database_url: str) -> None:
    session, consent_id = await withdrawn(ground)
    async with read_only(ground, database_url) as world:
        found = await withdraw.status(world, session, consent_id)
        assert (found.quiescent, found.door, bool(found.receipt)) == (True, DoorState.CLOSED, True)
        assert not world.after.is_under_way(consent_id), "what cannot be announced does not begin"
        with pytest.raises(StoreUnavailable):  # with a code of ours, wherever it is met
            async with world.store.transaction() as tx:
                await tx.leases.announce(consent_id, 1, 60)


async def test_a_full_disk_tells_how_it_stands_and_begins_nothing(ground: Ground, database_url: str) -> None:
    doors = Doors(ground)
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    await withdraw.withdraw(ground.world, session, consent_id)
    await ground.world.after.stop([consent_id])
    async with await psycopg.AsyncConnection.connect(plain_url(database_url)) as operator:
        await operator.execute(FULL.encode())
    with capture_logs() as logged:
        found = await withdraw.status(ground.world, session, consent_id)
    assert (found.door, bool(found.receipt)) == (DoorState.OPEN, True)
    assert doors.asked == 1, "only when it was withdrawn"
    (said,) = (line for line in logged if line["event"] == "withdrawal.not-announced")
    assert set(said) == {"event", "code", "log_level"}, "nothing of a person"


async def test_gates_that_are_asked_in_turn_ask_the_pod_once(ground: Ground) -> None:
    doors, other = Doors(ground), another_gate(ground.world)
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    await withdraw.withdraw(ground.world, session, consent_id)
    for world in (other, ground.world, other):
        assert not (await withdraw.status(world, session, consent_id)).quiescent
    assert (doors.asked, await rows(ground.world)) == (1, 1)
    await ground.world.after.stop([consent_id])
    assert await rows(ground.world) == 1, "what was cut off may still land"
    assert not (await withdraw.status(other, session, consent_id)).quiescent
    assert doors.asked == 2, "nobody else does it any more"
    doors.back.set()
    await other.after.wait([consent_id], 30)
    assert await rows(ground.world) == 0, "nothing is owed, so nothing is in doubt"
    found = await withdraw.status(ground.world, session, consent_id)
    assert (found.quiescent, found.door) == (True, DoorState.CLOSED)


async def test_the_work_ends_by_a_clock_that_runs_since_before_the_row(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    loop, asked, really = asyncio.get_running_loop(), list[float](), Leases.announce

    async def announce(room: Leases, consent: str, epoch: int, seconds: float) -> int:
        asked.append(loop.time() + seconds)
        return await really(room, consent, epoch, seconds)

    monkeypatch.setattr(Leases, "announce", announce)
    async with ground.world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id)
        announced = await at_pod.announce(ground.world, tx, stored)
    assert announced.until <= asked[0] - 60, "a fifth of its time earlier than the row lapses"
    doors = Doors(ground)
    await withdraw.withdraw(ground.world, session, consent_id)
    await ground.world.after.stop([consent_id])
    late = at_pod.Announced(announced.fence, loop.time())  # the commit took all of its time
    at_pod.begin(ground.world, session, stored, late)
    await ground.world.after.wait([consent_id], 30)
    assert (doors.asked, await rows(ground.world)) == (1, 1), "only what was cut off before"


def dies(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was announced is not begun, and nobody takes its row back."""
    monkeypatch.setattr(at_pod, "begin", lambda *_: None)


async def test_an_erasure_before_the_announcement_finds_no_row_after_it(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, consent_id = await withdrawn(ground)
    really = withdraw.found_one

    async def found_one(world: World, session: Session, consent_id: str) -> Any:
        found = await really(world, session, consent_id)
        await erase.erase(world, session)
        return found

    monkeypatch.setattr(withdraw, "found_one", found_one)
    dies(monkeypatch)
    await withdraw.status(ground.world, session, consent_id)
    assert await rows(ground.world) == 0


async def test_an_erasure_during_the_announcement_removes_its_row(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, consent_id = await withdrawn(ground)
    really, erasing = Leases.announce, list[asyncio.Task[Any]]()

    async def announce(room: Leases, *arguments: Any) -> int:
        erasing.append(asyncio.create_task(erase.erase(ground.world, session)))
        await asyncio.wait(erasing, timeout=1)
        return await really(room, *arguments)

    monkeypatch.setattr(Leases, "announce", announce)
    dies(monkeypatch)
    await withdraw.status(another_gate(ground.world), session, consent_id)
    await asyncio.wait_for(erasing[0], 30)
    assert await rows(ground.world) == 0
    with pytest.raises(ConsentNotFound):
        await withdraw.status(ground.world, session, consent_id)


async def test_who_asks_and_goes_away_leaves_nothing_half_begun(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors, really = Doors(ground), Leases.announce
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    await withdraw.withdraw(ground.world, session, consent_id)
    await ground.world.after.stop([consent_id])
    there, gone = asyncio.Event(), asyncio.Event()

    async def announce(room: Leases, *arguments: Any) -> int:
        there.set()
        await gone.wait()
        return await really(room, *arguments)

    monkeypatch.setattr(Leases, "announce", announce)
    asking = asyncio.create_task(withdraw.status(ground.world, session, consent_id))
    await asyncio.wait_for(there.wait(), 30)
    asking.cancel()
    await asyncio.wait([asking])
    doors.back.set()
    gone.set()
    await ground.world.after.wait([f"{consent_id}:again"], 30)
    await ground.world.after.wait([consent_id], 30)
    assert (doors.asked, await rows(ground.world)) == (2, 0)
