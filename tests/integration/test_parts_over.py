"""Which parts under way are stopped without a notice: those whose consent ended, and no other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from solidgate.adapters.sql.tables import signposts
from solidgate.flow import run, withdraw
from solidgate.run.state import PartState
from solidgate.settings import Worker
from solidgate.testing import ground as grounds
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE, is_signpost
from solidgate.worker.parts import Parts, run_batch


async def silent(url: str, parts: Parts) -> None:
    """A listener whose connection brings nothing."""
    await asyncio.Event().wait()


def held_up(ground: Ground, name: str, at: str = "") -> tuple[asyncio.Event, asyncio.Event]:
    """The first such request of the space is on the wire until the second event."""
    begun, go = asyncio.Event(), asyncio.Event()
    really, agent = getattr(ground.pods, name), ground.world.agent(SPACE)

    async def slow(access, url, *rest, **named):  # type: ignore[no-untyped-def]
        if access.webid == agent and (is_signpost(url) or not at) and not begun.is_set():
            begun.set()
            await go.wait()
        return await really(access, url, *rest, **named)

    setattr(ground.pods, name, slow)
    return begun, go


async def test_a_part_that_leads_to_its_result_is_not_stopped(database_url: str, tmp_path: Path) -> None:
    async with open_ground(database_url, tmp_path) as ground:
        session = await ground.arrive("anna")
        consent_id = (await ground.say_yes(session))["advice"]
        begun, go = held_up(ground, "create", at="signposts")
        run_id = await run.start(ground.world, CONSUMER, SPACE)
        working = asyncio.create_task(run_batch(ground.parts, run_id, [consent_id]))
        await begun.wait()
        async with ground.world.store.transaction() as tx:
            assert (await tx.runs.part(run_id, consent_id)).state is PartState.WRITTEN
        for _ in range(3):
            await ground.parts.sweep()
            await asyncio.sleep(0)
        go.set()
        await working
        async with ground.world.store.transaction() as tx:
            rows = (await tx.connection.execute(signposts.select())).all()
            assert not await tx.leases.open([consent_id])
        assert {row.kind: row.state for row in rows} == {"latest": "written", "index": "written"}


async def test_a_withdrawal_that_no_notice_tells_of_stops_the_part(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grounds, "listen", silent)
    worker = Worker(look_seconds=0.1, heartbeat_seconds=50, lease_seconds=60)
    async with open_ground(database_url, tmp_path, worker=worker) as ground:
        looking = asyncio.create_task(ground.parts.look())
        anna, ben = await ground.arrive("anna"), await ground.arrive("ben")
        hers, his = [(await ground.say_yes(one))["advice"] for one in (anna, ben)]
        begun, go = held_up(ground, "read")
        run_id = await run.start(ground.world, CONSUMER, SPACE)
        working = asyncio.create_task(run_batch(ground.parts, run_id, [hers]))
        await begun.wait()
        found = await withdraw.withdraw(ground.world, anna, hers)
        assert found.quiescent, "long before a heartbeat"
        mark = len(ground.pods.log)
        go.set()
        await asyncio.wait([working])
        agent = ground.world.agent(SPACE)
        assert not [one for one in ground.pods.log[mark:] if one.webid == agent]
        await run_batch(ground.parts, run_id, [his])
        async with ground.world.store.transaction() as tx:
            assert (await tx.runs.part(run_id, hers)).state is PartState.STOPPED
            assert (await tx.runs.part(run_id, his)).state is PartState.WRITTEN
        looking.cancel()


async def test_which_parts_are_over(database_url: str, tmp_path: Path) -> None:
    async with open_ground(database_url, tmp_path) as ground:
        people = {name: await ground.arrive(name) for name in ("anna", "ben", "carla")}
        given = {name: (await ground.say_yes(one))["advice"] for name, one in people.items()}
        run_id = await run.start(ground.world, CONSUMER, SPACE)
        keys = {name: (run_id, consent_id) for name, consent_id in given.items()}
        erased, now = (run_id, "erased"), ground.world.clock.now()
        await run_batch(ground.parts, run_id, [given["ben"]])
        await withdraw.withdraw(ground.world, people["anna"], given["anna"])
        async with ground.world.store.transaction() as tx:
            assert set(await tx.runs.over([*keys.values(), erased], now)) == {keys["anna"], erased}
            ends = (await tx.consents.one(given["carla"])).record.latest.until
            assert ends
            assert keys["carla"] in await tx.runs.over([*keys.values()], ends)
            assert keys["ben"] in await tx.runs.over([*keys.values()], ends), "its consent ended too"
        await run.cancel(ground.world, CONSUMER, SPACE, run_id)
        async with ground.world.store.transaction() as tx:
            assert set(await tx.runs.over([*keys.values()], now)) == set(keys.values())
