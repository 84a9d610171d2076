"""What is known of a door stays so while the pod cannot be asked: it is not called closed for that."""

from __future__ import annotations

from typing import Any

import pytest

from solidgate.errors import FetchUnreachable
from solidgate.flow import door, record
from solidgate.pod.door import DoorState
from solidgate.testing.play import Play


@pytest.mark.parametrize("known", [DoorState.PARTIAL, DoorState.OPEN])
async def test_a_pod_that_is_down_leaves_a_door_as_it_was_known(play: Play, known: DoorState) -> None:
    session = await play.arrive("anna")
    consent_id = (await play.say(session)).record.consent_id
    async with play.world.store.transaction() as tx:
        await tx.doors.put(consent_id, known, None, play.world.clock.now())

    async def down(*arguments: Any) -> Any:
        raise FetchUnreachable

    play.gate.pods.kind_of = down  # type: ignore[method-assign]
    assert await door.open_for(play.world, session, consent_id) == (known, FetchUnreachable.code)
    view = await record.view(play.world, session, consent_id)
    assert (view.door, view.door_problem) == (known, FetchUnreachable.code)
