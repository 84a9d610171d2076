"""An erasure waits for what any gate still does at the pod, in bounded time, and tells what may land."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.tables import leases
from solidgate.flow import erase, withdraw
from solidgate.flow.afterwards import Afterwards
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.settings import Consent
from solidgate.testing.ground import Ground, open_ground
from tests.integration.late_writes import LateWrites

RECEIPT = ".jsonld"


@asynccontextmanager
async def open_pods(url: str, folder: Path, seconds: float) -> AsyncIterator[Ground]:
    consent = Consent(withdraw_wait_seconds=seconds, pod_wait_seconds=0.2, posts_per_minute=100_000)
    async with open_ground(url, folder, consent=consent) as opened:
        yield opened


def another_gate(world: World, seconds: float) -> World:
    """Another process on the same database, which gives up sooner."""
    consent = world.settings.consent.model_copy(update={"withdraw_wait_seconds": seconds})
    settings = world.settings.model_copy(update={"consent": consent})
    return dataclasses.replace(world, after=Afterwards(), settings=settings)


async def withdrawn(ground: Ground) -> tuple[LateWrites, Session, str]:
    """Somebody who withdrew at one gate, which is still copying their receipt."""
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    late = LateWrites(ground, RECEIPT, refused=False)
    await withdraw.withdraw(ground.world, session, consent_id)
    while not late.sent:  # noqa: ASYNC110 - the request is what is waited for
        await asyncio.sleep(0.01)
    return late, session, consent_id


async def rows(world: World) -> int:
    async with world.store.transaction() as tx:
        query = sa.select(sa.func.count()).select_from(leases)
        return int((await tx.connection.execute(query)).scalar_one())


def who(session: Session, by: str) -> Session | str:
    return session if by == "session" else session.person_id


@pytest.mark.parametrize("by", ["session", "id"])
async def test_an_erasure_waits_for_what_another_gate_sends(
    database_url: str, tmp_path: Path, by: str
) -> None:
    async with open_pods(database_url, tmp_path, 60) as ground:
        late, session, consent_id = await withdrawn(ground)
        other = another_gate(ground.world, 60)
        erasing = asyncio.create_task(erase.erase(other, who(session, by)))
        await asyncio.sleep(1)
        assert not erasing.done(), "a copy of the receipt is on its way"
        async with ground.world.store.transaction() as tx:
            assert await tx.persons.exists(session.person_id)
        assert await late.land() is None
        report = await asyncio.wait_for(erasing, 30)
        assert not ground.world.after.is_under_way(consent_id)
        assert report.reach.in_doubt == ()
        assert [url for url in report.reach.pods if f"{consent_id}-3" in url], "the copy is told of"


@pytest.mark.parametrize("by", ["session", "id"])
async def test_an_erasure_that_waited_long_enough_tells_what_may_land(
    database_url: str, tmp_path: Path, by: str
) -> None:
    async with open_pods(database_url, tmp_path, 60) as ground:
        late, session, consent_id = await withdrawn(ground)
        async with asyncio.timeout(30):
            report = await erase.erase(another_gate(ground.world, 0.5), who(session, by))
        assert ground.world.after.is_under_way(consent_id), "that gate knows nothing of it yet"
        assert {url.rpartition(".")[2] for url in report.reach.in_doubt} == {"ttl", "jsonld", "jwt"}
        assert await rows(ground.world) == 0, "its row went with the rest"
        assert await late.land() is None
        (landed,) = [url for url in ground.pods.held if f"{consent_id}-3" in url and url.endswith(RECEIPT)]
        assert landed in report.reach.in_doubt
        await ground.world.after.wait([consent_id], 30)
        assert await rows(ground.world) == 0


async def test_an_erasure_tells_what_it_cut_off_itself(database_url: str, tmp_path: Path) -> None:
    async with open_pods(database_url, tmp_path, 0.5) as ground:
        late, session, _ = await withdrawn(ground)
        report = await erase.erase(ground.world, session)
        assert not late.sent[0].done()
        assert [url for url in report.reach.in_doubt if url.endswith(RECEIPT)]
        assert await rows(ground.world) == 0


async def test_an_erasure_that_is_finished_later_waits_too(database_url: str, tmp_path: Path) -> None:
    async with open_pods(database_url, tmp_path, 60) as ground:
        late, session, _ = await withdrawn(ground)
        tombstones = ground.world.store.tombstones
        tombstones.add(tombstones.of(session.person_id))
        finishing = asyncio.create_task(erase.finish_erasures(another_gate(ground.world, 60)))
        await asyncio.sleep(1)
        assert not finishing.done()
        await late.land()
        assert await asyncio.wait_for(finishing, 30) == 1
