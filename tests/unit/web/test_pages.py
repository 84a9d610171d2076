"""The pages over real HTTP and the real store: what a person meets from the invitation to the withdrawal."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from solidgate.flow import invite, space
from solidgate.settings import Consent, Login
from solidgate.testing.awkward import LOGIN_PAGE
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.terms import ADVICE, STUDY, sample_agreement
from solidgate.web.forms import TOKEN_FIELD
from tests.unit.web.asked import ANNA, POD, READINGS, hidden

# Well written, and refused at the door to the outside.
REFUSED = "https://127.0.0.1/profile#me"


async def invited(gate: TestGate, **changes: object) -> str:
    """A space and the token of an invitation to it."""
    await space.create(gate.world, sample_agreement(**changes))  # type: ignore[arg-type]
    return await invite.invite(gate.world, None, "home-energy", uses=0, days=14)


async def asked(gate: TestGate, person: Browser) -> str:
    """The path of this person's request."""
    token = await invited(gate)
    return (await person.get(f"/join/{token}/request")).place


async def say(person: Browser, request: str, answer: str, **fields: str) -> tuple[int, str]:
    page = (await person.get(request)).text
    sent = {name: hidden(page, name) for name in ("shown", "language", TOKEN_FIELD)}
    reply = await person.post(request, {**sent, "until": "", "answer-advice": answer, **fields})
    return reply.status, reply.place or reply.text


async def test_the_landing_page_tells_all_before_any_login(gate: TestGate) -> None:
    token = await invited(gate)
    async with gate.browser() as browser:
        page = (await browser.get(f"/join/{token}")).text
    assert "Energy Cooperative asks to use some of the data in your pod, for: Energy advice." in page
    assert "The organisation reads nothing before you say yes." in page
    assert page.count('<div id="row-') == 8
    assert page.count("<script") == 0


async def test_no_thanks_needs_no_login_and_keeps_no_identity(gate: TestGate) -> None:
    token = await invited(gate)
    async with gate.browser() as browser:
        page = (await browser.get(f"/join/{token}")).text
        reply = await browser.post(f"/join/{token}", {TOKEN_FIELD: hidden(page, TOKEN_FIELD), "choice": "no"})
        again = await browser.get(f"/join/{token}")
    assert "You said no thanks" in reply.text
    assert "You said no thanks" in again.text


async def test_continue_leads_to_login_and_login_leads_back(gate: TestGate) -> None:
    token = await invited(gate)
    async with gate.browser() as browser:
        page = (await browser.get(f"/join/{token}")).text
        fields = {TOKEN_FIELD: hidden(page, TOKEN_FIELD), "choice": "continue"}
        onward = (await browser.post(f"/join/{token}", fields)).place
        login = (await browser.get(onward)).place
        form = (await browser.get(login)).text
    assert login == f"/login?return_to=%2Fjoin%2F{token}%2Frequest"
    assert hidden(form, "return_to") == onward


async def test_a_yes_is_recorded_with_what_was_shown(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    status, place = await say(anna, request, "yes")
    assert status == 303
    page = (await anna.get(place)).text
    assert "You said yes" in page
    assert "Open: your pod lets the space read" in page
    record = await anna.get(place, "application/json")
    assert b'"status":"given"' in record.content
    assert (POD + "energy/2025.ttl").encode() in record.content


async def test_a_no_reads_nothing_and_opens_no_door(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    _, place = await say(anna, request, "no")
    assert "You said no" in (await anna.get(place)).text
    assert gate.pods.doors == {}


async def test_a_second_answer_shows_the_first(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    page = (await anna.get(request)).text
    fields = {name: hidden(page, name) for name in ("shown", "language")}
    first = await anna.post(request, {**fields, "answer-advice": "yes"})
    second = await anna.post(request, {**fields, "answer-advice": "no"})
    assert (first.status, second.status) == (303, 409)
    assert "The first answer stands" in second.text
    assert "You said yes" in second.text


async def test_changed_terms_answer_409_with_the_difference(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    page = (await anna.get(request)).text
    fields = {name: hidden(page, name) for name in ("shown", "language")}
    changed = sample_agreement(purposes=(ADVICE, STUDY), version=2)
    await space.publish(gate.world, "home-energy", changed)
    reply = await anna.post(request, {**fields, "answer-advice": "yes"})
    assert reply.status == 409
    assert "Your answer was not recorded." in reply.text
    assert "<ins>A study" in reply.text
    assert gate.pods.doors == {}


async def test_several_purposes_are_several_choices(gate: TestGate, anna: Browser) -> None:
    token = await invited(gate, purposes=(ADVICE, STUDY))
    request = (await anna.get(f"/join/{token}/request")).place
    question = (await anna.get(request)).text
    bound = "&".join(f"{name}={hidden(question, name)}" for name in ("shown", "language", "ours"))
    page = (await anna.get(f"{request}/choices?{bound}")).text
    assert page.count("<fieldset ") == 2
    half = await anna.get(f"{request}/check?{bound}&answer-study=no")
    assert half.status == 400
    assert re.search(r'name="answer-study" value="no"[^>]* checked', half.text), "the other choice is kept"
    whole = await anna.get(f"{request}/check?{bound}&answer-study=no&answer-advice=yes")
    assert "Nothing is recorded yet." in whole.text
    status, text = await say(anna, request, "yes")
    assert status == 400
    assert "A choice is still open" in text
    status, place = await say(anna, request, "yes", **{"answer-study": "no"})
    assert (status, place) == (303, "/me")


async def test_a_login_page_in_the_place_of_a_document_is_told_before_the_question(
    gate: TestGate, anna: Browser
) -> None:
    url = f"{POD}energy/2025.ttl"
    gate.pods.held[url] = replace(gate.pods.held[url], content=LOGIN_PAGE, media_type="text/html")
    page = (await anna.get(await asked(gate, anna))).text
    assert "What is needed was not found" in page
    assert 'value="yes"' not in page


async def test_the_end_date_is_never_beyond_the_offer(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    page = (await anna.get(request)).text
    choices = re.findall(r'<option value="([^"]*)">', page)
    assert choices == sorted(choices), "the shortest stands first, and so is what a plain yes means"
    assert len(choices) == 3
    status, text = await say(anna, request, "yes", until="2099-01-01")
    assert status == 400
    assert "This end date is not possible." in text
    status, place = await say(anna, request, "yes", until=choices[0])
    told = (await anna.get(place, "application/json")).text
    assert re.search(rf'"until":"{choices[0]}T2[12]:59:59', told), "the whole day in Brussels, in UTC"


async def test_withdrawing_is_one_post_and_can_be_repeated(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    _, place = await say(anna, request, "yes")
    first = await anna.post(f"{place}/withdraw", {})
    second = await anna.post(f"{place}/withdraw", {}, "application/json")
    assert (first.status, second.status) == (200, 200)
    assert "Your consent is withdrawn" in first.text
    assert gate.pods.doors == {}
    assert b'"quiescent":true' in second.content


async def test_no_pace_stands_in_the_way_of_a_withdrawal(database_url: str, tmp_path: Path) -> None:
    """The session has sent as much as it may in this minute; withdrawing still works."""
    slow = Consent(posts_per_minute=1)
    async with open_gate(database_url, tmp_path, consent=slow) as gate, gate.browser(ANNA) as anna:
        gate.pods.give(ANNA, POD, READINGS)
        _, place = await say(anna, await asked(gate, anna), "yes")
        assert (await anna.post(f"{place}/door", {})).status == 429
        assert (await anna.post(f"{place}/withdraw", {})).status == 200


async def test_a_pod_that_keeps_its_door_makes_the_withdrawal_202(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    _, place = await say(anna, request, "yes")
    gate.pods.refuses |= {"close_door", "door_state"}
    reply = await anna.post(f"{place}/withdraw", {})
    assert reply.status == 202
    assert "you can also remove the access in your pod yourself" in reply.text
    gate.pods.refuses.clear()
    assert (await anna.get(f"{place}/withdraw")).status == 200


async def test_after_a_withdrawal_one_can_be_asked_anew(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    _, place = await say(anna, request, "yes")
    await anna.post(f"{place}/withdraw", {})
    again = await anna.post(f"{place}/again", {})
    assert again.status == 303
    assert again.place.startswith("/requests/")
    assert again.place != request


async def test_the_receipt_comes_in_all_its_forms(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    _, place = await say(anna, request, "yes")
    token = await anna.get(f"{place}/receipt.jwt")
    same = await anna.get(f"{place}/receipt", "application/vc+jwt")
    assert token.content == same.content
    assert token.content.count(b".") == 2
    assert token.headers["Content-Type"] == "application/vc+jwt"
    assert b"ConsentRecord" in (await anna.get(f"{place}/receipt.ttl")).content
    assert b"ConsentRecord" in (await anna.get(f"{place}/receipt.jsonld")).content
    assert "Consent receipt" in (await anna.get(f"{place}/receipt")).text


async def test_a_door_that_did_not_open_can_be_opened_again(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    gate.pods.refuses |= {"open_door"}
    _, place = await say(anna, request, "yes")
    page = (await anna.get(place)).text
    assert "pod.forbidden" in page
    assert "Open the door again" in page
    gate.pods.refuses.clear()
    await anna.post(f"{place}/door", {})
    assert "Open: your pod lets the space read" in (await anna.get(place)).text


async def test_one_address_has_many_forms(gate: TestGate, anna: Browser) -> None:
    await invited(gate)
    for path, accept, media_type in [
        ("/spaces/home-energy", "text/html", "text/html"),
        ("/spaces/home-energy", "application/json", "application/json"),
        ("/spaces/home-energy", "text/turtle", "text/turtle"),
        ("/spaces/home-energy.jsonld", "text/html", "application/ld+json"),
        ("/spaces.json", "*/*", "application/json"),
        ("/spaces/home-energy/agreement", "application/json", "application/json"),
        ("/errors", "application/json", "application/json"),
        ("/ns", "text/html", "text/html"),
        ("/ns.ttl", "*/*", "text/turtle"),
        ("/ns", "application/ld+json", "application/ld+json"),
        ("/me", "application/json", "application/json"),
    ]:
        reply = await anna.get(path, accept)
        assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (200, media_type), path
        assert "Accept" in reply.headers["Vary"]
    refused = await anna.get("/spaces/home-energy", "image/png")
    assert refused.status == 406
    assert "text/turtle" in refused.text


async def test_the_language_follows_the_person(gate: TestGate, anna: Browser) -> None:
    french = await anna.get("/", **{"Accept-Language": "fr-BE, en;q=0.5"})
    assert '<html lang="fr" dir="ltr">' in french.text
    assert french.headers["Content-Language"] == "fr"
    await anna.get("/?lang=nl")
    assert '<html lang="nl"' in (await anna.get("/")).text


async def test_the_language_shown_is_the_language_recorded(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    await anna.get("/?lang=fr")
    _, place = await say(anna, request, "yes")
    assert b'"notice_language":"fr"' in (await anna.get(place, "application/json")).content


async def test_log_out_ends_the_session_on_the_server(gate: TestGate, anna: Browser) -> None:
    out = await anna.post("/logout", {})
    assert out.place == "/"
    assert anna.session is not None
    headers = {"Cookie": f"solidgate-session={anna.session.session_id}"}
    assert (await anna.get("/me", "application/json", **headers)).status == 401


async def test_too_many_logins_and_answers_wait(database_url: str, tmp_path: Path) -> None:
    limits = {"login": Login(attempts_per_minute=2), "consent": Consent(posts_per_minute=1)}
    async with open_gate(database_url, tmp_path, **limits) as gate, gate.browser(ANNA) as anna:
        page = (await anna.get("/login")).text.partition("<main")[2]  # "Leave" has a token too
        fields = {TOKEN_FIELD: hidden(page, TOKEN_FIELD), "identifier": REFUSED, "return_to": "/me"}
        replies = [await anna.post("/login", fields) for _ in range(3)]
        assert [reply.status for reply in replies] == [400, 400, 429]
        assert int(replies[2].headers["Retry-After"]) <= 60
        posts = [(await anna.post("/requests/none", {"answer-a": "yes"})).status for _ in range(2)]
        assert posts == [404, 429]


async def test_browsers_behind_one_address_are_counted_apart_up_to_a_higher_limit(
    database_url: str, tmp_path: Path
) -> None:
    limits = {"login": Login(attempts_per_minute=2, attempts_per_address=3)}
    async with (
        open_gate(database_url, tmp_path, **limits) as gate,
        gate.browser() as first,
        gate.browser() as second,
    ):
        assert [await attempt(first, REFUSED) for _ in range(3)] == [400, 400, 429]
        assert [await attempt(second, REFUSED) for _ in range(2)] == [400, 429]


async def test_a_typing_mistake_is_no_attempt(database_url: str, tmp_path: Path) -> None:
    limits = {"login": Login(attempts_per_minute=1, attempts_per_address=1)}
    async with open_gate(database_url, tmp_path, **limits) as gate, gate.browser() as person:
        mistakes = [await attempt(person, wrong) for wrong in ("anna", "", "https://", "http://x.example/")]
        assert mistakes == [400] * 4
        assert [await attempt(person, REFUSED) for _ in range(2)] == [400, 429]


@pytest.mark.parametrize(
    "inside", ["https://10.0.0.1/", "https://[fd00::1]/", "https://localhost:8443/anna#me"]
)
async def test_trying_addresses_inside_a_network_is_an_attempt(
    database_url: str, tmp_path: Path, inside: str
) -> None:
    limits = {"login": Login(attempts_per_minute=1)}
    async with open_gate(database_url, tmp_path, **limits) as gate, gate.browser() as person:
        assert [await attempt(person, inside) for _ in range(2)] == [400, 429]


async def attempt(browser: Browser, identifier: str) -> int:
    page = (await browser.get("/login")).text
    fields = {TOKEN_FIELD: hidden(page, TOKEN_FIELD), "identifier": identifier, "return_to": "/me"}
    return (await browser.post("/login", fields)).status


async def test_calls_with_a_token_wait_before_anybody_is_asked(database_url: str, tmp_path: Path) -> None:
    limits = {"login": Login(token_calls_per_minute=2)}
    async with open_gate(database_url, tmp_path, **limits) as gate, gate.browser() as program:
        calls = [await program.get("/spaces/x/runs", Authorization="DPoP nonsense") for _ in range(3)]
        assert [call.status for call in calls] == [401, 401, 429]
        assert (await program.get("/spaces")).status == 200


async def test_every_page_is_made_of_our_own_parts_only(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    for path in ("/", "/spaces", "/spaces/home-energy", "/login", "/me", request, "/errors", "/nowhere"):
        page = await anna.get(path)
        loaded = re.findall(r'(?:src|<link[^>]* href)="([^"]*)"', page.text)
        assert loaded, path
        assert all(address.startswith("/static/") for address in loaded), path
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "<script" not in page.text
        assert " style=" not in page.text


async def test_static_files_are_immutable_under_their_digest(gate: TestGate, anna: Browser) -> None:
    address = re.search(r'href="(/static/[^"]*\.css)"', (await anna.get("/")).text)
    assert address
    sheet = await anna.get(address[1])
    assert "immutable" in sheet.headers["Cache-Control"]
    assert (await anna.get("/static/solidgate.css")).status == 404


async def test_the_receipt_goes_where_the_form_says_through_all_steps(gate: TestGate, anna: Browser) -> None:
    token = await invited(gate, purposes=(ADVICE, STUDY))
    request = (await anna.get(f"/join/{token}/request")).place
    question = (await anna.get(request)).text
    shown, ours = hidden(question, "shown"), hidden(question, "ours")
    bound = f"shown={shown}&language=en&ours={ours}"
    asked = f"{bound}&answer-advice=yes&answer-study=no&until=&receipt_container=my/papers"
    assert 'value="my/papers"' in (await anna.get(f"{request}/choices?{asked}")).text
    page = (await anna.get(f"{request}/check?{asked}")).text
    assert f"{POD}my/papers" in page
    assert hidden(page, "receipt_container") == "my/papers"
    fields = {"shown": shown, "language": "en", "answer-advice": "yes", "answer-study": "no"}
    await anna.post(request, {**fields, "receipt_container": hidden(page, "receipt_container")})
    assert [url for url in gate.pods.held if url.startswith(POD + "my/papers/")]


async def test_the_form_for_one_purpose_asks_where_the_receipt_goes(gate: TestGate, anna: Browser) -> None:
    request = await asked(gate, anna)
    page = (await anna.get(request)).text
    assert 'name="receipt_container"' in page
    assert f"Below {POD}. Left empty, it is solidgate/receipts/" in page
    status, _ = await say(anna, request, "yes", receipt_container="../up")
    assert status == 400


async def test_everything_is_withdrawn_on_one_page(gate: TestGate, anna: Browser) -> None:
    token = await invited(gate, purposes=(ADVICE, STUDY))
    request = (await anna.get(f"/join/{token}/request")).place
    shown = hidden((await anna.get(request)).text, "shown")
    yes = {"answer-advice": "yes", "answer-study": "yes"}
    await anna.post(request, {"shown": shown, "language": "en", **yes})
    assert 'href="/me/withdraw"' in (await anna.get("/me")).text
    page = (await anna.get("/me/withdraw?space=home-energy")).text
    assert hidden(page, "space") == "home-energy"
    assert "nothing to withdraw" in (await anna.get("/me/withdraw?space=other")).text
    done = await anna.post("/me/withdraw", {"space": "home-energy", "results": "keep"})
    assert done.status == 200
    assert done.text.count("The door is closed") == 2
    assert gate.pods.doors == {}
    again = await anna.post("/me/withdraw", {}, "application/json")
    assert again.status == 403
