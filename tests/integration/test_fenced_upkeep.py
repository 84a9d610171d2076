"""Housekeeping works for consents that hold, under leases of its own: a withdrawal ends that work too.

The pod's own log judges: once a withdrawal was answered, in whichever way, the space begins nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from solidgate.adapters.sql.tables import deliveries, leases
from solidgate.consent.status import ConsentStatus
from solidgate.errors import EpochPassed, FetchTimedOut, PodForbidden
from solidgate.flow import erase, reconcile, record, run, withdraw
from solidgate.flow.tenure import tenure
from solidgate.flow.withdraw import Withdrawal
from solidgate.identity.login import Session
from solidgate.settings import Worker
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE, is_signpost
from solidgate.worker.house import keep_house
from solidgate.worker.parts import run_batch


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    worker = Worker(lease_seconds=20, heartbeat_seconds=15)
    async with open_ground(database_url, tmp_path, worker=worker, wait=0.6) as opened:
        yield opened


async def written(ground: Ground) -> tuple[Session, str]:
    """Anna, whose result and signposts stand in her pod and are due to be looked at."""
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    await run_batch(ground.parts, run_id, [consent_id])
    ground.gate.clock.ahead += timedelta(hours=31)
    return session, consent_id


def by_space(ground: Ground, mark: int) -> list[str]:
    agent = ground.world.agent(SPACE)
    return [f"{one.what} {one.url}" for one in ground.pods.log[mark:] if one.webid == agent]


async def becomes_quiescent(ground: Ground, session: Session, consent_id: str) -> None:
    """Asked again, as its person may: on a busy machine the pod's turn may be over before it was done."""
    for _ in range(50):
        if (await withdraw.status(ground.world, session, consent_id)).quiescent:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("never quiescent")


async def answered_meanwhile(ground: Ground, session: Session, consent_id: str) -> Withdrawal:
    """A withdrawal that is answered while the first read of housekeeping is still on the wire."""
    begun, go = asyncio.Event(), asyncio.Event()
    really, agent = ground.pods.read, ground.world.agent(SPACE)

    async def slow(access, url, *rest, **named):  # type: ignore[no-untyped-def]
        try:
            return await really(access, url, *rest, **named)
        finally:
            if access.webid == agent and not begun.is_set():
                begun.set()
                await go.wait()

    ground.pods.read = slow  # type: ignore[method-assign]
    keeping = asyncio.create_task(keep_house(ground.enclave))
    await begun.wait()
    found = await withdraw.withdraw(ground.world, session, consent_id)
    mark = len(ground.pods.log)
    go.set()
    await keeping
    assert by_space(ground, mark) == [], "after the answer nothing begins, whatever was planned"
    return found


@pytest.mark.parametrize("gone", [False, True], ids=["the result stands", "the result is gone"])
async def test_a_look_at_results_goes_no_further_than_the_answer(ground: Ground, gone: bool) -> None:
    session, consent_id = await written(ground)
    if gone:  # then the signposts would follow
        (kept,) = (await record.view(ground.world, session, consent_id)).results
        del ground.pods.held[kept.url]
    found = await answered_meanwhile(ground, session, consent_id)
    assert not found.quiescent, "the request on the wire holds the lease"
    await becomes_quiescent(ground, session, consent_id)


async def test_a_look_at_signposts_goes_no_further_than_the_answer(ground: Ground) -> None:
    session, consent_id = await written(ground)
    async with ground.world.store.transaction() as tx:
        never = ground.world.clock.now() + timedelta(days=9)
        await tx.connection.execute(deliveries.update().values(next_look=never))
    found = await answered_meanwhile(ground, session, consent_id)
    assert not found.quiescent
    await becomes_quiescent(ground, session, consent_id)


async def test_attempts_within_one_request_are_fenced_too(ground: Ground) -> None:
    """A pod that says ``try again later`` is tried again by the adapter: what is signed then is nothing."""
    session, consent_id = await written(ground)
    async with tenure(ground.world, consent_id) as held:
        agent = ground.world.agent(SPACE)
        fenced = held.fenced(await ground.enclave.keys.access_for(SPACE))
        now = ground.world.clock.now()
        assert fenced.headers("GET", "https://anna.example/x", now)
        found = await withdraw.withdraw(ground.world, session, consent_id)
        assert not found.quiescent
        with pytest.raises(Exception, match=r"no consent|changed") as refused:
            fenced.headers("GET", "https://anna.example/x", now)
        assert fenced.webid == agent
        assert refused.value.code in ("consent.not-given", EpochPassed.code)  # type: ignore[attr-defined]
    await becomes_quiescent(ground, session, consent_id)


async def test_an_answer_to_a_later_write_tells_nothing_about_an_earlier_one(ground: Ground) -> None:
    _, consent_id = await written(ground)

    async def effect(fault: Exception | None) -> None:
        if fault is not None:
            raise fault

    async with tenure(ground.world, consent_id) as held:
        with pytest.raises(FetchTimedOut):
            await held.answered(effect(FetchTimedOut()))
        await held.answered(effect(None))
        with pytest.raises(PodForbidden):
            await held.answered(effect(PodForbidden()))
    async with ground.world.store.transaction() as tx:
        assert await tx.leases.open([consent_id])


async def test_a_signpost_in_doubt_is_told_and_holds_the_200(ground: Ground) -> None:
    session, consent_id = await written(ground)
    reads, replaces = ground.pods.read, ground.pods.replace

    async def silent(access, url, *rest, **named):  # type: ignore[no-untyped-def]
        if is_signpost(url):
            raise FetchTimedOut()
        return await reads(access, url, *rest, **named)

    ground.pods.read = silent  # type: ignore[method-assign]
    found = await withdraw.withdraw(ground.world, session, consent_id)
    assert not found.quiescent
    assert found.in_doubt
    assert all(is_signpost(url) for url in found.in_doubt)
    ground.pods.read, ground.pods.replace = reads, replaces  # type: ignore[method-assign]
    await becomes_quiescent(ground, session, consent_id)


async def test_a_write_of_housekeeping_without_an_answer_keeps_its_lease(ground: Ground) -> None:
    """It may still land: the withdrawal is not called quiescent by the lease, nor by the signpost."""
    session, consent_id = await written(ground)
    (kept,) = (await record.view(ground.world, session, consent_id)).results
    del ground.pods.held[kept.url]
    reads, seen = ground.pods.read, 0

    async def unanswered(access, url, *rest):  # type: ignore[no-untyped-def]
        raise FetchTimedOut()

    async def silent(access, url, *rest, **named):  # type: ignore[no-untyped-def]
        nonlocal seen
        seen += is_signpost(url)
        if is_signpost(url) and seen > 1:
            raise FetchTimedOut()
        return await reads(access, url, *rest, **named)

    ground.pods.replace = ground.pods.remove = unanswered  # type: ignore[method-assign]
    ground.pods.read = silent  # type: ignore[method-assign]
    (due,) = [one for one in await reconcile.results_due(ground.world) if one.consent_id == consent_id]
    access = await ground.enclave.keys.access_for(SPACE)
    await reconcile.look(ground.world, access, due.run_id, consent_id)
    async with ground.world.store.transaction() as tx:
        assert await tx.leases.open([consent_id])
        assert await tx.signposts.waiting(session.person_id, consent_id)
        assert (await tx.consents.one(consent_id)).record.latest.status is ConsentStatus.GIVEN
        await tx.connection.execute(leases.delete())
    found = await withdraw.withdraw(ground.world, session, consent_id)
    assert not found.quiescent, "the lease has lapsed; what it may have left has not"


async def test_an_erasure_names_a_signpost_in_doubt(ground: Ground) -> None:
    session, _ = await written(ground)
    reads = ground.pods.read

    async def silent(access, url, *rest, **named):  # type: ignore[no-untyped-def]
        if is_signpost(url):
            raise FetchTimedOut()
        return await reads(access, url, *rest, **named)

    async def unanswered(access, url, *rest):  # type: ignore[no-untyped-def]
        raise FetchTimedOut()

    # One whose tag is known is replaced without a look, so both have to fail.
    ground.pods.read, ground.pods.replace = silent, unanswered  # type: ignore[method-assign]
    report = await erase.erase(ground.world, session)
    assert len([url for url in report.reach.in_doubt if is_signpost(url)]) == 2
    assert not [url for url in report.reach.pods if is_signpost(url)]
