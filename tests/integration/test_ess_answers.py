"""What a person may answer on their pod's access page, and what anybody may pretend they did."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from solidgate.errors import (
    AccessDenied,
    AccessGrantEnded,
    AccessGrantNarrowed,
    AccessNotApproved,
    ConsentNotFound,
    ConsentNotGiven,
)
from solidgate.testing.ess import Odd
from solidgate.testing.pod import AwkwardPod
from tests.integration.ess_ground import SECONDS, EssGround, EssVisitor, open_ess_ground


@pytest.fixture
async def ground(database_url: str, data_folder: Path) -> AsyncIterator[EssGround]:
    """Where tokens come by tickets."""
    async with open_ess_ground(database_url, data_folder) as found:
        yield found


async def shown(visitor: EssVisitor, consent: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await visitor.get(consent, "application/json")).text)
    return found


async def told_of_door(visitor: EssVisitor, consent: str) -> list[str]:
    found = json.loads((await visitor.get(f"{consent}/activity", "application/json")).text)
    return [one["action"] for one in found["activity"] if one["action"].startswith("door.")]


async def settled(visitor: EssVisitor, consent: str) -> dict[str, Any]:
    """The consent once its door has a problem to show."""
    for _ in range(int(SECONDS * 10)):
        if (found := await shown(visitor, consent))["door_problem"]:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("nothing happened")


def request_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["requestVcUrl"][0]


async def outcome(ground: EssGround) -> tuple[str, str | None]:
    """A run with one person in it: how their part ended."""
    mark = ground.mark()
    await ground.run()
    (found,) = await ground.outcomes()
    assert found[0] == "written" or not any(status == 200 for *_, status in ground.by_agent(mark))
    return found


async def test_a_denial_is_said_plainly_and_can_be_thought_over(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    link = await ground.asked(anna, consent)
    assert await outcome(ground) == ("failed", AccessNotApproved.code)
    page = await anna.decide(link, answer=("deny",))
    assert "you said no on your pod" in unescape(page.text)
    assert (await shown(anna, consent))["door"] == "denied"
    assert await outcome(ground) == ("failed", AccessDenied.code)
    await anna.submit(page, "/door", {})
    again = await ground.asked(anna, consent)
    assert request_of(again) != request_of(link)
    await ground.open(anna, consent)
    assert (await shown(anna, consent))["door"] == "open"
    at_door = ["door.requested", "door.denied", "door.requested", "door.opened"]
    assert await told_of_door(anna, consent) == at_door
    assert await outcome(ground) == ("written", None)


async def test_less_than_is_needed_is_named_with_what_is_left_out(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    link = await ground.asked(anna, consent)
    asked = (await shown(anna, consent))["record"]["resources"]
    await anna.decide(link, resource=asked[1:])
    page = await anna.decide(await ground.asked(anna, consent))
    found = await shown(anna, consent)
    assert (found["door"], found["door_problem"]) == ("partial", AccessGrantNarrowed.code)
    assert found["access"]["left_out"] == asked[:1]
    assert "Left out by what you approved" in page.text
    assert asked[0] in page.text
    assert await outcome(ground) == ("failed", AccessGrantNarrowed.code)
    await anna.submit(page, "/door", {})
    await anna.decide(await ground.asked(anna, consent))
    found = await shown(anna, consent)
    assert (found["door"], len(found["access"]["grants"])) == ("open", 2)
    ended = await anna.submit(await anna.get(consent), "/withdraw", {})
    assert ended.status == 200
    grants = [one for one in ground.ess.vault.all() if one.kind == "grant"]
    assert len(grants) == 3
    assert all(ground.ess.vault.is_revoked(one.id) for one in grants), "the narrower one as well"


async def test_a_second_answer_leaves_no_grant_behind_the_withdrawal(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    link = await ground.asked(anna, consent)
    await anna.decide(link)
    await anna.decide(link)
    given = {one.id for one in ground.ess.vault.all() if one.kind == "grant"}
    assert len(given) == 2, "two answers to one request"
    await anna.submit(await anna.get(consent), "/withdraw", {})
    assert all(ground.ess.vault.is_revoked(one) for one in given)


async def test_a_grant_revoked_at_the_pod_ends_the_next_run_and_shows(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    await ground.open(anna, consent)
    for grant in (await shown(anna, consent))["access"]["grants"]:
        ground.ess.revoke(grant)
    assert await outcome(ground) == ("failed", AccessGrantEnded.code)
    found = await shown(anna, consent)
    assert (found["door"], found["door_problem"]) == ("closed", AccessGrantEnded.code)
    at_door = await told_of_door(anna, consent)
    assert (at_door[-1], at_door.count("door.opened")) == ("door.found-closed", 1)
    await anna.submit(await anna.get(consent), "/door", {})
    await ground.open(anna, consent)
    assert await outcome(ground) == ("written", None)


async def test_an_answer_after_the_withdrawal_gives_nothing(ground: EssGround) -> None:
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    link = await ground.asked(anna, consent)
    assert (await anna.submit(await anna.get(consent), "/withdraw", {})).status == 200
    ground.ess.misbehave(Odd.CANCELLED_ANSWERED)
    page = await anna.decide(link)
    assert ConsentNotGiven.code in page.text
    (grant,) = [one for one in ground.ess.vault.all() if one.kind == "grant"]
    assert ground.ess.vault.is_revoked(grant.id), "it does not outlive the page that brought it"


async def test_a_service_that_refuses_the_request_is_shown_and_asked_again(ground: EssGround) -> None:
    ground.ess.misbehave(Odd.ISSUE_REFUSED, times=1)
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    found = await settled(anna, consent)
    assert (found["door"], found["access"]["link"]) == ("requested", "")
    page = await anna.get(consent)
    assert found["door_problem"] in page.text
    await anna.submit(page, "/door", {})
    await ground.open(anna, consent)
    assert (await shown(anna, consent))["door"] == "open"


async def test_a_callback_is_believed_in_nothing(ground: EssGround) -> None:
    """Anybody can send a browser there: none of these changes a door."""
    ben = await ground.visitor("benjamin")
    bens = await ground.say_yes(ben)
    bens_request = request_of(await ground.asked(ben, bens))
    bens_grant = ground.ess.approve(bens_request)
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    link = await ground.asked(anna, consent)
    own_request = request_of(link)
    ground.ess.misbehave(Odd.WIDENED, times=1)
    widened = ground.ess.approve(own_request)
    async with AwkwardPod() as stranger:
        hers = stranger.add_person("anna")
        stranger.put(hers.pod + "vc", json.dumps(widened).encode(), "application/json")
        forged = [
            "accessGrantUrl=" + quote(bens_grant["id"]),
            "accessGrantUrl=" + quote(bens_request),
            "accessGrantUrl=" + quote(own_request),
            "accessGrantUrl=" + quote(widened["id"]),
            "accessGrantUrl=" + quote(hers.pod + "vc"),
            "accessGrantUrl=" + quote(ground.ess.vc_url + "/status/1"),
            "accessGrantUrl=javascript:alert(1)",
            "accessGrantUrl=",
            "accessGrant=" + quote(base64.b64encode(json.dumps(bens_grant).encode()).decode()),
            "accessGrant=%7B%7D",
            "",
        ]
        for query in forged:
            page = await anna.get(f"{consent}/access?{query}")
            assert page.status in (400, 502), (query, page.status)
            assert (await shown(anna, consent))["door"] == "requested", query
        assert all(one.agent is None for one in stranger.requests), "nothing is fetched from elsewhere"
        assert not stranger.requests
    strangers = await ben.get(f"{consent}/access?accessGrantUrl={quote(bens_grant['id'])}")
    assert (strangers.status, ConsentNotFound.code in strangers.text) == (404, True)


async def test_an_older_page_sends_the_grant_itself_and_is_believed_as_little(ground: EssGround) -> None:
    ground.ess.misbehave(Odd.GRANT_IN_THE_URL)
    anna = await ground.visitor("anna")
    consent = await ground.say_yes(anna)
    await ground.open(anna, consent)
    assert (await shown(anna, consent))["door"] == "open"
    page = await anna.get(f"{consent}/access?accessGrant={'A' * 64}")
    assert page.status == 400
