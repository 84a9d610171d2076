"""What an answer does to runs: a no is not read, a yes needs its documents and a request that is open."""

from __future__ import annotations

from datetime import timedelta

import pytest

from solidgate.errors import (
    RequestClosed,
    RequiredMissing,
    SolidgateError,
)
from solidgate.flow import ask, consent
from solidgate.pod.door import DoorState
from solidgate.testing.energy import energy_documents
from solidgate.testing.play import Play
from solidgate.testing.space import SPACE, answer


async def test_a_no_is_recorded_and_nothing_is_read(play: Play) -> None:
    await play.person("yes-one")
    await play.person("yes-two")
    view = await play.person("carol", yes=False)
    assert view.door is None
    run_id = await play.run()
    with pytest.raises(SolidgateError):
        await play.outcome(run_id, view)
    assert (view.record.data_subject, play.world.agent(SPACE)) not in play.gate.pods.doors


async def test_a_yes_needs_the_documents_that_are_needed(play: Play) -> None:
    """Without them only a no is possible; once they are there, opening the request again finds them."""
    session = await play.arrive("anna", documents=False)
    request = await ask.ask(play.world, session, play.token)
    shown = await consent.review(play.world, session, request, "en")
    assert len(shown.missing) == 12
    with pytest.raises(RequiredMissing):
        await answer(play.world, session, request)
    play.gate.pods.give(session.webid, "https://anna.example/", energy_documents(1))
    again = await consent.review(play.world, session, request, "en")
    assert again.missing == ()
    (view,) = await answer(play.world, session, request)
    assert view.door is DoorState.OPEN


async def test_a_request_is_closed_after_its_time(play: Play) -> None:
    session = await play.arrive("anna")
    request = await ask.ask(play.world, session, play.token)
    shown = await consent.review(play.world, session, request, "en")
    play.gate.clock.ahead = timedelta(days=31)
    with pytest.raises(RequestClosed):
        await consent.answer(
            play.world,
            session,
            request,
            shown=shown.notice.digest,
            language="en",
            answers={"advice": True},
        )
