"""A withdrawal while runs work, or after one: work stops, rows go, doors close, and doubts are told."""

from __future__ import annotations

import asyncio

import pytest

from solidgate.errors import (
    ConsentNotFound,
    ConsentNotGiven,
    SolidgateError,
)
from solidgate.flow import record, run, withdraw
from solidgate.flow.record import ConsentView
from solidgate.pod.door import DoorState
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE


async def test_a_withdrawal_takes_the_row_out_and_closes_the_door(play: Play) -> None:
    view = await play.person("anna")
    await play.person("ben")
    await play.run()
    rows = await play.rows()
    session = await play.arrive("anna")
    ended = await withdraw.withdraw(play.world, session, view.record.consent_id)
    assert (ended.quiescent, ended.door, ended.results_removed) == (True, DoorState.CLOSED, 1)
    assert await play.rows() < rows
    again = await withdraw.withdraw(play.world, session, view.record.consent_id)
    assert (again.quiescent, again.at, again.receipt) == (True, ended.at, ended.receipt)
    run_id = await run.start(play.world, CONSUMER, SPACE)
    with pytest.raises(SolidgateError):
        await play.outcome(run_id, view)


async def test_a_withdrawal_stops_work_under_way(play: Play) -> None:
    """The part is held in the pod's hands; the withdrawal ends it, and nothing is written."""
    view = await play.person("anna")
    session = await play.arrive("anna")
    reading, release = asyncio.Event(), asyncio.Event()
    pods = play.gate.pods
    read = pods.read

    async def slow(access, url, *, max_bytes):  # type: ignore[no-untyped-def]
        reading.set()
        await release.wait()
        return await read(access, url, max_bytes=max_bytes)

    pods.read = slow  # type: ignore[method-assign]
    run_id = await run.start(play.world, CONSUMER, SPACE)
    working = asyncio.create_task(play.work(run_id))
    await asyncio.wait_for(reading.wait(), 10)
    held = set(pods.held)
    withdrawing = asyncio.create_task(withdraw.withdraw(play.world, session, view.record.consent_id))
    await asyncio.sleep(0.3)
    play.parts.stop("*", view.record.consent_id)
    ended = await withdrawing
    assert (ended.quiescent, ended.stopped) == (True, 1)
    release.set()
    await working
    assert await play.outcome(run_id, view) == ("stopped", "consent.withdrawn")
    new = {url for url in pods.held if url not in held}
    assert not {url for url in new if url.startswith(view.record.result_container)}


async def test_nobody_withdraws_or_sees_for_another(play: Play) -> None:
    view = await play.person("anna")
    stranger = await play.arrive("ben")
    for ask_for in (withdraw.withdraw, withdraw.status, record.view):
        with pytest.raises(ConsentNotFound):
            await ask_for(play.world, stranger, view.record.consent_id)
    session = await play.arrive("anna")
    with pytest.raises(ConsentNotGiven):
        await withdraw.status(play.world, session, view.record.consent_id)


async def test_a_withdrawal_with_a_dead_worker_lists_what_is_in_doubt(play: Play) -> None:
    """The worker died after its request went out: 202, then the person's own session settles it."""
    view = await play.person("anna")
    session = await play.arrive("anna")
    pods = play.gate.pods
    run_id = await run.start(play.world, CONSUMER, SPACE)
    lease = await _lease_of_a_dead_worker(play, run_id, view)
    await play.leave_planned(run_id, view)
    object.__setattr__(play.world.settings.consent, "withdraw_wait_seconds", 0.1)
    ended = await withdraw.withdraw(play.world, session, view.record.consent_id)
    assert not ended.quiescent
    assert len(ended.in_doubt) == 1
    async with play.world.store.transaction() as tx:
        await tx.leases.release(lease)
    settled = await withdraw.status(play.world, session, view.record.consent_id)
    assert settled.quiescent
    assert ended.in_doubt[0] not in pods.held


async def _lease_of_a_dead_worker(play: Play, run_id: str, view: ConsentView) -> int:
    async with play.world.store.transaction() as tx:
        fence = await tx.leases.take(view.record.consent_id, view.record.epoch, run_id, 60)
    assert fence is not None
    return fence
