"""A yes that is recorded is told as one, however long the pod takes; what it owes there goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from solidgate.flow import ask, consent, rights
from solidgate.flow.consent import name_at_pod
from solidgate.pod.door import DoorState
from solidgate.settings import Consent
from solidgate.testing.play import Play, open_play


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    quick = Consent(door_wait_seconds=0.3, withdraw_wait_seconds=1, pod_wait_seconds=1)
    async with open_play(database_url, tmp_path, consent=quick) as opened:
        yield opened


class Slow:
    """A pod whose access control is not changed before it is let."""

    def __init__(self, play: Play) -> None:
        self.let, self._open = asyncio.Event(), play.gate.pods.open_door
        play.gate.pods.open_door = self.open_door  # type: ignore[method-assign]

    async def open_door(self, *arguments: Any) -> DoorState:
        await self.let.wait()
        return await self._open(*arguments)


async def test_the_answer_is_told_and_the_door_opens_after_it(play: Play) -> None:
    session, slow = await play.arrive("anna"), Slow(play)
    request_id = await ask.ask(play.world, session, play.token)
    shown = (await consent.review(play.world, session, request_id, "en")).notice.digest
    async with play.gate.browser(session.webid) as anna:
        fields = {"shown": shown, "language": "en", "answer-advice": "yes"}
        answer = await anna.post(f"/requests/{request_id}", fields)
        assert (answer.status, answer.place.rpartition("/")[0]) == (303, "/consents")
        page = (await anna.get(answer.place)).text
        assert "You said yes" in page
        assert "The copy is not in your pod yet. Your answer counts all the same." in page
        assert "It is being opened now." in page
        assert "Open: your pod lets the space read" not in page
        assert 'action="' + answer.place + '/door"' not in page
        slow.let.set()
        await play.world.after.wait([name_at_pod(request_id)], 20)
        page = (await anna.get(answer.place)).text
        assert "Open: your pod lets the space read" in page
        assert "A copy is in your pod:" in page


async def test_nothing_goes_on_after_an_erasure(play: Play) -> None:
    session, slow = await play.arrive("anna"), Slow(play)
    view = await play.say(session)
    assert play.world.after.is_under_way(name_at_pod(view.record.request_id))
    await rights.erase(play.world, session)
    assert not play.world.after.is_under_way(name_at_pod(view.record.request_id))
    slow.let.set()
    await asyncio.sleep(0.2)
    assert (session.webid, play.world.agent("home-energy")) not in play.gate.pods.doors


async def test_a_withdrawal_ends_an_opening_that_goes_on(play: Play) -> None:
    session, slow = await play.arrive("anna"), Slow(play)
    view = await play.say(session)
    place = f"/consents/{view.record.consent_id}/withdraw"
    async with play.gate.browser(session.webid) as anna:
        assert (await anna.post(place, {})).status == 202
        slow.let.set()
        await play.world.after.wait([name_at_pod(view.record.request_id)], 20)
        await play.world.after.wait([view.record.consent_id], 20)
        assert "The door is closed" in (await anna.get(place)).text
    assert (session.webid, play.world.agent("home-energy")) not in play.gate.pods.doors
