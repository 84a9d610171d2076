"""My page tells of each consent who, what for, until when, the last reading and the last run."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from solidgate.flow import invite, record, rights, space
from solidgate.identity.login import Session
from solidgate.testing.play import Play, open_play
from solidgate.testing.space import join
from solidgate.testing.terms import ADVICE, STUDY, sample_agreement
from solidgate.web.language import LANGUAGES, Language

ANNA, BEN = "anna", "ben"
COOKIE = "solidgate-session"


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with open_play(database_url, tmp_path) as found:
        yield found


async def got(play: Play, session: Session, path: str) -> str:
    """A page of this person's, or the same as data."""
    headers = {"Cookie": f"{COOKIE}={session.session_id}"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.get(f"{play.gate.url.rstrip('/')}{path}") as answer,
    ):
        assert answer.status == 200
        return await answer.text()


def facts(page: str) -> dict[str, str]:
    """The terms of the one list of facts on a page, and what is said of each."""
    (listed,) = re.findall(r'<dl class="facts">(.*?)</dl>', page, re.DOTALL)
    found = {}
    for piece in listed.split("<dt>")[1:]:
        name, _, said = piece.partition("</dt>")
        found[name] = " ".join(re.sub(r"<[^>]*>", " ", said).split())
    return found


async def test_each_consent_tells_all_of_it_and_before_a_run_says_so(play: Play) -> None:
    session = await play.arrive(ANNA)
    view = await play.say(session)
    page = await got(play, session, "/me")
    until = view.record.latest.until
    assert until is not None
    said = facts(page)
    assert said["Who"].startswith("Owner (owner of the space, ")
    assert said["Who"].endswith("Consumer (gets the results)")
    assert said["Ends on"] == Language("en").day(until)
    assert (said["Last read"], said["Last run"]) == ("not yet", "not yet")
    assert f'action="/consents/{view.record.consent_id}/withdraw"' in page
    assert 'href="/me/export"' in page and ">advice</a></h2>" in page
    (told,) = json.loads(await got(play, session, "/me.json"))["consents"]
    assert [one["name"] for one in told["who"]] == ["Owner", "Consumer"]
    assert told["purpose"] == {"id": "advice", "title": {"en": "advice"}}
    assert told["until"] == until.isoformat()
    assert (told["last_read"], told["last_run"]) == (None, None)


async def test_the_dates_are_those_of_the_trail(play: Play) -> None:
    session = await play.arrive(ANNA)
    view = await play.say(session)
    await play.person(BEN)
    run_id = await play.run()
    async with play.world.store.transaction() as tx:
        query = "SELECT at FROM audit WHERE entry LIKE '%resources:pulled%' AND entry LIKE :consent"
        (read,) = (
            await tx.connection.execute(sa.text(query), {"consent": f"%{view.record.consent_id}%"})
        ).scalars()
        part = await tx.runs.part(run_id, view.record.consent_id)
    (told,) = json.loads(await got(play, session, "/me.json"))["consents"]
    assert told["last_read"] == read.isoformat()
    assert told["last_run"]["id"] == run_id
    assert (told["last_run"]["state"], told["last_run"]["at"]) == ("run.written", part.updated.isoformat())
    for tag in LANGUAGES:
        page, language = await got(play, session, f"/me?lang={tag}"), Language(tag)
        said = facts(page)
        assert said[str(language.text("Last read"))] == language.moment(read)
        assert said[str(language.text("Last run"))].startswith(language.moment(part.updated))


async def test_after_a_run_the_page_before_an_erasure_says_what_goes_and_what_closes(play: Play) -> None:
    session = await play.arrive(ANNA)
    await play.say(session)
    await play.person(BEN)
    await play.run()
    page = await got(play, session, "/me/erase?lang=fr")
    assert "étapes de vos parties des exécutions" in page
    _, _, closed = page.partition("Portes fermées en même temps")
    assert play.world.agent("home-energy") in closed.partition("<h2>")[0]
    assert "fermez cet accès dans votre pod" not in page


async def test_asking_whether_documents_changed_is_no_reading(database_url: str, tmp_path: Path) -> None:
    async with open_play(database_url, tmp_path) as play:
        session = await play.arrive(ANNA)
        view = await play.say(session)
        await play.alter(
            "INSERT INTO steps (run_id, consent_id, state, at) VALUES ('r', :one, 'pulling', now()),"
            " ('r', :one, 'unchanged', now())",
            one=view.record.consent_id,
        )
        (found,) = await record.mine(play.world, session)
    assert found.last_read is None
    assert found.last_run is not None and found.last_run.action == "run.unchanged"


async def test_a_filter_holds_for_the_data_too(play: Play) -> None:
    session = await play.arrive(ANNA)
    await play.say(session)
    for show, count in (("valid", 1), ("ended", 0), ("", 1)):
        assert len(json.loads(await got(play, session, f"/me.json?show={show}"))["consents"]) == count
    assert 'href="/me.json?show=valid"' in await got(play, session, "/me?show=valid")


@contextmanager
def counted(play: Play) -> Iterator[list[str]]:
    """The statements that reach the database meanwhile."""
    engine, sent = play.world.store.engine.sync_engine, list[str]()

    def seen(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", seen)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", seen)


async def test_three_consents_take_as_many_statements_as_one(play: Play) -> None:
    session = await play.arrive(ANNA)
    await play.say(session)
    with counted(play) as for_one:
        assert len(await record.mine(play.world, session)) == 1
    with counted(play) as log_of_one:
        assert len((await rights.log(play.world, session)).about) == 1
    await space.create(play.world, sample_agreement("another-space", (ADVICE, STUDY)))
    token = await invite.invite(play.world, None, "another-space", uses=0, days=1)
    await join(play.world, session, token, ())
    await record.mine(play.world, session)  # terms that were read once are not read again
    with counted(play) as for_three:
        assert len(await record.mine(play.world, session)) == 3
    assert len(for_three) == len(for_one) > 3
    with counted(play) as log_of_three:
        assert len((await rights.log(play.world, session)).about) == 3
    assert len(log_of_three) == len(log_of_one)


async def test_the_activity_of_a_consent_names_each_run_once_above_its_steps(play: Play) -> None:
    anna, _ = await play.person(ANNA), await play.person(BEN)
    runs = [await play.run(), await play.run()]
    session = await play.arrive(ANNA)
    page = await got(play, session, f"/consents/{anna.record.consent_id}/activity")
    assert re.findall(r"<h2>Run <code>(.*?)</code></h2>", page) == runs
    assert [page.count(run_id) for run_id in runs] == [1, 1]
    lines = page.partition('<div id="lines"')[2].partition("</div>")[0]
    before, *of_runs = lines.split("<h2>")
    assert "You said yes" in before
    for steps in of_runs:
        times = re.findall(r"\d\d:\d\d:\d\d UTC", steps)
        assert len(times) == steps.count("<li>") >= 3


async def test_what_ended_by_the_clock_stands_beside_the_day_it_ended_on(play: Play) -> None:
    """Also before anything has noticed: the day of the yes is no day of the end."""
    session = await play.arrive(ANNA)
    view = await play.say(session)
    until = view.record.latest.until
    assert until is not None
    play.gate.clock.ahead += until - play.gate.clock.now()
    session = await play.gate.log_in(session.webid)
    page = " ".join(re.sub(r"<[^>]*>", " ", await got(play, session, "/me")).split())
    assert f"Ended on its end date {Language('en').day(until)}" in page
