"""What the page of a withdrawal says of the pod is so at that moment: slow, down, or while a run reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from solidgate.flow import run
from solidgate.flow.record import ConsentView
from solidgate.settings import Consent
from solidgate.testing.gate import Answer, Browser
from solidgate.testing.play import Play, open_play
from solidgate.testing.space import CONSUMER, SPACE

A_WRITE, LAST_CHANGES = "A write was already on its way", "Our last changes in your pod"
KEPT, OWED, BEGUN = "Kept in your pod", "to be removed as you asked", "What had already begun is being ended"
REMOVED, AGAIN, JSON = "Removed from your pod", "Look again", "application/json"
PLACE = "/consents/{}/withdraw"


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    consent = Consent(withdraw_wait_seconds=1, pod_wait_seconds=1, posts_per_minute=100_000)
    async with open_play(database_url, tmp_path, consent=consent) as opened:
        yield opened


async def _agreed(play: Play) -> tuple[str, ConsentView]:
    """Somebody who said yes: who, and to what."""
    session = await play.arrive("anna")
    return session.webid, await play.say(session)


def _said(page: Answer) -> set[str]:
    every = (A_WRITE, LAST_CHANGES, KEPT, OWED, BEGUN, REMOVED, AGAIN)
    return {text for text in every if text in page.text}


async def _seen_removed(anna: Browser, place: str) -> Answer:
    for _ in range(100):
        page = await anna.get(place)
        if REMOVED in page.text:
            return page
        await asyncio.sleep(0.1)
    raise AssertionError("not removed within ten seconds")


async def test_a_removal_that_the_pod_refuses_is_not_called_kept(play: Play) -> None:
    """Nobody chose to keep it, and nothing was on its way: it is owed, told as owed, and done later."""
    webid, view = await _agreed(play)
    await play.run()
    place, pods = PLACE.format(view.record.consent_id), play.gate.pods
    pods.refuses |= {"remove", "read", "state"}
    async with play.gate.browser(webid) as anna:
        page = await anna.post(place, {"results": "remove"})
        assert (page.status, _said(page) - {LAST_CHANGES}) == (202, {OWED, AGAIN})
        found = json.loads((await anna.get(place, JSON)).text)
        assert (found["results_kept"], len(found["results_to_remove"])) == ([], 1)
        for page in (await anna.get(f"/consents/{view.record.consent_id}"), await anna.get("/me/results")):
            assert f'href="{place}"' in page.text
        pods.refuses.clear()
        assert {OWED, KEPT}.isdisjoint(_said(await _seen_removed(anna, place)))


async def test_a_removal_alone_that_is_owed_is_no_end(play: Play) -> None:
    """All else is done, so nothing is in doubt; the answer is a 202 all the same."""
    webid, view = await _agreed(play)
    await play.run()
    play.gate.pods.refuses.add("read")
    async with play.gate.browser(webid) as anna:
        page = await anna.post(PLACE.format(view.record.consent_id), {"results": "remove"})
    assert (page.status, OWED in page.text, KEPT in page.text) == (202, True, False)


async def test_a_slow_copy_of_the_receipt_is_no_result_on_its_way(play: Play) -> None:
    webid, view = await _agreed(play)
    create = play.gate.pods.create

    async def slow(*arguments: Any) -> Any:
        await asyncio.sleep(5)
        return await create(*arguments)

    play.gate.pods.create = slow  # type: ignore[method-assign]
    async with play.gate.browser(webid) as anna:
        page = await anna.post(PLACE.format(view.record.consent_id), {})
    assert (page.status, _said(page)) == (202, {LAST_CHANGES, AGAIN})
    assert page.text.count("<code>https://anna.example/solidgate/receipts/") == 3


async def test_a_read_under_way_is_no_write_on_its_way(play: Play) -> None:
    """In the middle of a run: the page tells that something had begun, and lists nothing."""
    webid, view = await _agreed(play)
    reading, back = asyncio.Event(), asyncio.Event()

    async def hanging(*arguments: Any, **more: Any) -> Any:
        reading.set()
        await back.wait()

    play.gate.pods.read = hanging  # type: ignore[method-assign]
    run_id = await run.start(play.world, CONSUMER, SPACE)
    working = asyncio.create_task(play.work(run_id))
    await asyncio.wait_for(reading.wait(), 10)
    async with play.gate.browser(webid) as anna:
        page = await anna.post(PLACE.format(view.record.consent_id), {})
    assert (page.status, _said(page)) == (202, {BEGUN, AGAIN})
    play.parts.stop("*", view.record.consent_id)
    back.set()
    await working
    assert await play.outcome(run_id, view) == ("stopped", "consent.withdrawn")


async def test_a_way_on_is_written_once(play: Play) -> None:
    """An apostrophe in what can be done is an apostrophe on the page."""
    webid, view = await _agreed(play)
    play.gate.pods.refuses.add("create")
    async with play.gate.browser(webid) as anna:
        await anna.post(PLACE.format(view.record.consent_id), {})
        page = await anna.get(f"/consents/{view.record.consent_id}")
    assert "pod.forbidden" in page.text
    assert "&amp;#39;" not in page.text
