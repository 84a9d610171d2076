"""A login stays in the log after its session: sealed, appended, in the copy, and gone with an erasure."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from solidgate.adapters.sql.logins import SqlLogins
from solidgate.audit.activity import Kind, Wanted
from solidgate.flow import login, rights
from solidgate.identity.login import Session
from solidgate.testing.gate import TestGate, open_gate
from solidgate.web.language import LANGUAGES, Language
from solidgate.web.rights import page_of
from solidgate.web.words_of_rights import ACTIVITY

ANNA = "https://anna.example/profile/card#me"
LOGINS = Wanted(kind=Kind.ISSUE_TOKEN)


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    async with open_gate(database_url, tmp_path) as gate:
        gate.pods.give(ANNA, "https://anna.example/", {})
        yield gate


async def told(gate: TestGate, session: Session) -> list[str]:
    return [one.what for one in await rights.activity(gate.world, session, LOGINS)]


async def test_a_login_is_told_after_its_session_ran_out_or_was_ended(gate: TestGate) -> None:
    first = await gate.log_in(ANNA)
    assert await told(gate, first) == ["session.began"]
    gate.clock.ahead += timedelta(hours=13)
    assert isinstance(gate.world.logins, SqlLogins)
    await gate.world.logins.purge()
    second = await gate.log_in(ANNA)
    gate.clock.ahead += timedelta(minutes=1)
    for _ in range(2):
        await login.end(gate.world, second)
    gate.clock.ahead += timedelta(minutes=1)
    third = await gate.log_in(ANNA)
    assert await told(gate, third) == ["session.began", "session.ended", "session.began", "session.began"]
    async with gate.world.store.transaction() as tx:
        rows = (await tx.connection.exec_driver_sql("SELECT session_hash FROM sessions")).all()
    assert len(rows) == 1


async def test_the_log_out_of_the_page_is_told_in_every_language(gate: TestGate) -> None:
    async with gate.browser(ANNA) as browser:
        await browser.post("/logout", {})
    async with gate.browser(ANNA) as browser:
        for tag in LANGUAGES:
            page = (await browser.get(f"/me/activity?lang={tag}")).text
            for what in ("session.began", "session.ended"):
                assert str(Language(tag).text(ACTIVITY[what])) in page


async def test_it_is_sealed_without_a_word_of_where_from_and_goes_with_an_erasure(gate: TestGate) -> None:
    session = await gate.log_in(ANNA)
    async with gate.world.store.transaction() as tx:
        row = (await tx.connection.exec_driver_sql("SELECT * FROM login_events")).one()
    assert set(row._fields) == {"event_id", "person_id", "event_sealed", "at"}
    assert b"began" not in bytes(row.event_sealed)

    def page(held, files):  # type: ignore[no-untyped-def]
        return page_of(held, files, Language("en"))

    archive = zipfile.ZipFile(io.BytesIO(await rights.export(gate.world, session, page)))
    (kept,) = json.loads(archive.read("tables.json"))["login_events"]
    assert kept["event"] == "began"
    assert ACTIVITY["session.began"] in archive.read("index.html").decode()
    report = await rights.erase(gate.world, session)
    assert report.removed["login_events"] == 1
    async with gate.world.store.transaction() as tx:
        assert (await tx.connection.exec_driver_sql("SELECT count(*) FROM login_events")).scalar_one() == 0
