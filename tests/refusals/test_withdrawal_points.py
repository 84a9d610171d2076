"""A withdrawal at every point of one person's part: before and after each transaction and each call outside.

The pod's own log judges, in its own order: after a quiescent answer nothing of the space's begins or lands,
no query sees the data, and the person is told of every result that is in the pod.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from solidgate.adapters.sql.store import SqlStore, Transaction
from solidgate.consent.status import ConsentStatus
from solidgate.flow import run, withdraw
from solidgate.flow.fair import FairPlaces
from solidgate.flow.journey import Enclave
from solidgate.flow.withdraw import Withdrawal
from solidgate.identity.login import Session
from solidgate.run.state import FINAL
from solidgate.settings import Worker
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker.parts import Parts, run_batch

LEAST = 25


@dataclass
class Points:
    """The points as they are passed; ``act`` is awaited at the one that is wanted."""

    passed: list[str] = field(default_factory=list)
    wanted: str = ""
    act: Callable[[], Awaitable[None]] | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    armed: bool = False

    async def at(self, point: str) -> None:
        if not self.armed:
            return
        self.numbers[point] = self.numbers.get(point, 0) + 1
        name = f"{point} {self.numbers[point]}"
        self.passed.append(name)
        if name == self.wanted and self.act is not None:
            await self.act()

    def arm(self, wanted: str, act: Callable[[], Awaitable[None]] | None) -> None:
        self.passed, self.numbers, self.wanted, self.act, self.armed = [], {}, wanted, act, True


class PointedStore(SqlStore):
    """The real store, with a point before and after each transaction of the worker."""

    points: Points

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        await self.points.at("before transaction")
        async with SqlStore.transaction(self) as tx:
            yield tx
        await self.points.at("after transaction")

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[Transaction]:
        await self.points.at("before transaction")
        async with SqlStore.at_once(self) as tx:
            yield tx
        await self.points.at("after transaction")


@dataclass
class Case:
    """One withdrawal at one point."""

    ground: Ground
    session: Session
    consent_id: str
    found: Withdrawal | None = None
    task: asyncio.Task[Withdrawal] | None = None

    async def act(self) -> None:
        """Withdraw, and go on as soon as it is stored; on the wire, only when it was answered."""
        self.task = asyncio.create_task(withdraw.withdraw(self.ground.world, self.session, self.consent_id))
        while not await self._is_stored():  # noqa: ASYNC110 - the database is what is waited for
            await asyncio.sleep(0.01)

    async def act_on_the_wire(self) -> None:
        await self.act()
        assert self.task is not None
        await asyncio.wait([self.task], timeout=5)

    async def _is_stored(self) -> bool:
        async with self.ground.world.store.transaction() as tx:
            stored = await tx.consents.one(self.consent_id)
        return stored.record.latest.status is ConsentStatus.WITHDRAWN


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    """Without signposts, which have a test of their own: they come after the result."""
    worker = Worker(lease_seconds=20, heartbeat_seconds=15, signposts=False)
    async with open_ground(database_url, tmp_path, worker=worker, wait=0.6) as ground:
        yield ground


@pytest.fixture
async def led(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    worker = Worker(lease_seconds=20, heartbeat_seconds=15)
    async with open_ground(database_url, tmp_path, worker=worker, wait=0.6) as ground:
        yield ground


def pointed(ground: Ground) -> Points:
    """Points in the pods, the sandbox and the worker's transactions."""
    points = Points()
    ground.pods.at = points.at
    ground.sandbox.at = points.at  # type: ignore[attr-defined]
    real = ground.enclave.world.store
    store = PointedStore(real.engine, real.keys, real.tombstones)
    object.__setattr__(store, "points", points)
    world = dataclasses.replace(ground.enclave.world, store=store)
    ground.enclave = Enclave(world, ground.enclave.keys)
    ground.parts.enclave = ground.enclave
    return points


_names = count()


async def person(ground: Ground) -> tuple[Session, str]:
    session = await ground.arrive(f"n{next(_names)}")
    return session, (await ground.say_yes(session))["advice"]


@pytest.mark.parametrize("notices", [True, False], ids=["told at once", "the notice is lost"])
@pytest.mark.timeout(180)
async def test_a_withdrawal_at_every_point(ground: Ground, notices: bool) -> None:
    points = pointed(ground)
    every = await _all_points(ground, points)
    assert len(every) >= LEAST, every
    tried = every if notices else every[::3]
    problems = [problem for point in tried for problem in await _at(ground, points, point, notices)]
    assert problems == []


@pytest.mark.timeout(180)
async def test_a_withdrawal_while_the_signposts_are_written(led: Ground) -> None:
    """The second and third document of a part: the index, then the pointer."""
    points = pointed(led)
    every = await _all_points(led, points)
    tried = [point for point in every if "create" in point and not point.endswith(" 1")]
    assert {point.partition(" ")[0] for point in tried} == {"before", "wire", "after"}
    assert len(tried) == 6
    problems = [problem for point in tried for problem in await _at(led, points, point, notices=True)]
    assert problems == []


async def _all_points(ground: Ground, points: Points) -> list[str]:
    _, consent_id = await person(ground)
    points.arm("", None)
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    await run_batch(ground.parts, run_id, [consent_id])
    points.armed = False
    async with ground.world.store.transaction() as tx:
        assert (await tx.runs.part(run_id, consent_id)).state.value == "written"
    return points.passed


async def _free(ground: Ground) -> None:
    """A space has one open run: what an earlier point left open is cancelled."""
    for shown in await run.listing(ground.world, CONSUMER, SPACE):
        if shown.state in ("queued", "running"):
            await run.cancel(ground.world, CONSUMER, SPACE, shown.run_id)


async def _at(ground: Ground, points: Points, point: str, notices: bool) -> list[str]:
    await _free(ground)
    session, consent_id = await person(ground)
    case = Case(ground, session, consent_id)
    on_the_wire = point.startswith("wire")
    points.arm(point, case.act_on_the_wire if on_the_wire else case.act)
    parts = ground.parts if notices else Parts(ground.enclave, limit=FairPlaces(8))
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    await asyncio.wait_for(run_batch(parts, run_id, [consent_id]), 60)
    points.armed = False
    if case.task is None:
        return [f"{point}: was not reached"]
    found = await case.task
    problems = []
    in_doubt = found.in_doubt or ground.world.settings.worker.signposts
    if on_the_wire and (found.quiescent or not in_doubt):
        problems.append(f"{point}: called quiescent with a request on the wire")
    for _ in range(100):
        # What a busy machine was too slow for stays owed, and is begun again by whoever looks.
        if found.quiescent and len(_notes(ground, session)) == len(found.results_kept):
            break
        await asyncio.sleep(0.1)
        found = await withdraw.status(ground.world, session, consent_id)
    after = len(ground.pods.log)
    await asyncio.sleep(0.05)
    return [f"{point}: {one}" for one in (*problems, *await _judge(ground, session, found, run_id, after))]


def _notes(ground: Ground, session: Session) -> set[str]:
    container = f"{ground.pods.storage_of[session.webid]}solidgate/"
    return {url for url in ground.pods.held if url.startswith(container) and url.endswith(".withdrawn.ttl")}


async def _judge(ground: Ground, session: Session, found: Withdrawal, run_id: str, after: int) -> list[str]:
    storage, agent = ground.pods.storage_of[session.webid], ground.world.agent(SPACE)
    problems = [f"{one.what} after the 200" for one in ground.pods.log[after:] if one.webid == agent]
    if not found.quiescent:
        problems.append("never quiescent")
    async with ground.world.store.transaction() as tx:
        part = await tx.runs.part(run_id, found.consent_id)
        graphs = await tx.results.visible(SPACE, ground.world.clock.now())
        mine = tx.people.pseudonym(session.person_id, SPACE)
        leases = await tx.leases.open([found.consent_id])
    if part.state not in FINAL:
        problems.append(f"the part is {part.state}")
    if leases:
        problems.append("a lease is open")
    if any(mine in one.graph for one in graphs):
        problems.append("still visible to queries")
    container, notes = f"{storage}solidgate/", _notes(ground, session)
    held = {url for url in ground.pods.held if url.startswith(container) and "/receipts/" not in url}
    held -= {url for url in held if url.endswith(f"-{SPACE}.ttl")}
    if held - notes != set(found.results_kept):
        problems.append(f"{len(held - notes)} results in the pod, {len(found.results_kept)} told of")
    if len(notes) != len(found.results_kept):
        problems.append("a kept result is not marked as invalid")
    return problems


async def test_a_worker_without_a_database_stops_before_its_lease_ends(ground: Ground) -> None:
    """The step's own clock ends it; nothing can be signed afterwards."""
    points = pointed(ground)
    object.__setattr__(ground.enclave.world.settings.worker, "lease_seconds", 1)
    session, consent_id = await person(ground)
    ended: list[float] = []
    loop = asyncio.get_running_loop()

    async def stall() -> None:
        await ground.gate.world.store.ping()
        begin = loop.time()
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(loop.time() - begin)

    points.arm("inside derive 1", stall)
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    await asyncio.wait_for(run_batch(ground.parts, run_id, [consent_id]), 20)
    assert ended
    assert ended[0] < 1.0
    async with ground.world.store.transaction() as tx:
        assert (await tx.runs.part(run_id, consent_id)).outcome == "run.timed-out"
    found = await withdraw.withdraw(ground.world, session, consent_id)
    assert found.quiescent
