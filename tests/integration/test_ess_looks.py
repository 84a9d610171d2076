"""On Enterprise Solid Server, too, a change leads to a run: the space looks by what the owner granted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from solidgate.flow import look
from solidgate.testing.energy import energy_documents
from solidgate.testing.space import SPACE
from tests.integration.ess_ground import SECONDS, EssGround, open_ess_ground


@pytest.fixture(params=["2.x", "3.x"])
async def ground(
    request: pytest.FixtureRequest, database_url: str, data_folder: Path
) -> AsyncIterator[EssGround]:
    """Once on each generation; the space runs on change."""
    async with open_ess_ground(database_url, data_folder, request.param, rerun="on-change") as found:
        yield found


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if await holds():
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"not within {SECONDS:g} s: {what}")


async def test_a_change_that_nobody_told_of_is_found_with_the_grant(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = (await ground.say_yes(anna)).rsplit("/", 1)[1]
    await ground.open(anna, f"/consents/{consent}")
    world = ground.world
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent)

    async def looked() -> None:
        """At once: nobody waits for the sweep's own time."""
        async with world.store.transaction() as tx:
            await tx.watches.look_next(consent, world.clock.now())
        await look.sweep(world)

    async def seen() -> bool:
        async with world.store.transaction() as tx:
            found = await tx.sightings.unlocked(stored.person_id, consent)
        return len(found) == len(stored.record.resources)

    await looked()
    await until(seen, "each document is seen once, with the grant")
    (path, content), *_ = energy_documents(7).items()
    person = next(one for one in ground.ess.ground.people.values() if one.name == "anna")
    ground.ess.put(person.pod + path, content)

    async def again() -> bool:
        async with world.store.transaction() as tx:
            return bool(await tx.runs.of_space(SPACE, 1))

    await looked()
    await until(again, "the change leads to a run")
