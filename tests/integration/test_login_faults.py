"""Signing in, when it goes wrong: each fault is told in plain words, leads on, and loses nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from solidgate.settings import Http, Login
from solidgate.testing.gate import Answer, Browser, TestGate, open_gate
from solidgate.testing.issuer import AwkwardIssuer
from solidgate.testing.quirks import Quirk
from solidgate.web.forms import TOKEN_FIELD

JOINING = "/join/an-invitation/request"
LANGUAGES = ("en", "fr", "nl")
NO_SERVER = "http://127.0.0.1:9/profile#me"
JARGON = re.compile(r"Traceback|Error:.*Exception|\b(aiohttp|PodFault|NoneType|object at)\b")


@pytest.fixture
async def issuer() -> AsyncIterator[AwkwardIssuer]:
    async with AwkwardIssuer(slow_seconds=3) as made:
        yield made


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[TestGate]:
    near = Http(allow_private_addresses=True, document_timeout=1)
    async with open_gate(database_url, tmp_path, http=near, login=Login(attempts_per_minute=1000)) as opened:
        yield opened


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', page)
    assert found, f"the page has no {name}"
    return unescape(found[1])


def heading(page: str) -> str:
    (found,) = re.findall(r"<h1>(.*?)</h1>", page)
    return unescape(found)


async def enter(person: Browser, identifier: str, **fields: str) -> Answer:
    """What somebody does who was invited: the login page, the address, Continue."""
    page = (await person.get(f"/login?return_to={quote(JOINING, safe='')}")).text
    sent = {name: hidden(page, name) for name in (TOKEN_FIELD, "return_to")}
    return await person.post("/login", {**sent, "identifier": identifier, **fields})


# What is wrong with the address: the quirks, what is entered, the status and the code.
ENTERED: dict[str, tuple[set[Quirk], str, int, str]] = {
    "no address": (set(), "anna", 400, "login.webid-invalid"),
    "not found": ({Quirk.PROFILE_MISSING}, "webid", 400, "login.profile-not-found"),
    "gone": ({Quirk.PROFILE_GONE}, "webid", 400, "login.profile-not-found"),
    "needs a login": ({Quirk.PROFILE_NEEDS_LOGIN}, "webid", 502, "login.profile-closed"),
    "closed": ({Quirk.PROFILE_CLOSED}, "webid", 502, "login.profile-closed"),
    "a web page": ({Quirk.PROFILE_AS_HTML}, "webid", 502, "login.profile-unreadable"),
    "malformed": ({Quirk.PROFILE_MALFORMED}, "webid", 502, "login.profile-unreadable"),
    "too large": ({Quirk.PROFILE_HUGE}, "webid", 502, "fetch.too-large"),
    "an error of its server": ({Quirk.PROFILE_DOWN}, "webid", 502, "fetch.unexpected-answer"),
    "no provider": ({Quirk.PROFILE_WITHOUT_ISSUER}, "webid", 502, "login.no-issuer"),
    "no server": (set(), NO_SERVER, 502, "fetch.unreachable"),
    "provider down": ({Quirk.METADATA_DOWN}, "webid", 502, "login.issuer-down"),
    "provider slow": ({Quirk.SLOW_METADATA}, "webid", 504, "fetch.timed-out"),
    "provider lies": ({Quirk.METADATA_OTHER_ISSUER}, "webid", 502, "login.issuer-fault"),
    "no host of that name": (set(), "https://no-such-host.invalid/#me", 502, "fetch.unreachable"),
}


@pytest.mark.parametrize("case", ENTERED)
async def test_a_wrong_address_is_told_where_it_was_entered(
    gate: TestGate, issuer: AwkwardIssuer, case: str
) -> None:
    quirks, entered, status, code = ENTERED[case]
    issuer.quirks |= quirks
    identifier = issuer.webid() if entered == "webid" else entered
    summaries = set()
    for tag in LANGUAGES:
        async with gate.browser() as person:
            await person.get(f"/?lang={tag}")
            answer = await enter(person, identifier)
        page = answer.text
        assert (answer.status, f"<code>{code}</code>" in page) == (status, True), (case, tag)
        assert hidden(page, "return_to") == JOINING
        assert f'value="{identifier}"' in page, "what was entered is gone"
        assert answer.headers["X-Request-Id"] in page
        assert answer.headers["Content-Language"] == tag
        assert 'role="alert" tabindex="-1" id="summary" autofocus' in page
        assert 'aria-describedby="identifier-hint error-identifier" aria-invalid="true"' in page
        (said,) = re.findall(r'<li><a href="#identifier">(.*?)</a></li>', page)
        assert re.search(rf'id="error-identifier"><span class="away">[^<]*</span>{re.escape(said)}</p>', page)
        assert f"/login?return_to={quote(JOINING)}&amp;lang=fr" in page, (
            "the switch of languages loses the place"
        )
        assert not JARGON.search(page)
        summaries.add(said)
    assert len(summaries) == len(LANGUAGES), "a language says it in another's words"


async def test_an_address_inside_a_network_is_refused_in_plain_words(
    database_url: str, tmp_path: Path
) -> None:
    async with open_gate(database_url, tmp_path) as gate, gate.browser() as person:
        answer = await enter(person, "https://127.0.0.1/profile#me")
        assert answer.status == 400
        assert "This address is not on the public web" in answer.text
        assert "allow_private_addresses" not in answer.text


async def test_too_many_attempts_keep_what_was_entered(database_url: str, tmp_path: Path) -> None:
    few = Login(attempts_per_minute=1)
    async with open_gate(database_url, tmp_path, login=few) as gate, gate.browser() as person:
        await enter(person, "https://127.0.0.1/anna")
        answer = await enter(person, "https://127.0.0.1/anna")
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) <= 60
        assert 'value="https://127.0.0.1/anna"' in answer.text
        assert hidden(answer.text, "return_to") == JOINING


async def test_a_program_gets_a_problem_document_as_before(gate: TestGate, issuer: AwkwardIssuer) -> None:
    issuer.quirks.add(Quirk.PROFILE_MISSING)
    async with gate.browser() as person:
        page = (await person.get("/login")).text
        fields = {TOKEN_FIELD: hidden(page, TOKEN_FIELD), "identifier": issuer.webid()}
        answer = await person.post("/login", fields, "application/json")
    assert (answer.status, '"code": "login.profile-not-found"' in answer.text) == (400, True)


async def test_after_the_fault_the_same_form_logs_in(gate: TestGate, issuer: AwkwardIssuer) -> None:
    issuer.quirks.add(Quirk.PROFILE_MISSING)
    async with gate.browser() as person:
        page = (await enter(person, issuer.webid())).text
        issuer.quirks.clear()
        gate.clock.ahead += timedelta(seconds=11)  # a fault is kept for ten seconds
        sent = {name: hidden(page, name) for name in (TOKEN_FIELD, "return_to")}
        leaving = await person.post("/login", {**sent, "identifier": issuer.webid()})
        assert leaving.status == 200
        back = await came_back(person, issuer, leaving)
    assert back.place == f"/me/confirm?return_to={quote(JOINING, safe='')}"


async def test_several_providers_are_a_choice_and_a_bad_one_leads_back(
    gate: TestGate, issuer: AwkwardIssuer
) -> None:
    issuer.also_named.append("http://127.0.0.1:9/")
    async with gate.browser() as person:
        choice = await enter(person, issuer.webid())
        assert choice.status == 200
        assert heading(choice.text) == "Which provider do you want to use?"
        bad = await enter(person, issuer.webid(), issuer="http://127.0.0.1:9/")
        assert bad.status == 502
        assert f'value="{issuer.webid()}"' in bad.text
        good = await enter(person, issuer.webid(), issuer=issuer.issuer)
        assert heading(good.text).startswith("You go to")


# --- the way back from the provider -------------------------------------------------------------------


async def callback_of(issuer: AwkwardIssuer, leaving: Answer) -> str:
    found = re.search(r'id="continue" href="([^"]*)"', leaving.text)
    assert found
    query = await issuer.agree(unescape(found[1]))
    return "/callback?" + "&".join(
        f"{name}={quote(one, safe='')}" for name, values in query.items() for one in values
    )


async def came_back(person: Browser, issuer: AwkwardIssuer, leaving: Answer) -> Answer:
    return await person.get(await callback_of(issuer, leaving))


Step = Callable[[TestGate, Browser, AwkwardIssuer, Answer], Awaitable[Answer]]


async def plain(gate: TestGate, person: Browser, issuer: AwkwardIssuer, leaving: Answer) -> Answer:
    return await came_back(person, issuer, leaving)


async def too_late(gate: TestGate, person: Browser, issuer: AwkwardIssuer, leaving: Answer) -> Answer:
    path = await callback_of(issuer, leaving)
    gate.clock.ahead += timedelta(minutes=11)
    return await person.get(path)


async def our_clock_is_off(gate: TestGate, person: Browser, issuer: AwkwardIssuer, leaving: Answer) -> Answer:
    path = await callback_of(issuer, leaving)
    gate.clock.ahead += timedelta(minutes=9)
    return await person.get(path)


async def twice(gate: TestGate, person: Browser, issuer: AwkwardIssuer, leaving: Answer) -> Answer:
    path = await callback_of(issuer, leaving)
    assert (await person.get(path)).status == 303
    return await person.get(path)


async def provider_gone(gate: TestGate, person: Browser, issuer: AwkwardIssuer, leaving: Answer) -> Answer:
    path = await callback_of(issuer, leaving)
    await issuer.__aexit__(None, None, None)
    return await person.get(path)


AGAIN = f"/login?return_to={quote(JOINING, safe='')}"
# What happens at the provider, or after: quirks, the step, status, code, the heading, where the page leads.
CAME_BACK: dict[str, tuple[set[Quirk], Step, int, str, str, str]] = {
    "cancelled": ({Quirk.CALLBACK_CANCELLED}, plain, 403, "login.cancelled", "You did not log in", AGAIN),
    "another state": (
        {Quirk.CALLBACK_OTHER_STATE},
        plain,
        400,
        "login.state-unknown",
        "This login cannot be continued",
        AGAIN,
    ),
    "took too long": (set(), too_late, 400, "login.took-too-long", "This login took too long", AGAIN),
    "their clock": ({Quirk.IAT_IN_FUTURE}, plain, 401, "login.clock-off", "Two clocks do not agree", AGAIN),
    "our clock": (set(), our_clock_is_off, 401, "login.clock-off", "Two clocks do not agree", AGAIN),
    "twice": (set(), twice, 409, "login.already-finished", "You are logged in already", "/me/confirm"),
    "an error there": ({Quirk.CALLBACK_ERROR}, plain, 401, "login.refused", "Logging in did not work", AGAIN),
    "no token": ({Quirk.BEARER_TOKENS}, plain, 401, "login.refused", "Logging in did not work", AGAIN),
    "repeated": (
        {Quirk.CALLBACK_REPEATED_ISS},
        plain,
        401,
        "login.refused",
        "Logging in did not work",
        AGAIN,
    ),
    "provider gone": (
        set(),
        provider_gone,
        502,
        "fetch.unreachable",
        "The pod or its provider did not answer as expected",
        AGAIN,
    ),
}


@pytest.mark.parametrize("case", CAME_BACK)
async def test_what_goes_wrong_on_the_way_back_has_a_page_that_leads_on(
    gate: TestGate, issuer: AwkwardIssuer, case: str
) -> None:
    quirks, step, status, code, title, way_on = CAME_BACK[case]
    async with gate.browser() as person:
        leaving = await enter(person, issuer.webid())
        issuer.quirks |= quirks
        answer = await step(gate, person, issuer, leaving)
        page = answer.text
        assert (answer.status, f"<code>{code}</code>" in page) == (status, True), page
        assert heading(page) == title
        assert f'<p class="row">\n<a class="button" href="{way_on}">' in page
        assert answer.headers["X-Request-Id"] in page
        assert not JARGON.search(page)
        led = await person.get(way_on)
        assert led.status == 200
        if way_on == AGAIN:
            assert hidden(led.text, "return_to") == JOINING


@pytest.mark.parametrize("tag", ["fr", "nl"])
async def test_the_pages_of_the_way_back_are_in_the_persons_language(
    gate: TestGate, issuer: AwkwardIssuer, tag: str
) -> None:
    async with gate.browser() as person:
        await person.get(f"/?lang={tag}")
        for case in ("cancelled", "another state", "their clock", "an error there"):
            quirks, step, status, _, title, _ = CAME_BACK[case]
            leaving = await enter(person, issuer.webid())
            issuer.quirks |= quirks
            answer = await step(gate, person, issuer, leaving)
            issuer.quirks.clear()
            assert answer.status == status
            assert heading(answer.text) != title, case
            assert "Begin the login again" not in answer.text


async def test_a_callback_of_nobody_leads_to_the_login(gate: TestGate) -> None:
    async with gate.browser() as person:
        answer = await person.get("/callback?state=unknown&code=x&iss=https://x.example/")
        assert answer.status == 400
        assert 'href="/login?return_to=%2Fme"' in answer.text
