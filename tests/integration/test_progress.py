"""Progress as it happens: every step with its time, resumed where a browser stopped, and never who."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from solidgate.errors import ConsentNotFound, RoleMissing
from solidgate.flow import invite, progress, record, run, space, withdraw
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Caller
from solidgate.run.state import PartState
from solidgate.settings import Progress
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.space import join
from solidgate.testing.terms import CONSUMER, sample_agreement
from solidgate.web.lifecycle import LIFECYCLE

ANNA = "https://anna.example/profile/card#me"
BEN = "https://ben.example/profile/card#me"
SPACE = "home-energy"
JOURNEY = [PartState.PULLING, PartState.RUNNING, PartState.VALIDATING, PartState.WRITING, PartState.WRITTEN]
QUICK = Progress(poll_seconds=0.05, heartbeat_seconds=0.2, stream_seconds=20, streams=4)


@dataclass
class Scene:
    """Anna said yes; a run of one part stands in the database, moved by the test as a worker moves it."""

    gate: TestGate
    anna: Browser
    view: ConsentView
    run_id: str

    @property
    def events(self) -> str:
        return f"/consents/{self.view.record.consent_id}/events"

    async def move(self, state: PartState, outcome: str | None = None) -> None:
        async with self.gate.world.store.transaction() as tx:
            now = self.gate.clock.now()
            assert await tx.runs.advance(self.run_id, self.view.record.consent_id, state, now, outcome)
            await tx.runs.finish_if_done(self.run_id, now)


@pytest.fixture
async def scene(database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_gate(database_url, tmp_path, progress=QUICK) as gate:
        gate.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b"<#a> <#b> 1 ."})
        async with gate.browser(ANNA) as anna:
            view = await said_yes(gate, anna)
            run_id = "run-1"
            async with gate.world.store.transaction() as tx:
                agreement = view.record.agreement_digest
                now = gate.clock.now()
                row = run.RunRow(
                    run_id, SPACE, agreement, view.agreement.algorithm, run.RunState.RUNNING, now, now, None
                )
                await tx.runs.create(row)
            yield Scene(gate, anna, view, run_id)


async def said_yes(gate: TestGate, person: Browser) -> ConsentView:
    session = person.session
    assert session
    await space.create(gate.world, sample_agreement())
    token = await invite.invite(gate.world, None, SPACE, uses=0, days=1)
    (view,) = await join(gate.world, session, token)
    return view


async def read(
    person: Browser, path: str, *, until: str, after: str = "", lang: str = "en"
) -> tuple[list[dict[str, str]], str]:
    """The events of a stream up to the one whose data holds ``until``; and everything as it came."""
    headers = {"Accept": "text/event-stream", "Accept-Language": lang}
    headers |= {"Last-Event-ID": after} if after else {}
    url = person.gate.url.rstrip("/") + path
    text = ""
    async with asyncio.timeout(15), person.client.get(url, headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        async for piece in response.content.iter_any():
            text += piece.decode()
            if until in text and text.endswith("\n\n"):
                break
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("id:")]
    return [dict(line.split(": ", 1) for line in block) for block in blocks], text  # type: ignore[misc]


def actions(events: list[dict[str, str]]) -> list[str]:
    return [json.loads(event["data"])["action"] for event in events]


BEFORE = ["consent.requested", "consent.given", "door.opened", "run.queued"]
ALL = [*BEFORE, *(f"run.{state.value}" for state in JOURNEY)]


async def test_each_step_comes_as_it_is_taken(scene: Scene) -> None:
    reading = asyncio.create_task(read(scene.anna, scene.events, until="run.written"))
    for state in JOURNEY:
        await asyncio.sleep(0.12)
        await scene.move(state)
    events, text = await reading
    assert actions(events) == ALL
    assert len({event["id"] for event in events}) == len(events)
    assert text.startswith("retry: ")
    times = [json.loads(event["data"])["at"] for event in events]
    assert times == sorted(times)
    assert len(set(times[len(BEFORE) :])) == len(JOURNEY)


async def test_a_browser_goes_on_where_it_stopped(scene: Scene) -> None:
    events, _ = await read(scene.anna, scene.events, until="run.queued")
    await scene.move(PartState.PULLING)
    later, _ = await read(scene.anna, scene.events, until="run.pulling", after=events[-1]["id"])
    assert actions(later) == ["run.pulling"]
    again, _ = await read(scene.anna, scene.events, until="run.pulling", after="no id of ours")
    assert actions(again) == ALL[:5]


async def test_the_words_are_in_the_person_s_language(scene: Scene) -> None:
    for lang, word in (("en", "You said yes"), ("fr", "Vous avez dit oui"), ("nl", "U hebt ja gezegd")):
        events, _ = await read(scene.anna, scene.events, until="run.queued", lang=lang)
        assert json.loads(events[1]["data"])["text"] == word


async def test_a_silent_stream_shows_that_it_lives(scene: Scene) -> None:
    _, text = await read(scene.anna, scene.events, until=": still here")
    assert text.count(": still here\n\n") >= 1


async def test_a_stream_ends_with_the_consent_and_is_not_begun_again(scene: Scene) -> None:
    session = scene.anna.session
    assert session
    reading = asyncio.create_task(read(scene.anna, scene.events, until="never"))
    await asyncio.sleep(0.2)
    await withdraw.withdraw(scene.gate.world, session, scene.view.record.consent_id)
    events, _ = await reading  # it ends by itself
    told = actions(events)
    assert {"consent.withdrawn", "run.stopped", "door.closed"} <= set(told)
    assert len(set(told)) == len(told)
    answer = await scene.anna.get(scene.events, "text/event-stream", **{"Last-Event-ID": events[-1]["id"]})
    assert answer.status == 204


async def test_a_gate_that_is_to_stop_ends_its_streams(scene: Scene) -> None:
    reading = asyncio.create_task(read(scene.anna, scene.events, until="never"))
    await asyncio.sleep(0.3)
    scene.gate.app[LIFECYCLE].draining = True
    await asyncio.wait_for(reading, 2)


async def test_streams_have_a_limit_that_is_given_back(scene: Scene) -> None:
    url = scene.gate.url.rstrip("/") + scene.events
    async with AsyncExitStack() as stack:
        for _ in range(QUICK.streams):
            assert (await stack.enter_async_context(scene.anna.client.get(url))).status == 200
        assert (await scene.anna.get(scene.events, "application/json")).status == 429
    async with asyncio.timeout(5):
        while (await scene.anna.client.head(url)).status != 200:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.05)


async def test_nobody_else_listens(scene: Scene) -> None:
    async with scene.gate.browser() as nobody:
        assert (await nobody.get(scene.events, "text/event-stream")).status == 401
    async with scene.gate.browser(BEN) as ben:
        assert (await ben.get(scene.events, "text/event-stream")).status == 404
        assert ben.session
        with pytest.raises(ConsentNotFound):
            await anext(progress.events(scene.gate.world, ben.session, scene.view.record.consent_id))
    with pytest.raises(RoleMissing):
        await anext(progress.run_events(scene.gate.world, Caller(ANNA), SPACE, scene.run_id))


async def test_the_page_has_every_step_with_its_time(scene: Scene) -> None:
    for state in JOURNEY:
        await scene.move(state)
    session = scene.anna.session
    assert session
    shown = await record.view(scene.gate.world, session, scene.view.record.consent_id)
    assert [line.action for line in shown.activity] == ALL


async def test_a_part_that_is_final_leaves_no_more_steps(scene: Scene) -> None:
    await scene.move(PartState.FAILED, "pod.not-found")
    async with scene.gate.world.store.transaction() as tx:
        now = scene.gate.clock.now()
        consent_id = scene.view.record.consent_id
        assert not await tx.runs.advance(scene.run_id, consent_id, PartState.WRITTEN, now)
        steps = await tx.runs.steps_of(consent_id)
    assert [(step.state, step.outcome) for step in steps] == [
        (PartState.QUEUED, None), (PartState.FAILED, "pod.not-found"),
    ]  # fmt: skip


async def test_an_organisation_hears_counts_and_never_who(scene: Scene) -> None:
    path = f"/spaces/{SPACE}/runs/{scene.run_id}/events"
    async with scene.gate.browser(CONSUMER) as consumer:
        reading = asyncio.create_task(read(consumer, path, until='"finished"'))
        for state in JOURNEY:
            await asyncio.sleep(0.12)
            await scene.move(state)
        events, text = await reading
        answer = await consumer.get(path, "text/event-stream", **{"Last-Event-ID": events[-1]["id"]})
    assert answer.status == 204
    assert "anna" not in text
    assert scene.view.record.consent_id not in text
    counts = [json.loads(event["data"])["run"]["counts"] for event in events]
    floor = f"<{scene.view.agreement.min_group_size}"
    assert {count for one in counts for count in one.values()} == {0, floor}  # one person is below the floor
    assert json.loads(events[-1]["data"])["run"]["state"] == "finished"


async def test_a_head_request_opens_no_stream(scene: Scene) -> None:
    url = scene.gate.url.rstrip("/") + scene.events
    async with asyncio.timeout(3), scene.anna.client.head(url) as response:
        assert response.status == 200
