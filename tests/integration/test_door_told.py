"""What happened at a door is told on its consent's page, in the log and in the copy: once, in plain words."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import rdflib

from solidgate.errors import DoorTooWide
from solidgate.flow import rights, withdraw
from solidgate.flow.settle import settle
from solidgate.flow.width import note_width
from solidgate.pod.door_event import DoorEvent
from solidgate.testing.pod import Awkward, AwkwardPod
from solidgate.web.language import Language
from solidgate.web.rights import page_of
from solidgate.web.words import AT_DOOR
from tests.integration.pod_behind import PodBehind, open_pod_behind

REFUSED = "pod.access-control-refused"


@pytest.fixture
async def shut(database_url: str, tmp_path: Path) -> AsyncIterator[PodBehind]:
    """The pod refuses every change of access control."""

    def refusing(server: AwkwardPod) -> None:
        server.misbehave("*", Awkward.REFUSES_ACCESS, amount=403)

    async with open_pod_behind(database_url, tmp_path, "wac", refusing) as behind:
        yield behind


async def told(behind: PodBehind) -> list[tuple[str, str]]:
    """The lines of the consent's page about its door; and the log has just the same."""
    path = f"/consents/{behind.view.record.consent_id}/activity"
    answer = await behind.browser.get(path, "application/json")
    lines = [one for one in json.loads(answer.content)["activity"] if one["action"].startswith("door.")]
    assert behind.browser.session
    log = reversed(await rights.activity(behind.gate.world, behind.browser.session))
    of_doors = [(one.what, one.outcome, one.at.isoformat()) for one in log if one.what.startswith("door.")]
    assert [(line["action"], line["outcome"], line["at"]) for line in lines] == of_doors
    return [(what.removeprefix("door."), outcome) for what, outcome, _ in of_doors]


async def test_each_attempt_and_its_end_is_told_once(shut: PodBehind) -> None:
    assert await told(shut) == [("not-opened", REFUSED)]
    page = f"/consents/{shut.view.record.consent_id}"
    await shut.browser.post(f"{page}/door", {})
    again = [("not-opened", REFUSED), ("open-asked", ""), ("not-opened", REFUSED)]
    assert await told(shut) == again
    shut.server.behave()
    await shut.browser.post(f"{page}/door", {})
    opened = [*again, ("open-asked", ""), ("opened", "")]
    assert await told(shut) == opened
    await shut.browser.post(f"{page}/door/check", {})
    assert await told(shut) == opened, "who looks and finds what was known tells nothing"


async def test_a_closing_that_the_pod_refuses_is_told_and_that_it_was_asked_for(shut: PodBehind) -> None:
    session, consent_id = shut.browser.session, shut.view.record.consent_id
    assert session
    shut.server.behave()
    await shut.browser.post(f"/consents/{consent_id}/door", {})
    before = await told(shut)
    shut.server.misbehave("*", Awkward.REFUSES_ACCESS, amount=403)
    await withdraw.withdraw(shut.gate.world, session, consent_id)
    await shut.gate.world.after.wait([consent_id], 10)
    assert (await told(shut))[len(before) :] == [("not-closed", REFUSED)]
    await settle(shut.gate.world, session)  # as at each login: the same again is told once
    await shut.gate.world.after.wait([consent_id], 10)
    assert (await told(shut))[len(before) :] == [("not-closed", REFUSED)]
    await shut.browser.post(f"/consents/{consent_id}/door/close", {})
    await shut.gate.world.after.wait([consent_id], 10)
    asked = [("not-closed", REFUSED), ("close-asked", ""), ("not-closed", REFUSED)]
    assert (await told(shut))[len(before) :] == asked
    shut.server.behave()
    await shut.browser.post(f"/consents/{consent_id}/door/close", {})
    await shut.gate.world.after.wait([consent_id], 10)
    assert (await told(shut))[len(before) :] == [*asked, ("close-asked", ""), ("closed", "")]


async def test_that_a_door_is_too_wide_is_told_and_when_no_longer(shut: PodBehind) -> None:
    shut.server.behave()
    consent_id = shut.view.record.consent_id
    await shut.browser.post(f"/consents/{consent_id}/door", {})
    for wide in (True, True, False, False):
        async with shut.gate.world.store.transaction() as tx:
            await note_width(tx, consent_id, shut.gate.clock.now(), wide=wide)
    assert (await told(shut))[-3:] == [("opened", ""), ("too-wide", DoorTooWide.code), ("wide-no-more", "")]


async def test_the_page_tells_it_in_words_with_the_time_where_the_person_is(shut: PodBehind) -> None:
    path, world = f"/consents/{shut.view.record.consent_id}/activity", shut.gate.world
    async with world.store.transaction() as tx:
        (line,) = (await tx.door_events.of([shut.view.record.consent_id]))[shut.view.record.consent_id]
    for tag in ("en", "fr", "nl"):
        language = Language(tag, ZoneInfo(world.settings.server.time_zone))
        shown = html.unescape((await shut.browser.get(f"{path}?lang={tag}")).text)
        text = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
        moment = " ".join(str(language.moment(line.at, seconds=True)).split())
        assert f"{moment} {' '.join(str(language.text(AT_DOOR['door.not-opened'])).split())}" in text
        assert REFUSED in text


def test_every_event_has_its_words() -> None:
    assert {f"door.{event}" for event in DoorEvent} == set(AT_DOOR)


async def test_the_copy_and_the_log_in_the_pod_hold_it_and_an_erasure_removes_it(shut: PodBehind) -> None:
    session, world = shut.browser.session, shut.gate.world
    assert session
    shut.server.behave()
    await shut.browser.post(f"/consents/{shut.view.record.consent_id}/door", {})
    content = await rights.export(world, session, lambda held, files: page_of(held, files, Language("en")))
    archive = zipfile.ZipFile(io.BytesIO(content))
    rows = json.loads(archive.read("tables.json"))["door_events"]
    assert [row["event"] for row in rows] == ["not-opened", "open-asked", "opened"]
    assert AT_DOOR["door.open-asked"] in archive.read("index.html").decode()
    url = await rights.push_activity(world, session, "log/")
    graph = rdflib.Graph().parse(data=shut.server.content(url) or b"", format="turtle")
    acted = rdflib.URIRef("https://www.w3.org/ns/activitystreams#actor")
    by_person = {
        str(graph.value(node, rdflib.DCTERMS.description)): (node, acted, None) in graph
        for node in graph.subjects(rdflib.RDF.type, rdflib.PROV.Activity)
    }
    doors = {what: own for what, own in by_person.items() if what.startswith("door.")}
    assert doors == {"door.not-opened": False, "door.open-asked": True, "door.opened": True}
    report = await rights.erase(world, session)
    assert report.removed["door_events"] >= 3
    async with world.store.transaction() as tx:
        assert (await tx.connection.exec_driver_sql("SELECT count(*) FROM door_events")).scalar_one() == 0
