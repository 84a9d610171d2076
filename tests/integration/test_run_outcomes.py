"""A run over people with all kinds of pods: each part ends in its named outcome, the others unaffected."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib

import pytest

from solidgate.errors import (
    RoleMissing,
    RunNotFound,
    SolidgateError,
)
from solidgate.flow import query, record, run
from solidgate.flow import space as spaces
from solidgate.flow.door import door_of
from solidgate.flow.fair import FairPlaces
from solidgate.identity.login import Caller
from solidgate.query.results import ResultFormat
from solidgate.sandbox.limits import IsolationLevel
from solidgate.testing.awkward import JSON_LD, nested_json_ld
from solidgate.testing.play import EVERYTHING, Play
from solidgate.testing.space import CONSUMER, SPACE, approve
from solidgate.testing.terms import OWNER


async def test_each_pod_has_its_own_outcome(play: Play) -> None:
    """One good, one whose documents are gone, one malformed, one nested deeper than a parser can bear, one
    closed: the good ones are written."""
    good, other = await play.person("good"), await play.person("other")
    gone, broken, deep, closed = [await play.person(name) for name in ("gone", "broken", "deep", "closed")]
    pods = play.gate.pods
    del pods.held[gone.record.resources[0]]
    url = broken.record.resources[0]
    pods.held[url] = dataclasses.replace(pods.held[url], content=b"<a> <b")
    url = deep.record.resources[0]
    content = nested_json_ld(5_000)
    pods.held[url] = dataclasses.replace(pods.held[url], content=content, media_type=JSON_LD)
    pods.doors.clear()
    agent = play.world.agent(SPACE)
    for view in (good, other, gone, broken, deep):
        door = door_of(play.world, view.record, SPACE)
        pods.doors[door.owner, agent] = door
    run_id = await play.run()
    assert await play.outcome(run_id, good) == ("written", None)
    assert await play.outcome(run_id, other) == ("written", None)
    assert await play.outcome(run_id, gone) == ("failed", "pod.not-found")
    assert await play.outcome(run_id, broken) == ("failed", "pod.unreadable")
    assert await play.outcome(run_id, deep) == ("failed", "pod.unreadable")
    assert await play.outcome(run_id, closed) == ("failed", "pod.door-not-open")
    shown = await run.show(play.world, CONSUMER, SPACE, run_id)
    assert (shown.state, shown.aggregate) == ("finished", True)
    assert shown.counts["written"] == 2
    assert await play.rows() > 0


async def test_a_result_is_in_the_pod_and_is_not_written_twice(play: Play) -> None:
    view = await play.person("anna")
    await play.person("ben")
    run_id = await play.run()
    session = await play.arrive("anna")
    (result,) = (await record.view(play.world, session, view.record.consent_id)).results
    held = play.gate.pods.held[result.url]
    assert hashlib.sha256(held.content).hexdigest() == result.sha256
    assert held.url.startswith(view.record.result_container)
    before = dict(play.gate.pods.held)
    await play.work(run_id)
    assert play.gate.pods.held == before


async def test_a_changed_program_is_not_run(play: Play) -> None:
    """A new version of the terms needs new approvals; it revokes earlier consents and stops their runs."""
    view = await play.person("anna")
    agreement = (await spaces.show(play.world, SPACE)).agreement
    run_id = await run.start(play.world, CONSUMER, SPACE)
    newer = dataclasses.replace(agreement, version=2, terms={"en": "Other terms."})
    await spaces.publish(play.world, SPACE, newer)
    with pytest.raises(SolidgateError) as refused:
        await run.start(play.world, CONSUMER, SPACE)
    assert refused.value.code == "algorithm.not-approved"
    await play.work(run_id)
    assert await play.outcome(run_id, view) == ("stopped", "consent.revoked")
    await approve(play.world, agreement.algorithm)
    second = await run.start(play.world, CONSUMER, SPACE)
    await play.work(second)
    with pytest.raises(SolidgateError):
        await play.outcome(second, view)


async def test_only_parties_start_runs_and_ask(play: Play) -> None:
    stranger = Caller("https://stranger.example/#org")
    with pytest.raises(RoleMissing):
        await run.start(play.world, stranger, SPACE)
    with pytest.raises(RoleMissing):
        await query.query(play.world, stranger, SPACE, EVERYTHING, [ResultFormat.JSON])
    with pytest.raises(RoleMissing):
        await query.query(play.world, Caller(OWNER), SPACE, EVERYTHING, [ResultFormat.JSON])


async def test_the_sandbox_is_what_the_machine_can_give(play: Play) -> None:
    await play.person("anna")
    await play.run()
    assert play.world.sandbox.level >= IsolationLevel.L1


async def test_a_pod_that_stores_something_else_is_disputed_and_left_alone(play: Play) -> None:
    view = await play.person("anna")
    pods = play.gate.pods
    create = pods.create

    async def lies(access, url, content, media_type):  # type: ignore[no-untyped-def]
        return await create(access, url, content + b"<urn:and> <urn:more> 1 .\n", media_type)

    pods.create = lies  # type: ignore[method-assign]
    run_id = await play.run()
    assert await play.outcome(run_id, view) == ("failed", "pod.disputed")
    session = await play.arrive("anna")
    (result,) = (await record.view(play.world, session, view.record.consent_id)).results
    assert result.state == "disputed"
    assert pods.held[result.url].content.endswith(b"<urn:and> <urn:more> 1 .\n")
    assert await play.rows() == 0


async def test_a_cancelled_run_stops_its_parts_and_writes_nothing_more(play: Play) -> None:
    view = await play.person("anna")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    cancelled = await run.cancel(play.world, CONSUMER, SPACE, run_id)
    assert cancelled.state == "cancelled"
    await play.work(run_id)
    assert await play.outcome(run_id, view) == ("stopped", "run.cancelled")
    assert await play.rows() == 0


async def test_the_twelfth_run_begins_like_the_first(play: Play) -> None:
    """Statements that are used often are prepared by the driver, and must mean the same then."""
    await play.person("anna")
    for _ in range(12):
        run_id = await run.start(play.world, CONSUMER, SPACE)
        await run.cancel(play.world, CONSUMER, SPACE, run_id)


async def test_a_run_of_another_space_is_not_there(play: Play) -> None:
    await play.person("anna")
    run_id = await run.start(play.world, CONSUMER, SPACE)
    agreement = (await spaces.show(play.world, SPACE)).agreement
    await spaces.create(play.world, dataclasses.replace(agreement, space="other"))
    for ask_for in (run.show, run.cancel):
        with pytest.raises(RunNotFound):
            await ask_for(play.world, CONSUMER, "other", run_id)


async def test_a_pod_that_takes_longer_than_the_lease_ends_that_part_only(play: Play) -> None:
    slow_one, good = await play.person("anna"), await play.person("ben")
    pods = play.gate.pods
    read = pods.read

    async def slow(access, url, *, max_bytes):  # type: ignore[no-untyped-def]
        if url.startswith("https://anna.example/"):
            await asyncio.sleep(120)
        return await read(access, url, max_bytes=max_bytes)

    pods.read = slow  # type: ignore[method-assign]
    play.parts.limit = FairPlaces(2)
    object.__setattr__(play.world.settings.worker, "lease_seconds", 15)
    run_id = await play.run()
    assert await play.outcome(run_id, slow_one) == ("failed", "run.timed-out")
    assert await play.outcome(run_id, good) == ("written", None)
