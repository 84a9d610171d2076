"""Documents by their kind: found before anybody is asked, listed one by one, and nothing else is read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from solidgate.consent.request import Look
from solidgate.errors import (
    AlgorithmNotFound,
    RequestAnswered,
    RequiredMissing,
    StorageNotChosen,
    StorageNotYours,
    TermsChanged,
)
from solidgate.flow import ask, choose, consent, preview, reask, record, run
from solidgate.flow import space as spaces
from solidgate.identity.login import Session
from solidgate.pod.resource import Document
from solidgate.pod.type_index import Catalogue, Registration
from solidgate.settings import Finding
from solidgate.space.purpose import ResourceNeed
from solidgate.testing.energy import energy_documents
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import CONSUMER, SPACE, answer
from solidgate.worker.parts import run_batch

PERSONAL = ("https://w3id.org/dpv/pd#Household",)
READING = "http://www.w3.org/ns/sosa/Observation"
BY_SHAPE = ResourceNeed("", {"en": "Readings"}, PERSONAL, shape="shapes/input.ttl", within=("energy/",))
BY_CLASS = ResourceNeed("", {"en": "Other readings"}, PERSONAL, False, kind=READING, within=("more/",))
POD = "https://anna.example/"
YEAR = tuple(sorted(POD + path for path in energy_documents(1)))
OTHER = b"<#a> a <urn:Diary> ; <urn:says> 'secret' ."


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path, real_sandbox=True, needs=(BY_SHAPE, BY_CLASS)) as opened:
        for shelf in ("storage_of", "held", "more_storages", "catalogues"):
            setattr(opened.gate.pods, shelf, getattr(opened.pods, shelf))  # the pages see the same pods
        yield opened


async def shown(ground: Ground, session: Session, request_id: str) -> consent.Review:
    return await consent.review(ground.world, session, request_id, "en")


async def say(ground: Ground, session: Session, request_id: str, yes: bool) -> record.ConsentView:
    (view,) = await answer(ground.world, session, request_id, None if yes else ())
    return view


def add(ground: Ground, path: str, content: bytes, kind: str = "text/turtle") -> str:
    url = POD + path
    ground.pods.held[url] = Document(url, kind, content, f"e{len(content)}")
    return url


async def test_what_is_of_the_kind_is_listed_and_nothing_else(ground: Ground) -> None:
    session = await ground.arrive("anna")
    diary, picture = add(ground, "energy/diary.ttl", OTHER), add(ground, "energy/a.png", b"\x89", "image/png")
    found = await shown(ground, session, await ask.ask(ground.world, session, ground.token))
    asked = found.request.resources_for("advice")
    assert tuple(one.url for one in asked if one.found) == YEAR
    assert {one.need for one in asked} == {BY_SHAPE.key, BY_CLASS.key}
    assert [one.url for one in asked if not one.found] == [""], (
        "the optional need, of which nothing was found"
    )
    what = {key: lines for key, _, lines in found.notice.rows}["what"]
    assert sum("energy/2025/" in line for line in what) == 12
    assert any("nothing of this kind was found" in line for line in what)
    assert any("you would be asked again" in line for line in what)
    view = await say(ground, session, found.request.request_id, True)
    assert view.record.resources == YEAR
    assert diary not in view.record.resources
    assert picture not in view.record.resources
    turtle = (await record.turtle(ground.world, session, view.record.consent_id)).decode()
    assert all(url in turtle for url in YEAR)


async def test_a_run_reads_exactly_what_was_listed(ground: Ground) -> None:
    session = await ground.arrive("anna")
    view = await say(ground, session, await ask.ask(ground.world, session, ground.token), True)
    later = add(ground, "energy/2026/01.ttl", energy_documents(1)["energy/2025/01.ttl"])
    ground.pods.log.clear()
    run_id = await run.start(ground.world, CONSUMER, SPACE)
    await run_batch(ground.parts, run_id, [view.record.consent_id])
    async with ground.world.store.transaction() as tx:
        part = await tx.runs.part(run_id, view.record.consent_id)
    assert (part.state.value, part.outcome) == ("written", None)
    agent = ground.world.agent(SPACE)
    read = {one.url for one in ground.pods.log if one.what == "read" and one.webid == agent}
    assert {url for url in read if not url.startswith(view.record.result_container)} == set(YEAR)
    assert later not in read


async def test_the_type_indexes_lead_to_documents_and_containers(ground: Ground) -> None:
    session = await ground.arrive("anna")
    direct = add(ground, "private/meter.ttl", energy_documents(2)["energy/2025/01.ttl"])
    inside = add(ground, "meters/deep/one.ttl", energy_documents(3)["energy/2025/01.ttl"])
    index = f"{POD}settings/private.ttl"
    ground.pods.catalogues[session.webid] = Catalogue(
        (
            Registration(READING, direct, False),
            Registration(READING, f"{POD}meters/", True),
            Registration("urn:Diary", f"{POD}diaries/", True),
            Registration(READING, "https://ben.example/energy/2025/01.ttl", False),
            Registration(READING, f"{POD}../ben/a.ttl", False),
            Registration(READING, POD, True),
        ),
        (index,),
        (f"{POD}settings/public.ttl",),
        (f"{POD}settings/ninth.ttl",),
    )
    found = await shown(ground, session, await ask.ask(ground.world, session, ground.token))
    urls = [one.url for one in found.request.resources_for("advice") if one.need == BY_SHAPE.key]
    assert set(urls) == {*YEAR, direct, inside}, "never another pod, never the whole pod"
    looked = {(one.place, one.look) for one in found.request.looked if one.need == BY_SHAPE.key}
    assert (index, Look.READ) in looked
    assert (f"{POD}settings/public.ttl", Look.CLOSED) in looked
    assert (f"{POD}settings/ninth.ttl", Look.CUT) in looked
    assert (f"{POD}meters/", Look.READ) in looked
    assert all(not place.startswith(f"{POD}diaries/") for place, _ in looked)


async def test_new_documents_are_asked_for_anew_and_only_then_read(ground: Ground) -> None:
    session = await ground.arrive("anna")
    first = await say(ground, session, await ask.ask(ground.world, session, ground.token), True)
    with pytest.raises(RequestAnswered):
        await ask.ask_again(ground.world, session, SPACE)
    async with ground.gate.browser(session.webid) as anna:
        own = f"/consents/{first.record.consent_id}"
        assert "Look for new documents of this kind" in (await anna.get(own)).text
        place = (await anna.post(f"{own}/again", {})).place
        assert "There is nothing new." in (await anna.get(place)).text
        assert (await anna.post(f"{own}/again", {}, "application/json")).status == 409
    later = add(ground, "energy/2026/01.ttl", energy_documents(1)["energy/2025/01.ttl"])
    again = await ask.ask_again(ground.world, session, SPACE)
    found = await shown(ground, session, again)
    changes = await reask.since_last_answer(ground.world, session, found)
    assert changes is not None
    assert [change.key for change in changes] == ["what"]
    assert any("energy/2026/01.ttl" in line for line in changes[0].after)
    second = await say(ground, session, again, True)
    assert second.record.resources == tuple(sorted((*YEAR, later)))
    assert second.status.value == "renewed"
    old = await record.view(ground.world, session, first.record.consent_id)
    assert old.status.value == "revoked"
    with pytest.raises(RequestAnswered):
        await ask.ask_again(ground.world, session, SPACE)


async def test_when_nothing_is_found_it_is_said_before_anything_is_asked(ground: Ground) -> None:
    session = await ground.arrive("anna")
    ground.pods.held.clear()
    add(ground, "energy/diary.ttl", OTHER)
    request = await ask.ask(ground.world, session, ground.token)
    found = await shown(ground, session, request)
    assert found.missing == (BY_SHAPE.key,)
    assert not found.may_agree
    async with ground.gate.browser(session.webid) as anna:
        page = (await anna.get(f"/requests/{request}")).text
        assert "What is needed was not found" in page
        assert "Readings" in page
        assert f"{POD}energy/" in page
        assert 'name="answer-' not in page, "no form that consents"
        told = (await anna.get(f"/requests/{request}", "application/json")).text
        assert json.loads(told)["missing"] == [BY_SHAPE.key]
        whole = (await anna.get(f"/requests/{request}?all=1")).text
        assert 'value="no"' in whole
        assert 'value="yes"' not in whole
        for path, content in energy_documents(1).items():
            add(ground, path, content)
        assert "What is needed was not found" in (await anna.get(f"/requests/{request}")).text, (
            "not by itself"
        )
        assert (await anna.post(f"/requests/{request}/look", {})).place == f"/requests/{request}"
        assert 'value="yes"' in (await anna.get(f"/requests/{request}")).text


async def test_a_yes_without_the_documents_is_refused(ground: Ground) -> None:
    session = await ground.arrive("anna")
    ground.pods.held.clear()
    request = await ask.ask(ground.world, session, ground.token)
    with pytest.raises(RequiredMissing):
        await say(ground, session, request, True)
    assert (await say(ground, session, request, False)).record.resources == ()


async def test_a_person_with_several_pods_chooses_one(ground: Ground) -> None:
    session = await ground.arrive("anna")
    second = "https://second.example/"
    ground.pods.more_storages[session.webid] = (second,)
    request = await ask.ask(ground.world, session, ground.token)
    with pytest.raises(StorageNotChosen):
        await shown(ground, session, request)
    with pytest.raises(StorageNotChosen):
        await preview.preview(ground.world, session, request)
    with pytest.raises(StorageNotChosen):
        await choose.look(ground.world, session, request)
    with pytest.raises((StorageNotChosen, TermsChanged)):
        await consent.answer(
            ground.world, session, request, shown="sha256:0", language="en", answers={"advice": True}
        )
    with pytest.raises(StorageNotYours):
        await choose.choose(ground.world, session, request, "https://ben.example/")
    async with ground.gate.browser(session.webid) as anna:
        assert (await anna.get(f"/requests/{request}")).place == f"/requests/{request}/storage"
        assert (await anna.get(f"/requests/{request}/preview")).place == f"/requests/{request}/storage"
        assert (
            b"consent.storage-not-chosen"
            in (await anna.get(f"/requests/{request}", "application/json")).content
        )
        page = (await anna.get(f"/requests/{request}/storage")).text
        assert POD in page
        assert second in page
        assert " checked" not in page
        assert (await anna.post(f"/requests/{request}/storage", {})).status == 422
        sent = await anna.post(f"/requests/{request}/storage", {"storage": second})
        assert sent.place == f"/requests/{request}"
        page = (await anna.get(sent.place)).text
        assert "What is needed was not found" in page, "the documents are in the other one"
        assert "Look in another pod" in page
        await anna.post(f"/requests/{request}/storage", {"storage": POD})
    found = await shown(ground, session, request)
    assert found.request.storage == POD
    assert found.request.result_container.startswith(POD)
    view = await say(ground, session, request, True)
    assert view.record.resources == YEAR
    with pytest.raises(RequestAnswered):
        await choose.choose(ground.world, session, request, second)


async def test_one_pod_is_no_question(ground: Ground) -> None:
    session = await ground.arrive("anna")
    found = await shown(ground, session, await ask.ask(ground.world, session, ground.token))
    assert (found.request.storage, found.request.storages) == (POD, (POD,))


@pytest.mark.parametrize(
    ("bounds", "place"),
    [
        (Finding(documents=3), f"{POD}energy/2025/04.ttl"),
        (Finding(asked=5), f"{POD}energy/2025/06.ttl"),
        (Finding(depth=0), f"{POD}energy/2025/"),
        (Finding(containers=1), f"{POD}energy/2025/"),
    ],
    ids=["documents", "asked", "depth", "containers"],
)
async def test_what_a_bound_hid_is_told(
    database_url: str, tmp_path: Path, bounds: Finding, place: str
) -> None:
    async with open_ground(
        database_url, tmp_path, real_sandbox=True, needs=(BY_SHAPE,), finding=bounds
    ) as ground:
        session = await ground.arrive("anna")
        found = await shown(ground, session, await ask.ask(ground.world, session, ground.token))
        assert (place, Look.CUT) in {(one.place, one.look) for one in found.request.looked}
        asked = [one for one in found.request.resources_for("advice") if one.found]
        assert len(asked) == {"documents": 3, "asked": 5}.get(next(iter(bounds.model_fields_set)), 0), (
            "what was seen is asked for, and nothing that was not"
        )


async def test_a_document_that_does_not_parse_is_not_asked(ground: Ground) -> None:
    session = await ground.arrive("anna")
    broken = add(ground, "energy/broken.ttl", b"<a> <b ;")
    found = await shown(ground, session, await ask.ask(ground.world, session, ground.token))
    assert broken not in {one.url for one in found.request.resources_for("advice")}
    assert len([one for one in found.request.resources_for("advice") if one.found]) == 12


async def test_a_document_that_may_not_be_read_is_told(ground: Ground) -> None:
    session = await ground.arrive("anna")
    ground.pods.catalogues[session.webid] = Catalogue((Registration(READING, f"{POD}gone.ttl", False),))
    found = await shown(ground, session, await ask.ask(ground.world, session, ground.token))
    assert (f"{POD}gone.ttl", Look.CLOSED) in {(one.place, one.look) for one in found.request.looked}


async def test_a_shape_needs_its_program(ground: Ground) -> None:
    session = await ground.arrive("anna")
    view = await spaces.show(ground.world, SPACE)
    unknown = dataclasses.replace(view.agreement, algorithm="sha256:" + "0" * 64, version=2)
    await spaces.publish(ground.world, SPACE, unknown)
    with pytest.raises(AlgorithmNotFound):
        await ask.ask(ground.world, session, ground.token)
