"""The activity log loses nothing: whatever it told before an end, it tells after it, and the end besides."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import rdflib

from solidgate.audit.activity import Activity, Kind
from solidgate.flow import expire, rights, withdraw
from solidgate.identity.login import Session
from solidgate.web.language import Language
from solidgate.web.rights import page_of
from tests.integration.installation import Installation, open_installation

ANNA, BEN = "canary-anna", "canary-ben"
# What a run is doing is told as it stands now, so that it alone may change.
PASSING = Kind.DATA_PROCESSING


@pytest.fixture
async def scene(data_folder: Path) -> AsyncIterator[Installation]:
    async with open_installation(data_folder) as standing:
        yield standing


async def told(scene: Installation, session: Session) -> list[Activity]:
    return [one for one in await rights.activity(scene.world, session) if one.kind is not PASSING]


async def test_a_withdrawal_takes_no_entry_out_of_the_log(scene: Installation) -> None:
    session, view = await scene.joined(ANNA)
    await scene.joined(BEN)
    run_id = await scene.run()
    before = await told(scene, session)
    published = [one for one in before if one.what == "result.published"]
    assert [(one.run, one.consent) for one in published] == [(run_id, view.record.consent_id)]
    ended = await withdraw.withdraw(scene.world, session, view.record.consent_id, remove_results=True)
    assert (ended.results_removed, len(ended.results_removed_from_pod)) == (1, 1)
    after = await told(scene, session)
    assert set(before) - set(after) == set()
    (out,) = [one for one in after if one.what == "result.unpublished"]
    assert (out.at, out.consent, out.kind) == (ended.at, view.record.consent_id, Kind.DATA_IMPORT)
    await _in_every_form(scene, session, after)


async def _in_every_form(scene: Installation, session: Session, after: list[Activity]) -> None:
    url = await rights.push_activity(scene.world, session, "log/")
    graph = rdflib.Graph().parse(data=scene.gate.pods.held[url].content, format="turtle")
    words = {str(text) for text in graph.objects(None, rdflib.DCTERMS.description)}
    assert {one.what for one in after} <= words
    archive = zipfile.ZipFile(
        io.BytesIO(
            await rights.export(
                scene.world, session, lambda held, files: page_of(held, files, Language("en"))
            )
        )
    )
    page = archive.read("index.html").decode()
    assert "The organisations of the space can ask queries about your result" in page
    assert "Your result was taken out of the queries" in page


async def test_the_end_of_a_consent_is_told_the_same_way_and_an_erasure_removes_it(
    scene: Installation,
) -> None:
    session, view = await scene.joined(ANNA)
    await scene.joined(BEN)
    await scene.run()
    before = await told(scene, session)
    scene.gate.clock.ahead = timedelta(days=400)
    assert await expire.expire(scene.world)
    after = await told(scene, session)
    assert set(before) - set(after) == set()
    assert [one.what for one in after].count("result.unpublished") == 1
    await rights.erase(scene.world, session)
    async with scene.world.store.transaction() as tx:
        rows = (await tx.connection.exec_driver_sql("SELECT entry FROM audit")).scalars()
        kept = [json.loads(row) for row in rows if row]
    assert not [entry for entry in kept if view.record.consent_id in entry["objects"]]
