"""The pages of a person's rights over HTTP."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from solidgate.adapters.sql.persons import OF_PERSON
from solidgate.audit.activity import Activity, Kind
from solidgate.flow import ask, choose, invite, space
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.space import answer, join
from solidgate.testing.terms import sample_agreement
from solidgate.web.language import Language
from solidgate.web.log_filter import wanted_of
from solidgate.web.words_of_rights import REMOVED
from tests.unit.web.asked import ANNA


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as found:
        found.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b""})
        await space.create(found.world, sample_agreement())
        yield found


async def consented(gate: TestGate, anna: Browser) -> str:
    assert anna.session
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
    (made,) = await join(gate.world, anna.session, token)
    return made.record.consent_id


async def test_the_copy_is_a_zip_in_the_persons_language(gate: TestGate) -> None:
    async with gate.browser(ANNA) as anna:
        consent_id = await consented(gate, anna)
        answer = await anna.get("/me/export?lang=fr", "*/*")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert {"index.html", "style.css", f"consents/{consent_id}.ttl"} <= set(archive.namelist())
    assert '<html lang="fr"' in archive.read("index.html").decode()


async def test_the_log_is_a_page_a_table_and_json(gate: TestGate) -> None:
    async with gate.browser(ANNA) as anna:
        consent_id = await consented(gate, anna)
        page = await anna.get("/me/activity")
        said = re.sub(r"<[^>]*>", " ", page.text)
        assert not re.search(r"\b[A-Z]+_[A-Z_]+\b", said), "a name for machines"
        assert 'name="container" value="solidgate/log/"' in page.text
        only = json.loads((await anna.get("/me/activity.json?type=ADD_CONSENT")).content)["activity"]
        assert {one["kind"] for one in only} == {"ADD_CONSENT"}
        assert {one["consent"] for one in only} == {consent_id}
        assert json.loads((await anna.get("/me/activity.json?to=2020-01-01")).content) == {"activity": []}
        table = await anna.get("/me/activity.csv")
        assert table.text.startswith("at,kind,what,consent,run,place,outcome,reached\r\n")
        wrong = await anna.get("/me/activity.json?type=NOTHING", "application/json")
        assert wrong.status == 400
        pushed = await anna.post("/me/activity", {"container": "https://anna.example/log/"})
        assert pushed.status == 200
        assert any(url.startswith("https://anna.example/log/activity-") for url in gate.pods.held)
        assert (await anna.post("/me/activity", {"container": "solidgate/log/"})).status == 200
        assert any(url.startswith("https://anna.example/solidgate/log/activity-") for url in gate.pods.held)


async def test_the_log_says_of_each_entry_which_consent_and_which_space_it_is_about(gate: TestGate) -> None:
    async with gate.browser(ANNA) as anna:
        consent_id = await consented(gate, anna)
        page = (await anna.get("/me/activity?type=ADD_CONSENT&lang=nl")).text
    agreement = sample_agreement()
    (purpose,) = agreement.purposes
    entries = re.findall(r"<li>(.*?)</li>", page.partition('<ol class="timeline">')[2].partition("</ol>")[0])
    assert len(entries) == 2
    language = Language("nl")
    for entry in entries:
        assert f'<a href="/consents/{consent_id}" dir="auto">{language.pick(purpose.title)}</a>' in entry
        assert language.pick(agreement.title) in entry
    same = re.escape("?type=ADD_CONSENT")
    assert re.search(
        rf'<a href="/me/activity.json{same}">JSON</a>, +<a href="/me/activity.csv{same}">CSV</a>', page
    )


@pytest.mark.parametrize(
    ("asked", "field"),
    [("from=9999-99-99&to=2026-11-22", "from"), ("to=today", "to"), ("from=2026-11-22&to=2026-11-21", "to"),
     ("type=NOTHING", "type")],
)  # fmt: skip
async def test_a_filter_that_cannot_be_is_told_at_its_field(gate: TestGate, asked: str, field: str) -> None:
    async with gate.browser(ANNA) as anna:
        answer = await anna.get(f"/me/activity?{asked}")
        program = await anna.get(f"/me/activity.json?{asked}", "application/json")
    page = answer.text
    assert (answer.status, page.count('class="error"')) == (400, 1)
    assert f'<li><a href="#{field}">' in page
    assert re.search(rf'id="{field}"[^>]* aria-invalid="true" aria-describedby="error-{field}"', page)
    assert 'class="timeline"' not in page
    assert ('value="2026-11-22"' in page) == ("2026-11-22" in asked)
    assert (program.status, json.loads(program.text)["code"]) == (400, "rights.filter-invalid")


def test_the_days_of_a_filter_are_days_of_the_zone() -> None:
    late = Activity(datetime(2026, 11, 21, 23, 30, tzinfo=UTC), Kind.ISSUE_TOKEN, "session.began")
    for name, is_there in (("Europe/Brussels", True), ("UTC", False)):
        wanted, faults = wanted_of({"from": "2026-11-22", "to": "2026-11-22"}, ZoneInfo(name))
        assert (wanted.holds(late), faults) == (is_there, ())


async def test_counts_read_well_for_one_and_for_many(gate: TestGate) -> None:
    async with gate.browser(ANNA) as anna:
        await consented(gate, anna)
        page = (await anna.get("/me/erase?lang=fr")).text
    assert re.search(r"<li>[^<]*reçus\s*: \d+</li>", page)
    assert "×" not in page


async def test_with_several_pods_the_log_needs_the_whole_address(
    gate: TestGate,
) -> None:
    other = "https://anna2.example/"
    async with gate.browser(ANNA) as anna:
        await consented(gate, anna)
        gate.pods.more_storages[ANNA] = (other,)
        refused = await anna.post("/me/activity", {"container": "solidgate/log/"}, "application/json")
        assert (refused.status, json.loads(refused.text)["code"]) == (400, "rights.container-not-yours")
        assert (await anna.post("/me/activity", {"container": f"{other}log"})).status == 200
    assert any(url.startswith(f"{other}log/activity-") for url in gate.pods.held)


async def test_who_chose_one_of_several_pods_is_offered_a_folder_in_that_one(gate: TestGate) -> None:
    other = "https://anna2.example/"
    gate.pods.more_storages[ANNA] = (other,)
    gate.pods.held[f"{other}energy/2025.ttl"] = gate.pods.held["https://anna.example/energy/2025.ttl"]
    async with gate.browser(ANNA) as anna:
        assert anna.session
        token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
        request_id = await ask.ask(gate.world, anna.session, token)
        await choose.choose(gate.world, anna.session, request_id, other)
        await answer(gate.world, anna.session, request_id, ())
        page = (await anna.get("/me/activity")).text
    assert f'name="container" value="{other}solidgate/log/"' in page


async def test_an_erasure_needs_a_choice_shows_its_report_once_and_ends_the_session(gate: TestGate) -> None:
    async with gate.browser(ANNA) as anna:
        await consented(gate, anna)
        asked = await anna.get("/me/erase")
        assert asked.status == 200
        assert (await anna.post("/me/erase", {}, "application/json")).status == 400
        assert (await anna.post("/me/erase", {"choice": "keep"})).place == "/me"
        assert (await anna.get("/me")).status == 200
        done = await anna.post("/me/erase", {"choice": "erase"})
        assert done.status == 200
        assert 'download="solidgate-erasure.jwt" href="data:application/vc+jwt;base64,' in done.text
        assert (await anna.get("/me", "application/json")).status == 401
    async with gate.world.store.transaction() as tx:
        assert await tx.persons.named(ANNA) == ()


def test_every_table_that_an_erasure_counts_has_words() -> None:
    """The page names each count; a table without words would keep somebody from erasing."""
    counted = {table.name for table in OF_PERSON} - {"audit"}  # its leaves are counted on their own
    assert set(REMOVED) == counted
