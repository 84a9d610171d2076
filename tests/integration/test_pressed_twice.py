"""Whoever presses a button twice is told the same as whoever presses it once."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from solidgate.testing.play import Play
from solidgate.testing.space import new_terms

DOWNLOAD = re.compile(r'href="data:application/vc\+jwt;base64,([^"]+)"')


async def test_an_erasure_pressed_twice_gives_its_one_report_twice(play: Play) -> None:
    """A browser shows the answer to the second press, and this report is shown once and never again."""
    session = await play.arrive("anna")
    await play.say(session)
    close_door = play.gate.pods.close_door

    async def slow(*arguments: Any) -> Any:
        await asyncio.sleep(1)
        return await close_door(*arguments)

    play.gate.pods.close_door = slow  # type: ignore[method-assign]
    async with play.gate.browser(session.webid) as anna:
        first = asyncio.create_task(anna.post("/me/erase", {"choice": "erase"}))
        await asyncio.sleep(0.3)
        pages = [await anna.post("/me/erase", {"choice": "erase"}), await first]
        assert [page.status for page in pages] == [200, 200]
        (report,) = {found for page in pages for found in DOWNLOAD.findall(page.text)}
        assert report
        late = await anna.post("/me/erase", {"choice": "erase"})
        assert late.status == 401, "and never again"


async def test_withdrawing_everything_twice_is_no_fault(play: Play) -> None:
    session = await play.arrive("anna")
    await play.say(session)
    async with play.gate.browser(session.webid) as anna:
        pages = await asyncio.gather(*(anna.post("/me/withdraw", {"results": "keep"}) for _ in range(3)))
        pages.append(await anna.post("/me/withdraw", {"results": "keep"}))
        assert {page.status for page in pages} == {200}
        others = [page.text for page in pages if "nothing more is read" not in page.text]
        assert len(others) < len(pages)
        assert all("There is nothing to withdraw." in text for text in others)
        program = await anna.post("/me/withdraw", {}, "application/json")
        assert (program.status, json.loads(program.content)["code"]) == (403, "consent.not-given")


async def test_a_withdrawal_of_what_ended_otherwise_leads_to_how_it_ended(play: Play) -> None:
    """From a page that was open for long: nobody is told that they never gave it."""
    session = await play.arrive("anna")
    view = await play.say(session)
    own = f"/consents/{view.record.consent_id}"
    await new_terms(play.world)
    async with play.gate.browser(session.webid) as anna:
        pressed = [await anna.post(f"{own}/{one}", {}) for one in ("withdraw", "door/check")]
        for answer in (*pressed, await anna.get(f"{own}/withdraw")):
            assert (answer.status, answer.place) == (303, own)
        assert "Ended by the organisation or the service" in (await anna.get(own)).text
        program = await anna.post(f"{own}/withdraw", {}, "application/json")
        assert (program.status, json.loads(program.content)["code"]) == (403, "consent.not-given")
