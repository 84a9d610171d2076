"""A withdrawal tells the same numbers however often it is asked for, and claims no more than is so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.tables import deliveries
from solidgate.flow import run
from solidgate.identity.login import Session
from solidgate.run.delivery import DeliveryState
from solidgate.settings import Consent
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker.parts import run_batch

FINDING_OUT, NOT_FOUND_OUT = "We are finding out", "We could not find out within 24 hours"
JSON = "application/json"
TOLD = ("Results taken out of the organisation's queries: 1", "Running work stopped: 1")
ENDED, BEGUN = "nothing more is read, computed or written", "nothing new has begun"


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    consent = Consent(withdraw_wait_seconds=1, pod_wait_seconds=5, posts_per_minute=100_000)
    async with open_ground(database_url, tmp_path, consent=consent) as opened:
        yield opened


async def hanging(*arguments: Any) -> Any:
    """What a pod does that takes a request and says nothing."""
    await asyncio.Event().wait()


async def test_a_pod_that_hangs_makes_no_withdrawal_late(database_url: str, tmp_path: Path) -> None:
    """It was stored: whoever asked is told so, however little time a request has besides."""
    consent = Consent(withdraw_wait_seconds=1, pod_wait_seconds=2, posts_per_minute=100_000)
    async with open_ground(database_url, tmp_path, consent=consent) as ground:
        object.__setattr__(ground.gate.world.settings.server, "request_timeout", 1)
        session = await ground.arrive("anna")
        ground.gate.pods.give(session.webid, "https://anna.example/", {})
        consent_id = (await ground.say_yes(session))["advice"]
        ground.gate.pods.close_door = hanging  # type: ignore[method-assign]
        async with ground.gate.browser(session.webid) as anna:
            answered = await anna.post(f"/consents/{consent_id}/withdraw", {}, JSON)
        assert answered.status == 202


async def working(ground: Ground) -> tuple[Session, str]:
    """Somebody with one result in their pod, and one run that waits."""
    session = await ground.arrive("anna")
    ground.gate.pods.give(session.webid, "https://anna.example/", {})
    consent_id = (await ground.say_yes(session))["advice"]
    await run_batch(ground.parts, await run.start(ground.world, CONSUMER, SPACE), [consent_id])
    await run.start(ground.world, CONSUMER, SPACE)
    return session, consent_id


async def test_every_answer_tells_the_numbers_of_the_first(ground: Ground) -> None:
    session, consent_id = await working(ground)
    place = f"/consents/{consent_id}/withdraw"
    async with ground.gate.browser(session.webid) as anna:
        pages = [await anna.post(place, {}), await anna.get(place), await anna.post(place, {})]
        pages.append(await anna.post(place, {"results": "remove"}))
        for page in pages:
            assert [line for line in TOLD if line not in page.text] == []
        for answer in (await anna.get(place, JSON), await anna.post(place, {}, JSON)):
            found = json.loads(answer.text)
            assert (found["results_removed"], found["stopped"]) == (1, 1)
    async with ground.world.store.transaction() as tx:
        row = await tx.withdrawals.one(consent_id)
    assert (row.results_removed, row.stopped) == (1, 1)


async def test_a_page_claims_the_end_only_when_it_has_come(ground: Ground) -> None:
    session, consent_id = await working(ground)
    back, place = asyncio.Event(), f"/consents/{consent_id}/withdraw"
    really = ground.gate.pods.close_door
    object.__setattr__(ground.gate.world.settings.consent, "pod_wait_seconds", 0.1)
    object.__setattr__(ground.gate.world.settings.consent, "withdraw_wait_seconds", 60)

    async def late(*arguments: Any) -> Any:
        await back.wait()
        return await really(*arguments)

    ground.gate.pods.close_door = late  # type: ignore[method-assign]
    async with ground.gate.browser(session.webid) as anna:
        page = await anna.post(place, {})
        assert (page.status, ENDED in page.text, BEGUN in page.text) == (202, False, True)
        back.set()
        await ground.gate.world.after.wait([consent_id], 30)
        object.__setattr__(
            ground.gate.world.settings.consent, "pod_wait_seconds", 10
        )  # asking begins what is owed
        page = await anna.get(place)
        assert (page.status, ENDED in page.text, BEGUN in page.text) == (200, True, False)


async def test_what_stays_in_doubt_is_told_as_such_after_its_hours(ground: Ground) -> None:
    session, consent_id = await working(ground)
    place = f"/consents/{consent_id}/withdraw"
    async with ground.world.store.transaction() as tx:  # a write whose outcome nobody knows
        await tx.connection.execute(sa.update(deliveries).values(state=DeliveryState.PLANNED.value))
    ground.gate.pods.refuses.update({"state", "read", "create", "remove"})
    async with ground.gate.browser(session.webid) as anna:
        page = await anna.post(place, {})
        assert (page.status, FINDING_OUT in page.text, NOT_FOUND_OUT in page.text) == (202, True, False)
        doubts = json.loads((await anna.get(place, JSON)).text)
        assert (bool(doubts["in_doubt"]), doubts["unresolved"], doubts["doubt_hours"]) == (True, [], 24)
    ground.gate.clock.ahead += timedelta(hours=25)
    async with ground.gate.browser(session.webid) as anna:
        page = await anna.get(place)
        assert (page.status, FINDING_OUT in page.text, NOT_FOUND_OUT in page.text) == (202, False, True)
        found = json.loads((await anna.get(place, JSON)).text)
        assert found["unresolved"] == found["in_doubt"] != []
        assert all(f'<a href="{url}">' in page.text for url in found["unresolved"])
