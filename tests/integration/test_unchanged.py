"""A run over pods in which nothing has changed: the earlier results stand, and nothing is computed anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from solidgate.flow import rights, run
from solidgate.flow.erase import erase
from solidgate.run.delivery import DerivedRow
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE, is_signpost
from solidgate.worker.parts import run_batch


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path, uses_now=False) as found:
        yield found


async def carried(ground: Ground) -> tuple[str, dict[str, str]]:
    """A whole run; the state of each consent's part."""
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    async with ground.world.store.transaction() as tx:
        people = await tx.consents.holding(SPACE, ground.world.clock.now())
    await run_batch(ground.parts, run_id, [consent_id for consent_id, _ in people])
    async with ground.world.store.transaction() as tx:
        return run_id, {one: (await tx.runs.part(run_id, one)).state.value for one, _ in people}


async def seen(ground: Ground, run_id: str | None = None) -> tuple[DerivedRow, ...]:
    """What queries see; of one run, what its group result is made from."""
    async with ground.world.store.transaction() as tx:
        return await tx.results.visible(SPACE, ground.world.clock.now(), run_id=run_id)


async def people(ground: Ground, *names: str) -> list[str]:
    return [(await ground.say_yes(await ground.arrive(name)))["advice"] for name in names]


async def test_nothing_changed_keeps_the_earlier_result(ground: Ground) -> None:
    anna, ben = await people(ground, "anna", "ben")
    _, first = await carried(ground)
    assert first == {anna: "written", ben: "written"}
    before = dict(ground.pods.held)
    graphs = await seen(ground)
    assert len(graphs) == 2
    for _ in range(2):  # also after a run that kept it
        run_id, states = await carried(ground)
        assert states == {anna: "unchanged", ben: "unchanged"}
        assert ground.pods.held == before
        shown = await run.show(ground.world, CONSUMER, SPACE, run_id)
        assert (shown.state, shown.counts["unchanged"], shown.counts["written"]) == ("finished", 2, 0)
        assert await seen(ground) == await seen(ground, run_id) == graphs


async def test_one_changed_document_has_that_person_computed_anew(ground: Ground) -> None:
    anna, ben = await people(ground, "anna", "ben")
    await carried(ground)
    url = next(url for url in ground.pods.held if url.startswith("https://anna.") and "energy" in url)
    changed = replace(ground.pods.held[url], etag='"another"')
    ground.pods.held[url] = changed
    before = set(ground.pods.held)
    _, states = await carried(ground)
    assert states == {anna: "written", ben: "unchanged"}
    assert len([url for url in set(ground.pods.held) - before if not is_signpost(url)]) == 1
    _, states = await carried(ground)
    assert states == {anna: "unchanged", ben: "unchanged"}


async def test_a_result_that_is_gone_from_the_pod_is_made_anew(ground: Ground) -> None:
    before = set(ground.pods.held)
    (anna,) = await people(ground, "anna")
    given = set(ground.pods.held)
    await carried(ground)
    (result,) = {url for url in set(ground.pods.held) - given - before if not is_signpost(url)}
    del ground.pods.held[result]
    _, states = await carried(ground)
    assert states == {anna: "written"}
    ground.pods.held = {
        url: replace(one, content=one.content + b"\n<urn:a> <urn:b> <urn:c> .") if url not in given else one
        for url, one in ground.pods.held.items()
    }
    _, states = await carried(ground)
    assert states == {anna: "written"}


@pytest.mark.parametrize("etag", [None, "unquoted"])
async def test_without_tags_everything_is_read_again(ground: Ground, etag: str | None) -> None:
    (anna,) = await people(ground, "anna")
    for url, one in ground.pods.held.items():
        ground.pods.held[url] = replace(one, etag=etag)
    for _ in range(2):
        _, states = await carried(ground)
        assert states == {anna: "written"}


async def test_a_program_that_uses_the_time_is_run_every_time(database_url: str, tmp_path: Path) -> None:
    async with open_ground(database_url, tmp_path, uses_now=True) as ground:
        (anna,) = await people(ground, "anna")
        for _ in range(2):
            _, states = await carried(ground)
            assert states == {anna: "written"}


async def test_a_closed_door_ends_the_part_though_nothing_changed(ground: Ground) -> None:
    (anna,) = await people(ground, "anna")
    await carried(ground)
    ground.pods.doors.clear()
    _, states = await carried(ground)
    assert states == {anna: "failed"}


async def test_what_is_remembered_is_the_person_s(ground: Ground) -> None:
    """Sealed with their key, in their copy, and gone with them."""
    session = await ground.arrive("anna")
    (consent_id,) = (await ground.say_yes(session)).values()
    await carried(ground)
    async with ground.world.store.transaction() as tx:
        raw = (await tx.connection.exec_driver_sql("SELECT tags_sealed FROM pulls")).scalar_one()
    assert b"anna" not in bytes(raw)
    (row,) = (await rights.held(ground.world, session)).rows["pulls"]
    assert row["consent_id"] == consent_id
    assert all(url.startswith("https://anna.example/") for url in row["tags"])
    await erase(ground.world, session.person_id)
    async with ground.world.store.transaction() as tx:
        left = (await tx.connection.exec_driver_sql("SELECT count(*) FROM pulls")).scalar_one()
    assert left == 0
