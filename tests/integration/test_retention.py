"""Results are kept as long as the agreement says, and then deleted, as the notice promises."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from solidgate.errors import GroupTooSmall
from solidgate.flow import record, retain, run, withdraw
from solidgate.flow.record import ConsentView
from solidgate.run.delivery import DeliveryRow
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE, new_terms
from solidgate.worker.house import keep_house


async def a_month(play: Play) -> None:
    await new_terms(play.world, retention="P1M")


async def delivery(play: Play, view: ConsentView) -> DeliveryRow:
    async with play.world.store.transaction() as tx:
        stored = await tx.consents.one(view.record.consent_id)
        (row,) = await tx.results.of_consent(stored.person_id, view.record.consent_id)
    return row


async def audited(play: Play, action: str) -> list[list[str]]:
    async with play.world.store.transaction() as tx:
        rows = (await tx.connection.exec_driver_sql("SELECT entry FROM audit ORDER BY sequence")).scalars()
        entries = [json.loads(row) for row in rows]
    return [entry["objects"] for entry in entries if entry["action"] == action]


async def test_everything_the_gate_kept_is_deleted_when_its_time_is_over(play: Play) -> None:
    await a_month(play)
    anna, _ = await play.person("anna"), await play.person("ben")
    run_id = await play.run()
    play.gate.clock.ahead = timedelta(days=27)
    await keep_house(play.enclave)
    assert await play.rows() > 0
    assert (await delivery(play, anna)).delivery.content
    play.gate.clock.ahead = timedelta(days=32)
    await keep_house(play.enclave)
    assert await play.rows() == 0
    with pytest.raises(GroupTooSmall):
        await run.aggregate(play.world, CONSUMER, SPACE)
    left = (await delivery(play, anna)).delivery
    assert (left.content, left.derived) == (b"", b"")
    about_anna = [run_id, anna.record.consent_id]
    assert (await audited(play, "system:result:deleted")).count(about_anna) == 2
    assert await audited(play, "system:aggregate:deleted") == [[run_id]]
    assert await retain.delete_old(play.world) == 0


async def test_what_is_in_the_pod_stays_and_can_still_be_taken_out(play: Play) -> None:
    await a_month(play)
    anna = await play.person("anna")
    await play.run()
    session = await play.arrive("anna")
    play.gate.clock.ahead = timedelta(days=32)
    assert await retain.delete_old(play.world) == 2
    (result,) = (await record.view(play.world, session, anna.record.consent_id)).results
    assert result.url in play.gate.pods.held
    ended = await withdraw.withdraw(play.world, session, anna.record.consent_id, remove_results=True)
    assert ended.results_removed_from_pod == (result.url,)
    assert result.url not in play.gate.pods.held


async def test_a_write_that_may_still_happen_keeps_its_bytes(play: Play) -> None:
    """A worker that takes the part over writes the planned bytes, not nothing."""
    await a_month(play)
    anna = await play.person("anna")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    await play.leave_planned(run_id, anna)
    play.gate.clock.ahead = timedelta(days=32)
    assert await retain.delete_old(play.world) == 0
    assert (await delivery(play, anna)).delivery.content
    await run.cancel(play.world, CONSUMER, SPACE, run_id)
    assert await retain.delete_old(play.world) == 1


async def test_a_later_run_begins_a_new_time(play: Play) -> None:
    await a_month(play)
    await play.person("anna")
    await play.run()
    play.gate.clock.ahead = timedelta(days=20)
    second = await play.run()
    play.gate.clock.ahead = timedelta(days=40)
    assert await retain.delete_old(play.world) == 1
    async with play.world.store.transaction() as tx:
        assert len(await tx.results.visible(SPACE, play.world.clock.now(), run_id=second)) == 1
