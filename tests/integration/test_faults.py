"""What breaks in one part ends that part, or tries it again; whatever breaks, every run comes to its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.runs import Runs
from solidgate.adapters.sql.steps import Steps
from solidgate.errors import (
    FetchTimedOut,
    InternalFault,
    PodConflict,
    PodForbidden,
    PodUnavailable,
    StoreUnavailable,
)
from solidgate.flow import record, run, settle, withdraw
from solidgate.flow.fair import FairPlaces
from solidgate.flow.record import ConsentView, ResultView
from solidgate.flow.run import AGGREGATE_TASK
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE, is_signpost
from solidgate.worker import house
from tests.integration.failing import failing

JOBS = "procrastinate_jobs"


async def state(play: Play, run_id: str) -> str:
    return (await run.show(play.world, CONSUMER, SPACE, run_id)).state


async def results(play: Play, name: str, view: ConsentView) -> tuple[ResultView, ...]:
    return (await record.view(play.world, await play.arrive(name), view.record.consent_id)).results


async def written(play: Play, run_id: str, *views: ConsentView) -> bool:
    return all([await play.outcome(run_id, view) == ("written", None) for view in views])


async def deferred(play: Play, task: str) -> int:
    async with play.world.store.transaction() as tx:
        query = sa.text(f"SELECT count(*) FROM {JOBS} WHERE task_name = :task")
        return int((await tx.connection.execute(query, {"task": task})).scalar_one())


@pytest.mark.parametrize("fault", [OverflowError("too large"), RecursionError(), KeyError("x"), ValueError()])
async def test_a_fault_that_nobody_foresaw_is_that_part_s_alone(play: Play, fault: Exception) -> None:
    anna, ben, cleo = [await play.person(name) for name in ("anna", "ben", "cleo")]
    read = play.gate.pods.read

    async def odd(access: Any, url: str, *, max_bytes: int) -> Any:
        if url.startswith("https://anna.example/"):
            raise fault
        await asyncio.sleep(0.1)
        return await read(access, url, max_bytes=max_bytes)

    play.gate.pods.read = odd  # type: ignore[method-assign]
    play.parts.limit = FairPlaces(3)
    run_id = await play.run()
    assert await play.outcome(run_id, anna) == ("failed", InternalFault.code)
    assert await written(play, run_id, ben, cleo)
    assert await state(play, run_id) == "finished"


async def test_without_the_store_a_part_stands_where_it_stood(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's fault is nobody's: the job fails, the other part ends, the next attempt ends this one."""
    anna, ben = await play.person("anna"), await play.person("ben")
    failing(monkeypatch, Steps, "publish", StoreUnavailable())
    run_id = await run.start(play.world, CONSUMER, SPACE)
    with pytest.raises(StoreUnavailable):
        await play.work(run_id)
    assert sorted([(await play.outcome(run_id, view))[0] for view in (anna, ben)]) == ["writing", "written"]
    await play.work(run_id)
    assert await written(play, run_id, anna, ben)
    assert await state(play, run_id) == "finished"
    assert [one.state for one in await results(play, "anna", anna)] == ["written"]


@pytest.mark.parametrize("where", ["enter", "move"])
async def test_a_lease_that_cannot_be_kept_is_not_the_person_s_fault(
    play: Play, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    anna = await play.person("anna")
    failing(monkeypatch, Steps, where, StoreUnavailable())
    run_id = await run.start(play.world, CONSUMER, SPACE)
    with pytest.raises(StoreUnavailable):
        await play.work(run_id)
    await play.work(run_id)
    assert await written(play, run_id, anna)


@pytest.mark.parametrize("fault", [PodUnavailable("status 500"), FetchTimedOut(), PodForbidden("status 403")])
async def test_whatever_the_pod_answers_what_it_holds_is_read_back(play: Play, fault: Exception) -> None:
    anna = await play.person("anna")
    create = play.gate.pods.create

    async def stores_and_fails(*args: Any) -> Any:
        await create(*args)
        raise fault

    play.gate.pods.create = stores_and_fails  # type: ignore[method-assign]
    run_id = await play.run()
    assert await written(play, run_id, anna)
    assert [one.state for one in await results(play, "anna", anna)] == ["written"]
    async with play.world.store.transaction() as tx:
        assert not await tx.leases.open([anna.record.consent_id])


async def test_a_write_that_left_nothing_is_tried_once_more(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await play.person("anna")
    failing(monkeypatch, play.gate.pods, "create", PodUnavailable("status 503"))
    assert await written(play, await play.run(), anna)


async def doubted(play: Play, monkeypatch: pytest.MonkeyPatch, *, lands: bool) -> tuple[str, ConsentView]:
    """A write after which the pod said nothing more: its part has failed, its delivery is planned."""
    anna = await play.person("anna")
    pods, create, read = play.gate.pods, play.gate.pods.create, play.gate.pods.read

    async def silent_create(*args: Any) -> Any:
        if lands:
            with suppress(PodConflict):
                await create(*args)
        raise FetchTimedOut

    async def silent_read(access: Any, url: str, *, max_bytes: int) -> Any:
        if url.startswith(anna.record.result_container):
            raise FetchTimedOut
        return await read(access, url, max_bytes=max_bytes)

    with monkeypatch.context() as silence:
        silence.setattr(pods, "create", silent_create)
        silence.setattr(pods, "read", silent_read)
        run_id = await play.run()
    assert await play.outcome(run_id, anna) == ("failed", "fetch.timed-out")
    assert [one.state for one in await results(play, "anna", anna)] == ["planned"]
    return run_id, anna


async def lapse(play: Play, anna: ConsentView) -> None:
    async with play.world.store.transaction() as tx:
        await tx.connection.execute(
            sa.text("DELETE FROM leases WHERE consent_id = :id"), {"id": anna.record.consent_id}
        )


@pytest.mark.parametrize("lands", [True, False])
async def test_housekeeping_settles_what_was_left_planned(
    play: Play, monkeypatch: pytest.MonkeyPatch, lands: bool
) -> None:
    run_id, anna = await doubted(play, monkeypatch, lands=lands)
    await house.settle_planned(play.enclave)  # the lease has not lapsed: the write may still be on the wire
    assert [one.state for one in await results(play, "anna", anna)] == ["planned"]
    await lapse(play, anna)
    play.gate.clock.ahead += timedelta(seconds=3 * play.world.settings.worker.lease_seconds)
    await house.settle_planned(play.enclave)
    wanted = "written" if lands else "abandoned"
    assert [one.state for one in await results(play, "anna", anna)] == [wanted]
    assert await play.outcome(run_id, anna) == ("failed", "fetch.timed-out")
    async with play.world.store.transaction() as tx:
        assert not await tx.leases.open([anna.record.consent_id])


async def test_what_the_pod_does_not_tell_is_asked_again_more_seldom(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, anna = await doubted(play, monkeypatch, lands=True)
    await lapse(play, anna)
    looks, read = [0], play.gate.pods.read

    async def closed(access: Any, url: str, *, max_bytes: int) -> Any:
        looks[0] += 1
        raise PodForbidden

    play.gate.pods.read = closed  # type: ignore[method-assign]
    for _ in range(8):
        await house.settle_planned(play.enclave)
        play.gate.clock.ahead += timedelta(seconds=61)
    assert looks[0] == 4  # after 1, 2 and 4 minutes
    play.gate.pods.read = read  # type: ignore[method-assign]
    play.gate.clock.ahead += timedelta(hours=1)
    await house.settle_planned(play.enclave)
    assert [one.state for one in await results(play, "anna", anna)] == ["written"]


async def test_after_a_withdrawal_nothing_is_settled_as_written(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, anna = await doubted(play, monkeypatch, lands=True)
    await lapse(play, anna)
    await withdraw.withdraw(play.world, await play.arrive("anna"), anna.record.consent_id)
    await house.settle_planned(play.enclave)
    assert [one.state for one in await results(play, "anna", anna)] == ["removed"]


@pytest.mark.parametrize("lands", [True, False])
async def test_after_the_end_the_person_s_own_login_settles_it(
    play: Play, monkeypatch: pytest.MonkeyPatch, lands: bool
) -> None:
    _, anna = await doubted(play, monkeypatch, lands=lands)
    await lapse(play, anna)
    play.gate.clock.ahead = timedelta(days=3650)
    await house.keep_house(play.enclave)
    assert [one.state for one in await results(play, "anna", anna)] == ["planned"]
    await settle.settle(play.world, await play.arrive("anna"))
    assert [one.state for one in await results(play, "anna", anna)] == ["written" if lands else "abandoned"]


@pytest.mark.parametrize(
    "how", ["DELETE FROM procrastinate_jobs", "UPDATE procrastinate_jobs SET status = 'failed'"]
)
async def test_a_run_whose_job_is_gone_comes_to_its_end(play: Play, how: str) -> None:
    """Given up after its attempts, or gone: the parts end by name, and the group's result is made."""
    anna, ben = await play.person("anna"), await play.person("ben")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    await house.keep_house(play.enclave)
    assert await state(play, run_id) == "queued"  # its job waits
    async with play.world.store.transaction() as tx:
        await tx.runs.begin(run_id, play.world.clock.now())
    await play.alter(f"{how} WHERE task_name = :task", task=run.BATCH_TASK)
    await house.keep_house(play.enclave)
    for view in (anna, ben):
        assert await play.outcome(run_id, view) == ("failed", "run.given-up")
    assert await state(play, run_id) == "finished"
    assert await deferred(play, AGGREGATE_TASK) == 1
    await play.work(run_id)
    assert await state(play, run_id) == "finished"


async def test_a_part_that_was_ended_meanwhile_shows_nothing(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was thought dead comes back to a run that was given up."""
    anna = await play.person("anna")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    create = play.gate.pods.create

    async def given_up_meanwhile(*args: Any) -> Any:
        made = await create(*args)
        await play.alter("DELETE FROM procrastinate_jobs WHERE task_name = :task", task=run.BATCH_TASK)
        await house.keep_house(play.enclave)
        return made

    play.gate.pods.create = given_up_meanwhile  # type: ignore[method-assign]
    await play.work(run_id)
    assert await play.outcome(run_id, anna) == ("failed", "run.given-up")
    assert await play.rows() == 0


async def test_a_run_without_its_approval_lets_the_group_s_result_be_made(play: Play) -> None:
    anna = await play.person("anna")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    await play.alter("DELETE FROM approvals")
    await play.work(run_id)
    assert await play.outcome(run_id, anna) == ("refused", "algorithm.not-approved")
    assert await deferred(play, AGGREGATE_TASK) == 1


async def test_a_job_that_is_handed_out_twice_carries_each_part_once(play: Play) -> None:
    anna = await play.person("anna")
    play.parts.limit = FairPlaces(4)
    run_id = await run.start(play.world, CONSUMER, SPACE)
    begun, read = [0], play.gate.pods.read

    async def slow(access: Any, url: str, *, max_bytes: int) -> Any:
        begun[0] += not is_signpost(url)
        await asyncio.sleep(0.1)
        return await read(access, url, max_bytes=max_bytes)

    play.gate.pods.read = slow  # type: ignore[method-assign]
    await asyncio.gather(play.work(run_id), play.work(run_id))
    assert await written(play, run_id, anna)
    assert begun[0] == len(anna.record.resources) + 1
    assert play.parts.tasks == {}


async def test_a_cancelled_run_and_a_withdrawal_do_not_wait_for_each_other(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await play.person("anna")
    session = await play.arrive("anna")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    one, stop_parts = Runs.one, Runs.stop_parts

    async def slow_one(self: Runs, run_id: str, *, lock: bool = False) -> Any:
        found = await one(self, run_id, lock=lock)
        await asyncio.sleep(0.5 if lock else 0)
        return found

    async def slow_stop(self: Runs, *args: Any) -> Any:
        found = await stop_parts(self, *args)
        await asyncio.sleep(0.5)
        return found

    monkeypatch.setattr(Runs, "one", slow_one)
    monkeypatch.setattr(Runs, "stop_parts", slow_stop)
    transactions = await asyncio.gather(
        withdraw.withdraw(play.world, session, anna.record.consent_id),
        run.cancel(play.world, CONSUMER, SPACE, run_id),
        return_exceptions=True,
    )
    assert [one for one in transactions if isinstance(one, BaseException)] == []
    assert play.world.brake.pending == {}
    assert (await play.outcome(run_id, anna))[0] == "stopped"
