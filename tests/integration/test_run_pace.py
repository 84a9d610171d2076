"""How quickly a run goes and how long it will take, told only of as many people as the group size asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from solidgate.errors import DoorTooWide
from solidgate.flow import record, run
from solidgate.flow.run import RunView
from solidgate.run.state import PartState
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker.parts import run_batch


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path) as found:
        yield found


async def begun(ground: Ground, people: int) -> tuple[str, list[str]]:
    """A run that has just begun, and the consents of its parts."""
    consents = [
        (await ground.say_yes(await ground.arrive(f"person-{number}")))["advice"] for number in range(people)
    ]
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    async with ground.world.store.transaction() as tx:
        await tx.runs.begin(run_id, ground.world.clock.now())
    return run_id, consents


async def end(ground: Ground, run_id: str, consents: list[str]) -> None:
    async with ground.world.store.transaction() as tx:
        for consent_id in consents:
            now = ground.world.clock.now()
            assert await tx.runs.advance(run_id, consent_id, PartState.WRITTEN, now)


async def shown(ground: Ground, run_id: str) -> RunView:
    return await run.show(ground.world, CONSUMER, SPACE, run_id)


async def test_rate_and_remaining_time_are_told_from_the_group_size_on(ground: Ground) -> None:
    run_id, consents = await begun(ground, 8)
    assert ((await shown(ground, run_id)).rate, (await shown(ground, run_id)).remaining_seconds) == (
        None,
        None,
    )
    ground.gate.clock.ahead += timedelta(seconds=10)
    await end(ground, run_id, consents[:1])
    assert (await shown(ground, run_id)).rate is None, "one person alone"
    await end(ground, run_id, consents[1:4])
    view = await shown(ground, run_id)
    assert view.rate == pytest.approx(0.4, abs=0.1)
    assert view.remaining_seconds == pytest.approx(10, abs=4)
    ground.gate.clock.ahead += timedelta(seconds=120)
    assert (await shown(ground, run_id)).rate is None, "nobody within the window"
    await end(ground, run_id, consents[4:7])
    view = await shown(ground, run_id)
    assert view.rate == pytest.approx(3 / 60, abs=0.02)
    assert view.remaining_seconds is None, "one person is left, who would be pointed at"
    await end(ground, run_id, consents[7:])
    async with ground.world.store.transaction() as tx:
        await tx.runs.finish_if_done(run_id, ground.world.clock.now())
    assert (await shown(ground, run_id)).rate is None


async def test_the_page_shows_them(ground: Ground) -> None:
    run_id, consents = await begun(ground, 4)
    ground.gate.clock.ahead += timedelta(seconds=10)
    await end(ground, run_id, consents[:2])
    async with ground.gate.browser(CONSUMER.webid) as browser:
        page = await browser.get(f"/spaces/{SPACE}/runs/{run_id}")
        assert "People a second" in page.text
        assert "Seconds left, about" in page.text
        told = await browser.get(f"/spaces/{SPACE}/runs/{run_id}", accept="application/json")
        assert '"rate":' in told.text.replace(" ", "")


async def test_a_door_that_is_too_wide_is_named_on_the_consent(ground: Ground) -> None:
    session = await ground.arrive("anna")
    (consent_id,) = (await ground.say_yes(session)).values()
    held = dict(ground.pods.held)

    async def problem(*modes: str) -> str | None:
        allowed = frozenset(modes)
        ground.pods.held.update({url: replace(one, allowed=allowed) for url, one in held.items()})
        run_id = await run.start(ground.world, CONSUMER, SPACE)
        await run_batch(ground.parts, run_id, [consent_id])
        async with ground.world.store.transaction() as tx:
            assert (await tx.runs.part(run_id, consent_id)).state is PartState.WRITTEN
        return (await record.view(ground.world, session, consent_id)).door_problem

    assert await problem("read") is None
    assert await problem("read", "write") == DoorTooWide.code
    assert await problem("read", "append") == DoorTooWide.code
    async with ground.gate.browser(session.webid) as browser:
        page = await browser.get(f"/consents/{consent_id}")
        assert "Narrow the door to what I agreed to" in page.text
        assert await problem("read") is None
        page = await browser.get(f"/consents/{consent_id}")
        assert "Narrow the door" not in page.text
