"""The whole journey on Enterprise Solid Server, over HTTP, checked in the double's own log."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.ess_ground import EssGround, open_ess_ground


@pytest.fixture(params=["2.x", "3.x"])
async def ground(
    request: pytest.FixtureRequest, database_url: str, data_folder: Path
) -> AsyncIterator[EssGround]:
    """Once on each generation."""
    async with open_ess_ground(database_url, data_folder, request.param) as found:
        yield found


async def test_from_the_login_to_the_withdrawal(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    shown = json.loads((await anna.get(consent, "application/json")).text)
    assert shown["door"] == "requested"
    assert ground.by_agent() == [], "nothing is read before the grant"

    first = await ground.asked(anna, consent)
    assert first.startswith(ground.ess.access_ui_url)
    back = await anna.decide(first)
    assert (back.status, consent in back.url) == (200, True)
    second = await ground.asked(anna, consent)
    assert second != first
    await anna.decide(second)
    shown = json.loads((await anna.get(consent, "application/json")).text)
    assert (shown["door"], len(shown["access"]["grants"])) == ("open", 2)

    await ground.run()
    assert await ground.outcomes() == [("written", None)]
    shown = json.loads((await anna.get(consent, "application/json")).text)
    (result,) = shown["results"]
    assert b"HomeProfile" in (ground.ess.get(result["url"]) or b"")
    pulled = [one for one in ground.by_agent() if one[0] == "GET" and "energy" in one[1]]
    assert len(pulled) >= 12

    page = await anna.get(consent)
    ended = await anna.submit(page, "/withdraw", {})
    assert ended.status == 200, ended.text
    shown = json.loads((await anna.get(consent, "application/json")).text)
    assert (shown["status"], shown["door"]) == ("withdrawn", "closed")
    for grant in shown["access"]["grants"]:
        assert ground.ess.vault.is_revoked(grant)
    mark = ground.mark()
    await ground.run()
    assert ground.by_agent(mark) == [], "nothing is read afterwards"
