"""Two results about a group, one taken from the other, are about as many people as a group needs."""

from __future__ import annotations

import pytest

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
