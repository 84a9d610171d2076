"""A large run of one space does not stand before a small one of another: told by the order of parts."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import procrastinate
import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.engine import plain_url
from solidgate.adapters.sql.tables import runs, steps
from solidgate.algorithm.pack import pack
from solidgate.assets import asset
from solidgate.flow import invite, run
from solidgate.flow import space as spaces
from solidgate.flow.fair import FairPlaces
from solidgate.identity.login import Caller
from solidgate.sdk.folder import read_algorithm
from solidgate.settings import Worker
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE, agreement_of
from solidgate.testing.terms import OWNER
from solidgate.worker.jobs import make_jobs

DONE = procrastinate.jobs.Status.SUCCEEDED
LARGE, SMALL, BATCH = 12, 2, 2


async def another_space(ground: Ground, name: str) -> Ground:
    """The same ground, with invitations to a second space under the same terms."""
    world, program = ground.world, read_algorithm(asset("examples", "home-energy", "algorithm"))
    terms = dataclasses.replace(agreement_of("advice", documents=ground.documents), space=name)
    await spaces.create(world, terms)
    package = pack(program.files, program.executables)
    digest = await spaces.submit_algorithm(world, Caller(OWNER), name, package)
    view = await spaces.show(world, name)
    for caller in (Caller(OWNER), CONSUMER):
        await spaces.approve(world, caller, name, view.agreement_digest, digest, "approve")
    return dataclasses.replace(ground, token=await invite.invite(world, None, name, uses=0, days=1))


@pytest.mark.parametrize("jobs_of_space", [1, 4])
async def test_a_small_run_is_not_behind_a_large_one(
    database_url: str, tmp_path: Path, jobs_of_space: int
) -> None:
    settings = Worker(batch_people=BATCH, concurrency=1, jobs_of_space=jobs_of_space)
    async with open_ground(database_url, tmp_path, worker=settings) as ground:
        small = await another_space(ground, "small")
        for number in range(LARGE):
            await ground.say_yes(await ground.arrive(f"large-{number}"))
        for number in range(SMALL):
            await small.say_yes(await small.arrive(f"small-{number}"))
        await run.start(ground.world, CONSUMER, SPACE)
        await work(ground, database_url, jobs=2)
        await run.start(ground.world, CONSUMER, "small")
        await work(ground, database_url)
        order = await begun(ground)
    assert sorted(order) == [SPACE] * LARGE + ["small"] * SMALL
    behind = 2 * BATCH  # what was done before the small run began
    # Of the next round, the large space's batch and the small one's; first in, first out would put it last.
    assert "small" in order[behind : behind + 2 * BATCH]
    assert order[-1] == SPACE


async def work(ground: Ground, url: str, jobs: int = 0) -> None:
    """A worker, one job at a time, for so many jobs of runs or until there are none."""
    app = make_jobs(plain_url(url), ground.world.settings, ground.parts)
    async with app.open_async():
        if not jobs:
            await app.run_worker_async(wait=False, concurrency=1, queues=["runs"], delete_jobs="successful")
            return
        worker = await app.job_manager.register_worker()
        for _ in range(jobs):
            job = await app.job_manager.fetch_job(["runs"], worker)
            assert job is not None
            await app.tasks[job.task_name](**job.task_kwargs)
            await app.job_manager.finish_job(job, status=DONE, delete_job=True)


async def begun(ground: Ground) -> list[str]:
    """The space of each part, in the order in which they began."""
    query = (
        sa.select(runs.c.space_id)
        .join(steps, steps.c.run_id == runs.c.run_id)
        .where(steps.c.state == "pulling")
        .order_by(steps.c.sequence)
    )
    async with ground.world.store.transaction() as tx:
        return list((await tx.connection.execute(query)).scalars())


async def waiting(places: FairPlaces, order: list[str], *space_ids: str) -> list[asyncio.Task[None]]:
    """Parts that take a place, note their space, and give it back, in the order in which they come."""

    async def one(space_id: str) -> None:
        async with places.place(space_id):
            order.append(space_id)
            await asyncio.sleep(0)

    tasks = []
    for space_id in space_ids:
        tasks.append(asyncio.create_task(one(space_id)))
        await asyncio.sleep(0)
    return tasks


async def test_places_go_round_the_spaces() -> None:
    places, order = FairPlaces(1), list[str]()
    async with places.place("a"), places.place("b"):
        tasks = await waiting(places, order, *"aaaaabb")
        await asyncio.sleep(0.01)
        assert order == []
    await asyncio.gather(*tasks)
    # Four places of "a" come after both of "b", though they were asked for before them.
    assert order.index("b") <= 1
    assert order[-3:] == list("aaa")


async def test_a_space_without_a_place_does_not_wait_for_one_that_hangs() -> None:
    places, order = FairPlaces(2), list[str]()
    async with places.place("a"), places.place("a"):
        tasks = await waiting(places, order, "a", "b")
        await asyncio.sleep(0.01)
        assert order == ["b"]
    await asyncio.gather(*tasks)
    assert order == ["b", "a"]


async def test_whoever_goes_away_leaves_no_gap() -> None:
    places, order = FairPlaces(1), list[str]()
    async with places.place("a"):
        leaving, staying = await waiting(places, order, "a", "a")
        leaving.cancel()
        await asyncio.wait([leaving])
    await staying
    async with places.place("b"):
        assert order == ["a"]
    assert not places._held
    assert not places._waiting
