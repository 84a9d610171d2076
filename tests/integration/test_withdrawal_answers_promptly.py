"""A pod that is down holds up no answer: what is owed there goes on after it, and the status tells."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from solidgate.consent.status import ConsentStatus
from solidgate.flow import erase, withdraw
from solidgate.flow.afterwards import Afterwards
from solidgate.flow.withdraw import Withdrawal
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.settings import Consent
from solidgate.testing.gate import Answer
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import SPACE


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    """Pods are waited for a moment only, and given up after a minute."""
    consent = Consent(withdraw_wait_seconds=60, pod_wait_seconds=0.2)
    purposes = ("advice", "study", "research")
    async with open_ground(database_url, tmp_path, purposes=purposes, consent=consent) as opened:
        yield opened


class Dead:
    """Every request to the pods waits until they come back."""

    def __init__(self, ground: Ground, *names: str) -> None:
        self.back, self.begun = asyncio.Event(), list[str]()
        for name in names or ("close_door", "create", "read", "state", "door_state"):
            setattr(ground.pods, name, self._waiting(name, getattr(ground.pods, name)))

    def _waiting(self, name: str, really: Any) -> Any:
        async def waiting(*arguments: Any, **named: Any) -> Any:
            self.begun.append(name)
            await self.back.wait()
            return await really(*arguments, **named)

        return waiting


async def test_all_consents_of_a_dead_pod_are_answered_at_once_and_closed_later(ground: Ground) -> None:
    session = await ground.arrive("anna")
    consents = await ground.say_yes(session)
    dead = Dead(ground)
    async with asyncio.timeout(30):  # each pod's request would last a minute
        ended = await withdraw.withdraw_all(ground.world, session)
    assert {one.consent_id for one in ended} == set(consents.values())
    assert dead.begun.count("close_door") == 3, "all at the same time"
    for one in ended:
        assert not one.quiescent, "something is on its way to the pod"
        assert one.door is DoorState.OPEN
        assert one.to_close
    assert (session.webid, ground.world.agent(SPACE)) in ground.pods.doors
    async with asyncio.timeout(30):
        again = await withdraw.status(ground.world, session, ended[0].consent_id)
    assert not again.quiescent
    assert dead.begun.count("close_door") == 3, "nothing is asked twice while it is under way"
    dead.back.set()
    await ground.world.after.wait(list(consents.values()), 30)
    assert (session.webid, ground.world.agent(SPACE)) not in ground.pods.doors
    found = [await withdraw.status(ground.world, session, one) for one in consents.values()]
    assert all(one.quiescent and one.door is DoorState.CLOSED for one in found)


def another_gate(world: World) -> World:
    """Another process on the same database: what goes on here is not known there."""
    return dataclasses.replace(world, after=Afterwards())


async def becomes_quiescent(world: World, session: Session, consent_id: str) -> None:
    for _ in range(400):
        if (await withdraw.status(world, session, consent_id)).quiescent:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("never quiescent")


async def test_no_other_gate_calls_it_quiescent_while_a_receipt_is_on_its_way(ground: Ground) -> None:
    session = await ground.arrive("anna")
    consents = await ground.say_yes(session)
    dead, other = Dead(ground, "create"), another_gate(ground.world)
    ended = await withdraw.withdraw(ground.world, session, consents["advice"])
    assert (ended.quiescent, ended.door) == (False, DoorState.CLOSED)
    assert dead.begun, "the receipt is on its way"
    async with asyncio.timeout(30):
        assert not (await withdraw.status(other, session, ended.consent_id)).quiescent
        assert not (await withdraw.withdraw(other, session, ended.consent_id)).quiescent
    assert not other.after.is_under_way(ended.consent_id), "nothing goes on in that one"
    dead.back.set()
    await ground.world.after.wait(list(consents.values()), 30)
    assert (await withdraw.status(other, session, ended.consent_id)).quiescent
    assert (await withdraw.withdraw(other, session, ended.consent_id)).quiescent


async def test_what_a_dead_gate_announced_lapses(ground: Ground) -> None:
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    await withdraw.withdraw(ground.world, session, consent_id)
    await ground.world.after.wait([consent_id], 30)
    async with ground.world.store.transaction() as tx:
        await tx.leases.announce(consent_id, 1, 0.5)
        assert await tx.leases.announced(consent_id)
        assert not await tx.leases.open([consent_id]), "no step waits for it"
    await becomes_quiescent(ground.world, session, consent_id)
    async with ground.world.store.transaction() as tx:
        assert not await tx.leases.announced(consent_id)


async def test_what_was_announced_is_taken_back_where_it_did_not_begin(ground: Ground) -> None:
    """Two that ask at once: one does it, and the other's row goes."""
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    dead = Dead(ground, "create")
    asked = [
        withdraw.withdraw(ground.world, session, consent_id, remove_results=one) for one in (False, True)
    ]
    assert not any(one.quiescent for one in await asyncio.gather(*asked))
    dead.back.set()
    await becomes_quiescent(
        another_gate(ground.world), session, consent_id
    )  # a row left would stand for long


async def test_a_pod_that_answers_is_waited_for(database_url: str, tmp_path: Path) -> None:
    consent = Consent(pod_wait_seconds=60)
    async with open_ground(database_url, tmp_path, purposes=("a", "b", "c"), consent=consent) as ground:
        session = await ground.arrive("anna")
        await ground.say_yes(session)
        ended: tuple[Withdrawal, ...] = await withdraw.withdraw_all(ground.world, session)
        assert all(one.quiescent and one.door is DoorState.CLOSED for one in ended)


async def test_an_erasure_leaves_nothing_going_on(database_url: str, tmp_path: Path) -> None:
    consent = Consent(withdraw_wait_seconds=0.5, pod_wait_seconds=0.1)
    async with open_ground(database_url, tmp_path, consent=consent) as ground:
        session = await ground.arrive("anna")
        consents = await ground.say_yes(session)
        dead = Dead(ground)
        report = await erase.erase(ground.world, session)
        assert dead.begun
        assert not any(ground.world.after.is_under_way(one) for one in consents.values())
        assert report.reach.doors == (ground.world.agent(SPACE),)


async def test_an_erasure_by_id_waits_for_the_steps_under_way_as_one_by_the_person_does(
    ground: Ground,
) -> None:
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    async with ground.world.store.transaction() as tx:
        epoch = (await tx.consents.one(consent_id, lock="share")).record.epoch
        fence = await tx.leases.take(consent_id, epoch, "a-run", 300)
    assert fence is not None
    erasing = asyncio.create_task(erase.erase(ground.world, session.person_id))
    for _ in range(100):  # it ends the consent at once, and then waits
        if await _status_of(ground, consent_id) is ConsentStatus.WITHDRAWN:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    assert not erasing.done(), "a step is under way"
    async with ground.world.store.transaction() as tx:
        assert await tx.persons.exists(session.person_id)
        await tx.leases.release(fence)
    assert (await asyncio.wait_for(erasing, 30)).removed["consents"] == 3


async def _status_of(ground: Ground, consent_id: str) -> ConsentStatus:
    async with ground.world.store.transaction() as tx:
        return (await tx.consents.one(consent_id)).record.latest.status


async def test_the_page_says_202_and_where_to_look(database_url: str, tmp_path: Path) -> None:
    consent = Consent(withdraw_wait_seconds=60, pod_wait_seconds=0.2)
    async with open_ground(database_url, tmp_path, consent=consent) as ground:
        session = await ground.arrive("anna")
        (consent_id,) = (await ground.say_yes(session)).values()
        back = asyncio.Event()

        async def never(*arguments: Any) -> Any:
            await back.wait()

        ground.gate.pods.give(session.webid, "https://anna.example/", {})
        ground.gate.pods.close_door = never  # type: ignore[method-assign]
        async with ground.gate.browser(session.webid) as anna:
            async with asyncio.timeout(30):
                done: Answer = await anna.post("/me/withdraw", {})
            assert done.status == 202
            assert f"/consents/{consent_id}/withdraw" in done.text
        back.set()
