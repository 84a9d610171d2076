"""Every error state that a person can meet, as a page: what happened, what is kept, a step that works."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from html import unescape
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from solidgate.errors import PodConflict, PodUnavailable
from solidgate.flow import invite, space
from solidgate.flow.run import RunRow, RunState
from solidgate.run.state import PartState
from solidgate.settings import Consent
from solidgate.space.agreement import digest
from solidgate.testing.gate import Answer, Browser, TestGate, open_gate
from solidgate.testing.terms import ADVICE, STUDY, sample_agreement

ANNA = "https://anna.example/profile/card#me"
POD = "https://anna.example/"
READINGS = {"energy/2025.ttl": b"<#a> <#b> 1 .", "energy/2024.ttl": b"<#a> <#b> 2 ."}
SPACE = "home-energy"
JARGON = re.compile(r"Traceback|\b(NoneType|object at 0x|aiohttp|sqlalchemy)\b")


@dataclass(frozen=True, slots=True)
class Scene:
    """A gate, Anna in it, and a patch that ends before the next step is taken."""

    gate: TestGate
    anna: Browser
    patch: pytest.MonkeyPatch
    tag: str

    async def token(self, uses: int = 0) -> str:
        await space.create(self.gate.world, sample_agreement())
        return await invite.invite(self.gate.world, None, SPACE, uses=uses, days=1)

    async def asked(self) -> str:
        return (await self.anna.get(f"/join/{await self.token()}/request")).place

    async def shown(self, request: str) -> dict[str, str]:
        page = (await self.anna.get(request)).text
        found = {name: re.search(rf'name="{name}" value="([^"]*)"', page) for name in ("shown", "language")}
        return {name: match[1] for name, match in found.items() if match}

    async def say(self, request: str, answer: str = "yes") -> Answer:
        return await self.anna.post(request, {**await self.shown(request), "answer-advice": answer})

    def pods_raise(self, method: str, error: type[Exception]) -> None:
        async def failing(*_: Any, **__: Any) -> Any:
            raise error

        self.patch.setattr(self.gate.pods, method, failing)

    def mend(self) -> None:
        """What was wrong is over: the next step is taken in a world that works."""
        self.patch.undo()
        self.gate.pods.refuses.clear()
        self.gate.clock.ahead += timedelta(seconds=61)


async def unknown_token(scene: Scene) -> Answer:
    return await scene.anna.get("/join/unknown")


async def used_token(scene: Scene) -> Answer:
    token = await scene.token(uses=1)
    scene.gate.pods.give("https://ben.example/#me", "https://ben.example/", READINGS)
    async with scene.gate.browser("https://ben.example/#me") as ben:
        assert (await ben.get(f"/join/{token}/request")).status == 303
    return await scene.anna.get(f"/join/{token}/request")


async def expired_token(scene: Scene) -> Answer:
    token = await scene.token()
    scene.gate.clock.ahead += timedelta(days=2)
    return await scene.anna.get(f"/join/{token}")


async def resource_closed(scene: Scene) -> Answer:
    token = await scene.token()
    scene.gate.pods.refuses |= {"state"}
    return await scene.anna.get(f"/join/{token}/request")


async def resource_busy(scene: Scene) -> Answer:
    token = await scene.token()
    scene.pods_raise("state", PodUnavailable)
    return await scene.anna.get(f"/join/{token}/request")


async def resource_conditional(scene: Scene) -> Answer:
    """A pod that answers 412 where nothing was to be written."""
    token = await scene.token()
    scene.pods_raise("state", PodConflict)
    return await scene.anna.get(f"/join/{token}/request")


async def resource_missing(scene: Scene) -> Answer:
    request = await scene.asked()
    scene.gate.pods.held.clear()
    return await scene.anna.get(f"{request}/preview")


async def receipt_closed(scene: Scene) -> Answer:
    request = await scene.asked()
    scene.gate.pods.refuses |= {"create", "replace"}
    return await scene.anna.get((await scene.say(request)).place)


async def receipt_in_the_way(scene: Scene) -> Answer:
    request = await scene.asked()
    scene.pods_raise("create", PodConflict)
    return await scene.anna.get((await scene.say(request)).place)


async def _run_ended(scene: Scene, state: PartState, outcome: str) -> Answer:
    """A run of one part that ends so, moved as a worker moves it."""
    consent = (await scene.say(await scene.asked())).place
    consent_id, now = consent.rpartition("/")[2], scene.gate.clock.now()
    async with scene.gate.world.store.transaction() as tx:
        terms = sample_agreement()
        ids = ("run-1", SPACE, digest(terms), terms.algorithm)
        await tx.runs.create(RunRow(*ids, RunState.RUNNING, now, now, None))
        for step, code in ((PartState.PULLING, None), (state, outcome)):
            assert await tx.runs.advance("run-1", consent_id, step, now, code)
    return await scene.anna.get(f"{consent}/activity")


async def run_failed(scene: Scene) -> Answer:
    return await _run_ended(scene, PartState.FAILED, "run.timed-out")


async def shape_not_as_expected(scene: Scene) -> Answer:
    return await _run_ended(scene, PartState.REFUSED, "result.shape-violated")


async def withdrawn_while_running(scene: Scene) -> Answer:
    return await _run_ended(scene, PartState.STOPPED, "consent.withdrawn")


async def request_closed(scene: Scene) -> Answer:
    request = await scene.asked()
    fields = await scene.shown(request)
    scene.gate.clock.ahead += timedelta(days=400)
    async with scene.gate.browser(ANNA) as later:
        return await later.post(f"{request}/later", fields, **{"Accept-Language": scene.tag})


async def terms_changed(scene: Scene) -> Answer:
    request = await scene.asked()
    fields = await scene.shown(request)
    await space.publish(scene.gate.world, SPACE, sample_agreement(purposes=(ADVICE, STUDY), version=2))
    return await scene.anna.post(request, {**fields, "answer-advice": "yes"})


async def too_often(scene: Scene) -> Answer:
    consent = (await scene.say(await scene.asked())).place
    await scene.anna.post(f"{consent}/door", {})
    return await scene.anna.post(f"{consent}/door", {})


async def answered_twice(scene: Scene) -> Answer:
    request = await scene.asked()
    fields = {**await scene.shown(request), "answer-advice": "yes"}
    assert (await scene.anna.post(request, fields)).status == 303
    return await scene.anna.post(request, {**fields, "answer-advice": "no"})


async def session_over(scene: Scene) -> Answer:
    consent = (await scene.say(await scene.asked())).place
    scene.gate.clock.ahead += timedelta(hours=13)
    return await scene.anna.post(f"{consent}/withdraw", {})


async def withdrawal_half_done(scene: Scene) -> Answer:
    consent = (await scene.say(await scene.asked())).place
    scene.gate.pods.refuses |= {"close_door", "door_state"}
    return await scene.anna.post(f"{consent}/withdraw", {})


async def nothing_there(scene: Scene) -> Answer:
    return await scene.anna.get("/consents/unknown")


@dataclass(frozen=True, slots=True)
class State:
    """How it comes about, and its page in English: status, heading, what became of things."""

    bring: Callable[[Scene], Awaitable[Answer]]
    status: int
    heading: str
    told: str


STATES = {
    "token unknown": State(
        unknown_token, 404, "This invitation cannot be used", "Nothing about you was kept."
    ),
    "token used": State(used_token, 404, "This invitation cannot be used", "Nothing about you was kept."),
    "token expired": State(
        expired_token, 404, "This invitation cannot be used", "Nothing about you was kept."
    ),
    "resource 403": State(
        resource_closed, 502, "The pod or its provider did not answer as expected", "before is kept"
    ),
    "resource 429": State(
        resource_busy, 502, "The pod or its provider did not answer as expected", "before is kept"
    ),
    "resource 412": State(
        resource_conditional, 502, "The pod or its provider did not answer as expected", "before is kept"
    ),
    "resource 404": State(resource_missing, 200, "", "Not in your pod"),
    "no right to write the receipt": State(receipt_closed, 200, "", "pod.forbidden"),
    "something in the place of the receipt": State(receipt_in_the_way, 200, "", "pod.conflict"),
    "run failed": State(run_failed, 200, "", "It ended without a new result"),
    "shape not as expected": State(shape_not_as_expected, 200, "", "A rule ended it, without a new result"),
    "withdrawn while running": State(
        withdrawn_while_running, 200, "", "It was stopped, without a new result"
    ),
    "request closed": State(request_closed, 403, "This question is closed", "before is kept"),
    "terms changed": State(terms_changed, 409, "What is asked has changed", "Your answer was not recorded."),
    "too often": State(too_often, 429, "That was too often in a short time", "Nothing was recorded"),
    "answered twice": State(
        answered_twice, 409, "You have answered this request", "The first answer stands."
    ),
    "session over": State(
        session_over, 401, "Your session has ended", "Choices not sent are on the page before"
    ),
    "withdrawal half done": State(withdrawal_half_done, 202, "", "remove the access in your pod yourself"),
    "not there": State(nothing_there, 404, "There is nothing here", "before is kept"),
}


@pytest.fixture
async def scene(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str
) -> AsyncIterator[Scene]:
    few = Consent(posts_per_minute=2)
    async with open_gate(database_url, tmp_path, consent=few) as gate, gate.browser(ANNA) as anna:
        gate.pods.give(ANNA, POD, READINGS)
        yield Scene(gate, anna, monkeypatch, tag)


def content(page: str) -> str:
    found = re.search(r'<main id="content".*?>(.*)</main>', page, re.DOTALL)
    assert found
    return re.sub(r'<dd lang="en".*?</dd>', "", found[1], flags=re.DOTALL)


def words_of(part: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]*>", "\n", part).split()))


@cache
def english(tag: str) -> tuple[str, ...]:
    """Whole sentences of ours that this language says otherwise."""
    folder = resources.files("solidgate.web") / "locale" / tag / "LC_MESSAGES"
    with (folder / "solidgate.po").open("rb") as source:
        pairs = [(str(one.id), str(one.string)) for one in read_po(source, locale=tag) if one.id]
    return tuple(text for text, said in pairs if text != said and len(text) > 15 and "{" not in text)


@pytest.mark.parametrize("tag", ["en", "fr", "nl"])
@pytest.mark.parametrize("name", STATES)
async def test_an_error_state_is_a_page_that_leads_on(scene: Scene, name: str, tag: str) -> None:
    state = STATES[name]
    await scene.anna.get(f"/?lang={tag}")
    answer = await state.bring(scene)
    page, main = answer.text, content(answer.text)
    assert answer.status == state.status, page
    assert answer.headers["Content-Language"] == tag
    (heading,) = re.findall(r"<h1[^>]*>(.*?)</h1>", main)
    said = words_of(main)
    if tag == "en":
        assert not state.heading or unescape(heading) == state.heading
        assert state.told in said
    else:
        assert not state.heading or unescape(heading) != state.heading
        assert [text for text in english(tag) if text in said] == []
    assert not JARGON.search(page)
    if state.status >= 400:
        for switch in re.findall(r'<a href="([^"]*)" lang=', page):
            led = await scene.anna.get(unescape(switch))
            assert led.status in (200, 303, state.status), f"{switch} answers {led.status}"
        await scene.anna.get(f"/?lang={tag}")
        assert page.count(answer.headers["X-Request-Id"]) == 1, "the number of the request"
    await leads_on(scene, main)


async def leads_on(scene: Scene, main: str) -> None:
    """Each link of the page, and there is one, answers once the cause is gone."""
    scene.mend()
    links = {unescape(one).partition("#")[0] for one in re.findall(r'<a [^>]*href="(/[^"]*)"', main)}
    assert links - {"/errors"}, "the page leads nowhere"
    for link in sorted(links):
        led = await scene.anna.get(link)
        assert led.status < 400, (link, led.status)
