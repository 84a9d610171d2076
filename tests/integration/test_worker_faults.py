"""What breaks in the worker itself: its housekeeping, its heartbeat, its ears, jobs of one that is gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.engine import plain_url
from solidgate.adapters.sql.runs import Runs
from solidgate.errors import (
    InternalFault,
    StoreUnavailable,
)
from solidgate.flow import expire, run
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker import house, jobs, serve
from tests.integration.failing import failing

JOBS = "procrastinate_jobs"


async def test_one_failing_step_of_housekeeping_stops_no_other(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = await play.person("anna"), await play.person("ben")
    play.gate.clock.ahead = timedelta(days=3650)
    end = expire._expire
    first = min(anna.record.consent_id, ben.record.consent_id)

    async def odd(world: Any, consent_id: str) -> None:
        if consent_id == first:
            raise ValueError(consent_id)
        await end(world, consent_id)

    monkeypatch.setattr(expire, "_expire", odd)
    failing(monkeypatch, house.erase, "finish_erasures", ValueError("broken"))
    purged = []
    monkeypatch.setattr(type(play.world.logins), "purge", lambda self: _note(purged))
    await house.keep_house(play.enclave)
    assert purged
    async with play.world.store.transaction() as tx:
        left = await tx.consents.past_end(play.world.clock.now(), 10)
    assert left == (first,)


async def _note(seen: list[bool]) -> None:
    seen.append(True)


async def test_the_heartbeat_outlives_its_faults(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    beats = asyncio.Queue[int]()
    section = play.world.settings.worker.model_copy(update={"heartbeat_seconds": 0.01})
    settings = play.world.settings.model_copy(update={"worker": section})

    async def beat(self: Runs, *args: Any) -> None:
        beats.put_nowait(1)
        if beats.qsize() < 3:
            raise [StoreUnavailable(), ValueError("unforeseen")][beats.qsize() - 1]

    async def nothing(*args: Any) -> None:
        return None

    monkeypatch.setattr(Runs, "heartbeat", beat)
    monkeypatch.setattr(serve, "retry_stalled", nothing)
    nobody: Any = None
    watching = asyncio.create_task(serve._watch(nobody, settings, play.enclave, "w"))
    for _ in range(200):
        await asyncio.sleep(0.02)
        if beats.qsize() >= 4:
            break
    watching.cancel()
    assert beats.qsize() >= 4


@pytest.mark.parametrize("broken", ["_work", "_watch", "listen", "Parts.look"])
async def test_half_a_worker_is_none(
    play: Play, database_url: str, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    async def ends(*args: Any) -> None:
        raise ValueError("unforeseen")

    owner, _, name = broken.rpartition(".")
    monkeypatch.setattr(getattr(serve, owner) if owner else serve, name, ends)
    with pytest.raises(InternalFault):
        await asyncio.wait_for(serve.serve(play.world.settings, plain_url(database_url), asyncio.Event()), 30)


async def test_a_stalled_housekeeping_does_not_stand_before_stalled_runs(
    play: Play, database_url: str
) -> None:
    """Its successor waits already, so it cannot be put back; the runs after it are taken over."""
    application = jobs.make_jobs(plain_url(database_url), play.world.settings, play.parts)
    insert = (
        "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, status)"
        " VALUES ('house', 'solidgate.keep_house', 'house', '{\"timestamp\": 0}', 'doing')"
    )
    await play.alter(insert)
    await play.alter(insert.replace("'doing'", "'todo'"))
    run_id = await run.start(play.world, CONSUMER, SPACE)
    await play.alter("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = :t", t=run.BATCH_TASK)
    async with application.open_async():
        await jobs.retry_stalled(application, play.world.settings)
    assert run_id
    async with play.world.store.transaction() as tx:
        query = sa.text(f"SELECT task_name, status::text FROM {JOBS} ORDER BY 1, 2")
        found = [tuple(row) for row in await tx.connection.execute(query)]
    assert ("solidgate.keep_house", "todo") in found
    assert ("solidgate.keep_house", "doing") not in found
    assert {status for task, status in found if task == run.BATCH_TASK} <= {"todo"}


async def test_a_part_whose_person_was_erased_deafens_nobody(play: Play) -> None:
    """Its row is gone while it still waits for its pod: that is an end like any other."""
    left = asyncio.create_task(asyncio.sleep(60))
    play.parts.tasks["erased", "erased"] = left
    await play.parts.sweep()
    await asyncio.wait([left], timeout=5)
    assert left.cancelled()
