"""What a withdrawal reaches beyond the run: one purpose of several, results kept or not, a broken store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from solidgate.consent.record import ConsentRecord
from solidgate.errors import ConsentNotGiven, InternalFault, StoreUnavailable
from solidgate.flow import door, run, settle, withdraw
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker.parts import run_batch


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path, purposes=("advice", "research"), wait=1) as ground:
        yield ground


async def work(ground: Ground, *consents: str) -> None:
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    await run_batch(ground.parts, run_id, consents)


async def anna(ground: Ground) -> tuple[Session, dict[str, str]]:
    session = await ground.arrive("anna")
    return session, await ground.say_yes(session)


async def test_one_purpose_of_two_leaves_the_shared_door_open(ground: Ground) -> None:
    session, given = await anna(ground)
    await withdraw.withdraw(ground.world, session, given["advice"])
    left = ground.pods.doors[session.webid, ground.world.agent(SPACE)]
    assert len(left.read) == 2
    await withdraw.withdraw(ground.world, session, given["research"])
    assert (session.webid, ground.world.agent(SPACE)) not in ground.pods.doors


async def test_everything_in_a_space_ends_in_one_call(ground: Ground) -> None:
    session, given = await anna(ground)
    ended = await withdraw.withdraw_all(ground.world, session, space_id=SPACE)
    assert {one.consent_id for one in ended} == set(given.values())
    assert all(one.quiescent for one in ended)
    assert (session.webid, ground.world.agent(SPACE)) not in ground.pods.doors
    with pytest.raises(ConsentNotGiven):
        await withdraw.withdraw_all(ground.world, session, space_id=SPACE)


async def test_a_door_that_is_being_opened_is_closed_again(ground: Ground) -> None:
    """Pressed in one window, withdrawn in another: the withdrawal waits, and the door does not stay open."""
    session, given = await anna(ground)
    record = await record_of(ground, given)
    await ground.pods.close_door(session.access, door.door_of(ground.world, record, SPACE))
    opened, closed = ground.pods.open_door, ground.pods.close_door
    begun, left, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(access, asked) -> DoorState:  # type: ignore[no-untyped-def]
        begun.set()
        await ended.wait()
        return await opened(access, asked)

    async def closing(access, asked) -> DoorState:  # type: ignore[no-untyped-def]
        left.set()
        return await closed(access, asked)

    ground.pods.open_door, ground.pods.close_door = slow, closing  # type: ignore[method-assign]
    opening = asyncio.create_task(door.open_for(ground.world, session, given["advice"]))
    await begun.wait()
    leaving = asyncio.create_task(withdraw.withdraw_all(ground.world, session, space_id=SPACE))
    await left.wait()
    ended.set()
    assert (await opening)[0] is DoorState.CLOSED
    assert all(one.quiescent for one in await leaving)
    assert (session.webid, ground.world.agent(SPACE)) not in ground.pods.doors


async def record_of(ground: Ground, given: dict[str, str]) -> ConsentRecord:
    async with ground.world.store.transaction() as tx:
        return (await tx.consents.one(given["advice"])).record


async def test_a_kept_result_is_marked_as_invalid_beside_it(ground: Ground) -> None:
    session, given = await anna(ground)
    await work(ground, given["advice"])
    found = await withdraw.withdraw(ground.world, session, given["advice"])
    (kept,) = found.results_kept
    note = ground.pods.held[kept.removesuffix(".ttl") + ".withdrawn.ttl"].content.decode()
    assert "invalidatedAtTime" in note
    assert kept in note
    assert found.at.isoformat().replace("+00:00", "Z") in note


async def test_results_are_removed_only_where_they_are_still_ours(ground: Ground) -> None:
    session, given = await anna(ground)
    await work(ground, given["advice"], given["research"])
    second = await withdraw.withdraw(ground.world, session, given["research"])
    (changed,) = second.results_kept
    ground.pods._put(changed, b"<a:a> <b:b> <c:mine> .", "text/turtle")
    first = await withdraw.withdraw(ground.world, session, given["advice"], remove_results=True)
    assert len(first.results_removed_from_pod) == 1
    assert first.results_removed_from_pod[0] not in ground.pods.held
    second = await withdraw.withdraw(ground.world, session, given["research"], remove_results=True)
    assert second.results_disputed == (changed,)
    assert changed in ground.pods.held


async def test_a_door_that_stays_open_is_the_persons_and_is_closed_at_the_next_login(ground: Ground) -> None:
    session, given = await anna(ground)
    ground.pods.refuses.add("close_door")
    found = await withdraw.withdraw(ground.world, session, given["advice"])
    assert (found.quiescent, found.door) != (True, DoorState.CLOSED)
    assert found.to_close[0].access_control == found.to_close[0].resource + ".acl"
    ground.pods.refuses.clear()
    await settle.settle(ground.world, await ground.gate.log_in(session.webid))
    async with ground.world.store.transaction() as tx:
        door = await tx.doors.one(given["advice"])
    assert door is not None
    assert door.state is DoorState.CLOSED


async def test_trouble_with_audit_or_receipt_does_not_hold_it_up(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, given = await anna(ground)

    async def broken(*arguments: object, **names: object) -> None:
        raise InternalFault("the audit is broken")

    with monkeypatch.context() as patch:
        patch.setattr("solidgate.adapters.sql.trail.Trail.append", broken)
        found = await withdraw.withdraw(ground.world, session, given["advice"])
    assert found.quiescent
    async with ground.world.store.transaction() as tx:
        assert not (await tx.withdrawals.one(given["advice"])).audited
    await withdraw.prove_owed(ground.world)
    async with ground.world.store.transaction() as tx:
        assert (await tx.withdrawals.one(given["advice"])).audited


async def test_what_cannot_be_stored_stops_everything_until_it_is(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, given = await anna(ground)

    async def full(*arguments: object, **names: object) -> None:
        raise StoreUnavailable()

    with monkeypatch.context() as patch:
        patch.setattr("solidgate.adapters.sql.consents.Consents.end", full)
        with pytest.raises(StoreUnavailable):
            await withdraw.withdraw(ground.world, session, given["advice"])
        with pytest.raises(StoreUnavailable):
            await run.start(ground.world, CONSUMER, SPACE)
    for _ in range(400):  # it is tried again, whether anybody asks or not
        if ground.world.brake.pending:
            await asyncio.sleep(0.05)
    await run.start(ground.world, CONSUMER, SPACE)
    assert (await withdraw.status(ground.world, session, given["advice"])).quiescent
