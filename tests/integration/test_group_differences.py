"""Two results about a group, one taken from the other, are about as many people as a group needs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.tables import aggregates
from solidgate.flow import rights, run, withdraw
from solidgate.testing.play import Play
from solidgate.testing.space import CONSUMER, SPACE

NAMES = ("anna", "ben", "cara", "dirk", "eva")


async def _leave(play: Play, name: str, erased: bool) -> None:
    session = await play.arrive(name)
    if erased:
        await rights.erase(play.world, session)
    else:
        await withdraw.withdraw_all(play.world, session)


async def _released(play: Play) -> bool:
    run_id = await play.run()
    return (await run.show(play.world, CONSUMER, SPACE, run_id)).aggregate


@pytest.mark.parametrize("erased", [False, True], ids=["withdrew", "was erased"])
async def test_nobody_is_computed_from_the_results_before_and_after_they_left(
    play: Play, erased: bool
) -> None:
    """What one person said would be the difference. Two who left are a group, as these terms have it."""
    for name in NAMES:
        await play.person(name)
    assert await _released(play)
    before = await run.aggregate(play.world, CONSUMER, SPACE)
    await _leave(play, NAMES[0], erased)
    assert not await _released(play)
    assert await run.aggregate(play.world, CONSUMER, SPACE) == before
    await _leave(play, NAMES[1], erased)
    assert await _released(play)


async def test_nobody_is_computed_by_way_of_a_result_in_between(play: Play) -> None:
    """Each is held against every earlier one: two join, one of those leaves and one of the first."""
    for name in NAMES[:3]:
        await play.person(name)
    assert await _released(play)
    for name in NAMES[3:]:
        await play.person(name)
    assert await _released(play)
    await _leave(play, NAMES[3], False)
    assert not await _released(play), "one less than before"
    await _leave(play, NAMES[4], False)
    assert await _released(play), "the first group again: nobody is between them"


async def test_two_results_that_are_made_at_the_same_time_keep_their_distance(play: Play) -> None:
    """Both are made before either is released; somebody left between the two runs."""
    for name in NAMES:
        await play.person(name)
    first = await play.run()
    async with play.world.store.transaction() as tx:
        await tx.connection.execute(sa.delete(aggregates))
    await _leave(play, NAMES[0], False)
    quick, slow = asyncio.Event(), asyncio.Event()
    derive = play.world.sandbox.aggregate

    async def held(*given: Any, **named: Any) -> bytes:
        made = await derive(*given, **named)
        slow.set()
        await quick.wait()
        return made

    play.world.sandbox.aggregate = held  # type: ignore[method-assign]
    late = asyncio.create_task(play.run())
    await asyncio.wait_for(slow.wait(), 30)
    async with play.world.store.transaction() as tx:
        await tx.results.release(SPACE, first, b"", len(NAMES), play.world.clock.now())
    quick.set()
    assert not (await run.show(play.world, CONSUMER, SPACE, await late)).aggregate
