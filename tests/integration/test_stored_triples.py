"""The whole life of a result in a pod that keeps statements: written, led to, looked at, taken out."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from solidgate.adapters.sql.tables import signposts
from solidgate.flow import aggregate, record, run, withdraw
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE
from solidgate.worker.house import keep_house
from solidgate.worker.parts import run_batch


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path) as opened:
        opened.pods.stores_triples = True
        yield opened


async def one_run(ground: Ground, consent_id: str) -> None:
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    await run_batch(ground.parts, run_id, [consent_id])
    await aggregate.aggregate(ground.enclave, run_id)


async def states(ground: Ground) -> set[str]:
    async with ground.world.store.transaction() as tx:
        return {row.state for row in (await tx.connection.execute(signposts.select())).all()}


@pytest.mark.parametrize("other_tags", [False, True])
async def test_a_result_lives_in_a_pod_that_keeps_statements(ground: Ground, other_tags: bool) -> None:
    session = await ground.arrive("anna")
    consent_id = (await ground.say_yes(session))["advice"]
    await one_run(ground, consent_id)
    if other_tags:  # as where a tag is of one representation: what the write answered never holds
        for url, kept in list(ground.pods.held.items()):
            ground.pods.held[url] = dataclasses.replace(kept, etag=f'"other{kept.etag.strip(chr(34))}"')  # type: ignore[union-attr]
    await one_run(ground, consent_id)
    first, second = (await record.view(ground.world, session, consent_id)).results
    assert (first.state, second.state, await states(ground)) == ("written", "written", {"written"})
    index = next(kept for url, kept in ground.pods.held.items() if "/index-" in url)
    assert b"@prefix" not in index.content, "it keeps no bytes"
    assert first.url.encode() in index.content
    assert second.url.encode() in index.content
    ground.gate.clock.ahead += timedelta(hours=31)
    await keep_house(ground.enclave)
    results = (await record.view(ground.world, session, consent_id)).results
    assert [(one.state, one.seen is not None) for one in results] == [("written", True)] * 2
    assert await states(ground) == {"written"}
    ended = await withdraw.withdraw(ground.world, session, consent_id, remove_results=True)
    assert (ended.quiescent, ended.results_disputed) == (True, ())
    assert not {first.url, second.url} & set(ground.pods.held)
    assert not [url for url in ground.pods.held if "/index-" in url or "/latest-" in url]
