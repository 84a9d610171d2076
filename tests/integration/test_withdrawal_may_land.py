"""A write of a withdrawal whose answer nobody saw is in doubt until it is seen, or can land no more."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from solidgate.errors import PodConflict
from solidgate.flow import cancel_access, erase, run, settle, withdraw
from solidgate.flow.afterwards import Afterwards
from solidgate.flow.withdraw import Withdrawal
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.settings import Consent, Worker
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker.parts import run_batch
from tests.integration.late_writes import LateWrites

RECEIPT, NOTE = ".jsonld", ".withdrawn.ttl"


@asynccontextmanager
async def open_pods(url: str, folder: Path, *, seconds: float = 1, lease: int = 60) -> AsyncIterator[Ground]:
    """Whoever works at a pod is cut off after ``seconds``; a write may land for two leases."""
    consent = Consent(withdraw_wait_seconds=seconds, pod_wait_seconds=30, posts_per_minute=100_000)
    async with open_ground(url, folder, consent=consent, worker=Worker(lease_seconds=lease)) as opened:
        yield opened


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_pods(database_url, tmp_path) as opened:
        yield opened


def another_gate(world: World) -> World:
    """Another process on the same database: what goes on here is not known there."""
    return dataclasses.replace(world, after=Afterwards())


async def consent_of(ground: Ground) -> tuple[Session, str]:
    """Somebody who said yes, and has a result in their pod."""
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    await run_batch(ground.parts, await run.start(ground.world, CONSUMER, SPACE), [consent_id])
    return session, consent_id


async def left(ground: Ground, ending: str, **how: Any) -> tuple[LateWrites, Session, str]:
    """They withdrew, and nobody waits any more for what was sent and has not landed."""
    session, consent_id = await consent_of(ground)
    late = LateWrites(ground, ending, **how)
    await withdraw.withdraw(ground.world, session, consent_id)
    await ground.world.after.wait([consent_id], 30)
    assert late.asked
    assert not late.sent[0].done()
    assert not ground.world.after.is_under_way(consent_id)
    return late, session, consent_id


async def asked_everywhere(ground: Ground, session: Session, consent_id: str) -> list[Withdrawal]:
    worlds = (another_gate(ground.world), ground.world, another_gate(ground.world))
    return [await withdraw.status(one, session, consent_id) for one in worlds]


@pytest.mark.parametrize("times_out", [False, True], ids=["cut off", "no answer"])
@pytest.mark.parametrize("ending", [RECEIPT, NOTE])
async def test_what_may_still_land_is_in_doubt_at_every_gate(
    ground: Ground, ending: str, times_out: bool
) -> None:
    late, session, consent_id = await left(ground, ending, times_out=times_out)
    for found in await asked_everywhere(ground, session, consent_id):
        assert not found.quiescent
        assert [url for url in found.in_doubt if url.endswith(ending)], "and the 202 lists it"
    assert late.asked > 1, "a doubt keeps nobody from trying again"
    assert await late.land() is None, "it could"


async def test_what_was_sent_to_a_signpost_is_in_doubt_too(ground: Ground) -> None:
    late, session, consent_id = await left(ground, ".ttl", kind="replace")
    assert not any(one.quiescent for one in await asked_everywhere(ground, session, consent_id))
    assert await late.land() is None


async def test_the_closing_of_a_door_that_was_cut_off_is_in_doubt(ground: Ground) -> None:
    session, consent_id = await consent_of(ground)
    really, back, sent = ground.pods.close_door, asyncio.Event(), list[asyncio.Future[DoorState]]()

    async def closing(*arguments):  # type: ignore[no-untyped-def]
        await back.wait()
        return await really(*arguments)

    async def close_door(*arguments):  # type: ignore[no-untyped-def]
        sent.append(asyncio.ensure_future(closing(*arguments)))
        return await asyncio.shield(sent[-1])

    ground.pods.close_door = close_door  # type: ignore[method-assign]
    found = await withdraw.withdraw(ground.world, session, consent_id)
    assert not ground.world.after.is_under_way(consent_id)
    assert (found.quiescent, found.door) == (False, DoorState.OPEN)
    back.set()
    found = await withdraw.status(another_gate(ground.world), session, consent_id)
    assert (found.quiescent, found.door) == (True, DoorState.CLOSED)


@pytest.mark.parametrize("ending", [RECEIPT, NOTE])
async def test_what_is_sent_again_and_seen_to_stand_ends_the_doubt(ground: Ground, ending: str) -> None:
    late, session, consent_id = await left(ground, ending, refused=False)
    found = await withdraw.status(another_gate(ground.world), session, consent_id)
    assert (found.quiescent, found.in_doubt) == (True, ())
    assert isinstance(await late.land(), PodConflict), "the earlier one finds its place taken"


async def test_a_doubt_ends_when_nothing_can_land_any_more(database_url: str, tmp_path: Path) -> None:
    async with open_pods(database_url, tmp_path, lease=1) as ground:
        session = await ground.arrive("anna")
        consent_id = (await ground.say_yes(session))["advice"]
        late = LateWrites(ground, RECEIPT)
        await withdraw.withdraw(ground.world, session, consent_id)
        assert not (await withdraw.status(ground.world, session, consent_id)).quiescent
        for _ in range(400):
            if (found := await withdraw.status(ground.world, session, consent_id)).quiescent:
                break
            await asyncio.sleep(0.05)
        assert found.quiescent
        assert not late.sent[0].done(), "only time has told"


async def test_withdrawing_again_begins_nothing_beside_another_gate(
    database_url: str, tmp_path: Path
) -> None:
    async with open_pods(database_url, tmp_path, seconds=60) as ground:
        object.__setattr__(ground.world.settings.consent, "pod_wait_seconds", 0.2)
        session, consent_id = await consent_of(ground)
        really, back, asked = ground.pods.close_door, asyncio.Event(), list[str]()

        async def close_door(*arguments):  # type: ignore[no-untyped-def]
            asked.append(consent_id)
            await back.wait()
            return await really(*arguments)

        ground.pods.close_door = close_door  # type: ignore[method-assign]
        assert not (await withdraw.withdraw(ground.world, session, consent_id)).quiescent
        others = [another_gate(ground.world) for _ in range(2)]
        for other in others:
            assert not (await withdraw.withdraw(other, session, consent_id)).quiescent
            assert not other.after.is_under_way(consent_id)
        assert len(asked) == 1
        back.set()
        await ground.world.after.wait([consent_id], 30)
        found = await withdraw.withdraw(others[0], session, consent_id)
        assert (found.quiescent, found.door) == (True, DoorState.CLOSED)


async def test_no_status_is_early_between_the_end_of_the_work_and_the_removal_of_an_erasure(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure has cut off what it did at the pod, and goes on to other things before it removes."""
    session, consent_id = await consent_of(ground)
    late, told = LateWrites(ground, RECEIPT), list[Withdrawal]()

    async def asked_meanwhile(world: World, person_id: str) -> None:
        assert not world.after.is_under_way(consent_id)
        told.extend(await asked_everywhere(ground, session, consent_id))

    monkeypatch.setattr(cancel_access, "wait", asked_meanwhile)
    await erase.erase(ground.world, session)
    assert not late.sent[0].done()
    assert [one.quiescent for one in told] == [False, False, False]


@pytest.mark.parametrize("way", [settle.settle, settle.settle_one, settle.resend])
async def test_what_is_owed_and_done_by_another_way_is_announced_as_well(
    database_url: str, tmp_path: Path, way: Callable[..., Awaitable[object]]
) -> None:
    """At a login, or by a button: no other gate calls it quiescent meanwhile, or sends the same."""
    async with open_pods(database_url, tmp_path, seconds=60) as ground:
        object.__setattr__(ground.world.settings.consent, "pod_wait_seconds", 0.2)
        session, consent_id = await consent_of(ground)
        ground.pods.refuses.update({"create", "close_door"})
        await withdraw.withdraw(ground.world, session, consent_id)
        await ground.world.after.wait([consent_id], 30)
        ground.pods.refuses.clear()
        late, other = LateWrites(ground, RECEIPT), another_gate(ground.world)
        named = () if way is settle.settle else (consent_id,)
        doing = asyncio.create_task(way(ground.world, session, *named))  # type: ignore[arg-type]
        while not late.sent:  # noqa: ASYNC110 - the request is what is waited for
            await asyncio.sleep(0.01)
        assert not (await withdraw.status(other, session, consent_id)).quiescent
        assert late.asked == 1
        assert await late.land() is None
        await doing
        await ground.world.after.wait([consent_id], 30)
        assert (await withdraw.status(other, session, consent_id)).quiescent


async def test_a_door_that_is_closed_by_a_button_is_announced_as_well(ground: Ground) -> None:
    session, consent_id = await consent_of(ground)
    ground.pods.refuses.add("close_door")
    await withdraw.withdraw(ground.world, session, consent_id)
    ground.pods.refuses.clear()
    rows = list[bool]()
    really = ground.pods.close_door

    async def close_door(*arguments):  # type: ignore[no-untyped-def]
        async with ground.world.store.transaction() as tx:
            rows.append(await tx.leases.announced(consent_id))
        return await really(*arguments)

    ground.pods.close_door = close_door  # type: ignore[method-assign]
    await settle.close_left(ground.world, session, consent_id)
    assert rows == [True]
    async with ground.world.store.transaction() as tx:
        door = await tx.doors.one(consent_id)
    assert door is not None
    assert door.state is DoorState.CLOSED


async def test_a_receipt_of_the_yes_that_is_still_on_its_way_is_waited_for(ground: Ground) -> None:
    """Said yes in one window, withdrawn in another: the first copy may land, and nothing follows it."""
    session = await ground.arrive("anna")
    late = LateWrites(ground, RECEIPT, refused=False)
    accepting = asyncio.create_task(ground.say_yes(session))
    while not late.sent:  # noqa: ASYNC110 - the request is what is waited for
        await asyncio.sleep(0.01)
    async with ground.world.store.transaction() as tx:
        (stored,) = await tx.consents.of_person(session.person_id)
    consent_id = stored.record.consent_id
    assert not (await withdraw.withdraw(ground.world, session, consent_id)).quiescent
    for found in await asked_everywhere(ground, session, consent_id):
        assert not found.quiescent
    assert await late.land() is None
    await accepting
    assert (await withdraw.status(ground.world, session, consent_id)).quiescent
    copies = {url.rpartition("-")[2] for url in ground.pods.held if f"/{consent_id}-" in url}
    assert copies == {"2.ttl", "2.jsonld", "3.ttl", "3.jsonld", "3.jwt"}
