"""Routes × who calls → status and code. What the gate will not do, as a table.

What it holds against: forged forms, the same answer for "unknown" and "not yours", ids of other tenants, and
the families of ``errors.py``. A row with 2xx or 303 is there to show that the table can fail.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from solidgate.flow import ask, invite, space, withdraw
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.space import answer, join
from solidgate.testing.terms import CONSUMER, OUTSIDER, OWNER, sample_agreement
from solidgate.web.forms import TOKEN_FIELD
from solidgate.web.routes import ROUTES

ANNA = "https://anna.example/profile/card#me"
BEN = "https://ben.example/profile/card#me"
SPACE = "/spaces/home-energy"

NOTHING_GIVEN = (403, "consent.not-given")
UNCONFIRMED = (400, "rights.erasure-not-confirmed")
LOGIN = (401, "login.needed")
NO_REQUEST = (404, "request.not-found")
NO_CONSENT = (404, "consent.not-found")
NO_ROLE = (403, "space.role-missing")
FINE = (200, "")

# One row: method, path, and the outcome for nobody, the wrong person, another organisation.
PEOPLE = [
    ("GET", "/me", LOGIN, FINE, FINE),
    ("GET", "/me/confirm", LOGIN, FINE, FINE),
    ("GET", "/me/photo", LOGIN, (404, "request.page-not-found"), (404, "request.page-not-found")),
    ("GET", "/me/results", LOGIN, FINE, FINE),
    ("GET", "/me/rights", LOGIN, FINE, FINE),
    ("GET", "/me/withdraw", LOGIN, FINE, FINE),
    ("POST", "/me/withdraw", LOGIN, NOTHING_GIVEN, NOTHING_GIVEN),
    ("GET", "/me/export", LOGIN, FINE, FINE),
    ("GET", "/me/erase", LOGIN, FINE, FINE),
    ("POST", "/me/erase", LOGIN, UNCONFIRMED, UNCONFIRMED),
    ("GET", "/me/activity", LOGIN, FINE, FINE),
    ("POST", "/me/activity", LOGIN, (400, "rights.container-not-yours"), (502, "pod.no-storage")),
    ("GET", "/join/{token}/request", LOGIN, (303, ""), (502, "pod.no-storage")),
    ("GET", "/requests/{request}", LOGIN, NO_REQUEST, NO_REQUEST),
    ("POST", "/requests/{request}", LOGIN, NO_REQUEST, NO_REQUEST),
    ("GET", "/requests/{request}/choices", LOGIN, NO_REQUEST, NO_REQUEST),
    ("GET", "/requests/{request}/check", LOGIN, NO_REQUEST, NO_REQUEST),
    ("GET", "/requests/{request}/word", LOGIN, NO_REQUEST, NO_REQUEST),
    ("POST", "/requests/{request}/later", LOGIN, NO_REQUEST, NO_REQUEST),
    ("POST", "/requests/{request}/language", LOGIN, (303, ""), (303, "")),
    ("GET", "/requests/{request}/storage", LOGIN, NO_REQUEST, NO_REQUEST),
    ("POST", "/requests/{request}/storage", LOGIN, NO_REQUEST, NO_REQUEST),
    ("POST", "/requests/{request}/look", LOGIN, NO_REQUEST, NO_REQUEST),
    ("GET", "/requests/{request}/preview", LOGIN, NO_REQUEST, NO_REQUEST),
    ("GET", "/requests/{request}/preview/1", LOGIN, NO_REQUEST, NO_REQUEST),
    ("GET", "/requests/{request}/example", LOGIN, NO_REQUEST, NO_REQUEST),
    ("GET", "/consents/{consent}/events", LOGIN, NO_CONSENT, NO_CONSENT),
    ("GET", "/consents/{consent}", LOGIN, NO_CONSENT, NO_CONSENT),
    ("GET", "/consents/{consent}.ttl", LOGIN, NO_CONSENT, NO_CONSENT),
    ("GET", "/consents/{consent}/receipt.jwt", LOGIN, NO_CONSENT, NO_CONSENT),
    ("POST", "/consents/{consent}/receipt", LOGIN, NO_CONSENT, NO_CONSENT),
    ("GET", "/consents/{consent}/activity", LOGIN, NO_CONSENT, NO_CONSENT),
    ("GET", "/consents/{consent}/door", LOGIN, NO_CONSENT, NO_CONSENT),
    ("POST", "/consents/{consent}/door/check", LOGIN, NO_CONSENT, NO_CONSENT),
    ("POST", "/consents/{consent}/door", LOGIN, NO_CONSENT, NO_CONSENT),
    ("POST", "/consents/{consent}/door/close", LOGIN, NO_CONSENT, NO_CONSENT),
    ("GET", "/consents/{consent}/access?accessGrantUrl=https://vc.example/1", LOGIN, NO_CONSENT, NO_CONSENT),
    ("POST", "/consents/{consent}/again", LOGIN, NO_CONSENT, NO_CONSENT),
    ("GET", "/consents/{consent}/withdraw", LOGIN, NO_CONSENT, NO_CONSENT),
    ("POST", "/consents/{consent}/withdraw", LOGIN, NO_CONSENT, NO_CONSENT),
    ("POST", "/logout", LOGIN, (303, ""), (303, "")),
]
ORGANISATIONS = [
    ("GET", "/spaces", FINE, FINE, FINE),
    ("GET", SPACE, FINE, FINE, FINE),
    ("GET", SPACE + "/agreement", FINE, FINE, FINE),
    ("GET", SPACE + "/approvals", FINE, FINE, FINE),
    ("GET", SPACE + "/algorithm", *[(404, "algorithm.not-found")] * 3),
    ("POST", SPACE + "/approvals", LOGIN, NO_ROLE, NO_ROLE),
    ("POST", SPACE + "/invitations", LOGIN, NO_ROLE, NO_ROLE),
    ("GET", SPACE + "/runs", LOGIN, NO_ROLE, NO_ROLE),
    ("POST", SPACE + "/runs", LOGIN, NO_ROLE, NO_ROLE),
    ("GET", SPACE + "/runs/none", LOGIN, NO_ROLE, NO_ROLE),
    ("GET", SPACE + "/runs/none/events", LOGIN, NO_ROLE, NO_ROLE),
    ("POST", SPACE + "/runs/none/cancel", LOGIN, NO_ROLE, NO_ROLE),
    ("GET", SPACE + "/results", LOGIN, NO_ROLE, NO_ROLE),
    ("GET", SPACE + "/sparql?query=ASK%7B%7D", LOGIN, NO_ROLE, NO_ROLE),
    ("POST", SPACE + "/sparql", LOGIN, NO_ROLE, NO_ROLE),
    ("POST", "/notifications/" + "x" * 43, *[(404, "notification.channel-unknown")] * 3),
    ("GET", "/spaces/unknown", *[(404, "space.not-found")] * 3),
    ("GET", "/spaces/unknown/runs", LOGIN, *[(404, "space.not-found")] * 2),
    ("POST", SPACE + "/algorithm", LOGIN, (400, "request.body-invalid"), (400, "request.body-invalid")),
]
FORMS = {
    "/requests/{request}": {"answer-advice": "yes", "shown": "sha256:0", "language": "en"},
    SPACE + "/approvals": {
        "agreement_digest": "sha256:0",
        "algorithm_digest": "sha256:" + "a" * 64,
        "decision": "approve",
    },
    SPACE + "/sparql": {"query": "ASK {}"},
}
# Without a session, or the same for everybody.
OPEN = {
    "start",
    "join",
    "login",
    "forget",
    "callback",
    "ns",
    "errors",
    "static",
    "healthz",
    "readyz",
    "metrics",
    "version",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A space with Anna's yes in it; and everybody who may not use it."""

    gate: TestGate
    names: dict[str, str]
    nobody: Browser
    anna: Browser
    ben: Browser
    outsider: Browser


@pytest.fixture
async def scene(database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        gate = await stack.enter_async_context(open_gate(database_url, tmp_path))
        gate.pods.give(ANNA, "https://anna.example/", {"energy/2025.ttl": b""})
        gate.pods.give(BEN, "https://ben.example/", {})
        browsers = [await stack.enter_async_context(gate.browser(who)) for who in (None, ANNA, BEN, OUTSIDER)]
        yield Scene(gate, await _story(gate, browsers[1]), *browsers)


async def _story(gate: TestGate, anna: Browser) -> dict[str, str]:
    await space.create(gate.world, sample_agreement())
    token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
    session = anna.session
    assert session
    request = await ask.ask(gate.world, session, token)
    made = await answer(gate.world, session, request)
    return {"token": token, "request": request, "consent": made[0].record.consent_id}


async def outcome(who: Browser, method: str, path: str, names: dict[str, str]) -> tuple[int, str]:
    """The status and the code of the problem document."""
    address = path.format(**names)
    if method == "GET":
        answer = await who.get(address, "application/json;q=1, */*;q=0.1")
    else:
        answer = await who.post(address, FORMS.get(path, {}), "application/json")
    kind = answer.headers.get("Content-Type", "")
    return answer.status, json.loads(answer.content)["code"] if kind.startswith("application/problem") else ""


async def test_the_table_of_people(scene: Scene) -> None:
    await _holds(scene, PEOPLE)


async def test_the_table_of_organisations(scene: Scene) -> None:
    await _holds(scene, ORGANISATIONS)


async def _holds(
    scene: Scene, table: list[tuple[str, str, tuple[int, str], tuple[int, str], tuple[int, str]]]
) -> None:
    wrong = []
    for method, path, *expected in table:
        found = [
            await outcome(who, method, path, scene.names) for who in (scene.nobody, scene.ben, scene.outsider)
        ]
        if found != expected:
            wrong.append((method, path, found, expected))
    assert not wrong


def test_the_table_names_every_route() -> None:
    rows = {(method, path.partition("?")[0]) for method, path, *_ in PEOPLE + ORGANISATIONS}
    lacking = [
        (route.method, route.path)
        for route in ROUTES
        if route.name not in OPEN
        and not any(
            route.method == method and re.fullmatch(_pattern(route.path), _made_up(path))
            for method, path in rows
        )
        and not route.path.startswith(("/.well-known", "/jwks", "/client", "/spaces/{id}/agent"))
        and not route.path.endswith(("/agent", "/agent{suffix:(?:\\.[a-z]+)?}"))
    ]
    assert not lacking


def _made_up(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


def _pattern(path: str) -> str:
    return re.sub(r"\{\w+:((?:[^{}]|\{[^{}]*\})+)\}", r"(?:\1)", path)


async def test_unknown_and_not_yours_are_one_answer(scene: Scene) -> None:
    for path in ("/consents/{}", "/requests/{}"):
        theirs = scene.names["consent" if "consent" in path else "request"]
        answers = [await scene.ben.get(path.format(one), "application/json") for one in (theirs, "f" * 32)]
        bodies = [
            {key: text for key, text in json.loads(answer.content).items() if key != "request_id"}
            for answer in answers
        ]
        assert bodies[0] == bodies[1]


async def test_a_withdrawn_consent_gives_only_its_record(scene: Scene) -> None:
    session = scene.anna.session
    assert session
    await withdraw.withdraw(scene.gate.world, session, scene.names["consent"])
    expected = {
        ("GET", "/consents/{consent}"): FINE,
        ("GET", "/consents/{consent}/receipt.jwt"): FINE,
        ("POST", "/consents/{consent}/withdraw"): FINE,
        ("POST", "/consents/{consent}/door"): FINE,
        ("GET", "/consents/{consent}/door"): (403, "consent.not-given"),
        ("POST", "/consents/{consent}/door/check"): (403, "consent.not-given"),
        ("POST", "/requests/{request}"): (409, "request.answered"),
    }
    for (method, path), wanted in expected.items():
        assert await outcome(scene.anna, method, path, scene.names) == wanted, path
    assert scene.gate.pods.doors == {}, "asking for a door again opens none"


async def test_a_refused_consent_has_no_door_and_nothing_to_withdraw(scene: Scene) -> None:
    session = await scene.gate.log_in(BEN)
    scene.gate.pods.give(BEN, "https://ben.example/", {"energy/2025.ttl": b""})
    made = await join(scene.gate.world, session, scene.names["token"], ())
    names = {"consent": made[0].record.consent_id}
    before = dict(scene.gate.pods.doors)
    assert await outcome(scene.ben, "POST", "/consents/{consent}/door", names) == FINE
    refused = await outcome(scene.ben, "POST", "/consents/{consent}/withdraw", names)
    assert refused == (403, "consent.not-given")
    assert scene.gate.pods.doors == before


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({TOKEN_FIELD: ""}, {}),
        ({TOKEN_FIELD: "0" * 64}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
    ],
)
async def test_a_forged_form_is_refused(
    scene: Scene, fields: dict[str, str], headers: dict[str, str]
) -> None:
    for path in ("/requests/{request}", "/consents/{consent}/withdraw", "/logout", SPACE + "/runs"):
        answer = await scene.anna.post(path.format(**scene.names), fields, "application/json", **headers)
        assert (answer.status, json.loads(answer.content)["code"]) == (403, "form.token-invalid"), path


async def test_the_token_of_another_session_is_refused(scene: Scene) -> None:
    page = (await scene.ben.get("/me")).text
    token = re.search(rf'name="{TOKEN_FIELD}" value="(\w+)"', page)
    assert token
    answer = await scene.anna.post("/logout", {TOKEN_FIELD: token[1]}, "application/json")
    assert answer.status == 403


@pytest.mark.parametrize(
    "path", ["/requests/{request}", "/consents/{consent}", "/consents/{consent}/withdraw"]
)
async def test_whoever_posted_from_a_page_finds_the_way_back_to_it(scene: Scene, path: str) -> None:
    page = "/".join(path.format(**scene.names).split("/")[:3])
    posted = path if path.endswith("withdraw") or "request" in path else f"{path}/door"
    ended = await scene.nobody.post(posted.format(**scene.names), {})
    login = f"/login?return_to={page.replace('/', '%2F')}"
    if "request" in path:  # an answer: its choices come along, so the way leads on at once
        assert (ended.status, ended.place) == (303, f"{login}&ended=page")
    else:
        assert ended.status == 401
        assert f'href="{login}"' in ended.text
    forged = await scene.anna.post(posted.format(**scene.names), {TOKEN_FIELD: ""})
    assert forged.status == 403
    assert f'href="{page}"' in forged.text
    stranger = await scene.ben.post(posted.format(**scene.names), FORMS.get(path, {}))
    assert stranger.status == 404
    assert f'href="{page}"' not in stranger.text


ROLES = [
    (OWNER, SPACE + "/runs", (403, "algorithm.not-approved")),
    (CONSUMER, SPACE + "/runs", (403, "algorithm.not-approved")),
    (CONSUMER, SPACE + "/approvals", (404, "space.terms-unknown")),
    (CONSUMER, SPACE + "/invitations", (201, "")),
    (OWNER, SPACE + "/sparql", NO_ROLE),
]


async def test_a_role_allows_what_it_is_for_and_no_more(scene: Scene) -> None:
    for webid, path, wanted in ROLES:
        async with scene.gate.browser(webid) as organisation:
            assert await outcome(organisation, "POST", path, scene.names) == wanted, (webid, path)


_TEXT = {"Content-Type": "application/sparql-query"}
QUERIES: list[tuple[str, str, dict[str, str], bytes | None, str]] = [
    ("GET", "?update=DROP%20ALL", {}, None, "query.refused"),
    ("GET", "?query=ASK%7B%7D&default-graph-uri=x", {}, None, "query.refused"),
    ("GET", "?query=ASK%7B%7D&query=ASK%7B%7D", {}, None, "request.body-invalid"),
    ("GET", "?query=ASK%7B%7D", {"Accept": "image/png"}, None, "query.format-unsupported"),
    ("POST", "", {"Content-Type": "application/sparql-update"}, b"DROP ALL", "query.refused"),
    ("POST", "?named-graph-uri=x", _TEXT, b"ASK {}", "query.refused"),
    ("POST", "", _TEXT, b"\xff", "request.body-invalid"),
    ("POST", "", {"Content-Type": "text/plain"}, b"ASK {}", "request.body-invalid"),
    ("POST", "", _TEXT, b"ASK {} # " + b"a" * 40_000, "request.body-too-large"),
    ("POST", "", _TEXT, b"ASK {", "query.invalid"),
]


async def test_the_query_protocol_refuses(scene: Scene) -> None:
    address = scene.gate.url.rstrip("/") + SPACE + "/sparql"
    async with scene.gate.browser(CONSUMER) as consumer:
        common = {"X-Form-Token": _token(await consumer.get("/me")), "Accept": "application/json"}
        for method, path, headers, body, wanted in QUERIES:
            sent = {**common, **headers}
            async with consumer.client.request(method, address + path, data=body, headers=sent) as reply:
                assert (await reply.json(content_type=None))["code"] == wanted, (method, path, headers)


def _token(answer: object) -> str:
    found = re.search(rf'name="{TOKEN_FIELD}" value="(\w+)"', getattr(answer, "text", ""))
    assert found
    return found[1]


async def test_a_bad_token_is_challenged(scene: Scene) -> None:
    for headers in ({}, {"DPoP": "nonsense"}, {"Authorization": "Bearer x", "DPoP": "x"}):
        sent = {"Authorization": "DPoP nonsense", "Accept": "application/json", **headers}
        address = scene.gate.url.rstrip("/") + SPACE + "/runs"
        async with aiohttp.ClientSession() as client, client.get(address, headers=sent) as reply:
            assert reply.status == 401
            challenge = reply.headers["WWW-Authenticate"]
        assert challenge.startswith("DPoP ")
        assert "ES256" in challenge
        assert "error=" in challenge


async def test_a_return_address_never_leaves_the_gate(scene: Scene) -> None:
    for bad in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nb",
        "",
    ):
        async with scene.nobody.client.get(
            scene.gate.url + "login", params={"return_to": bad}, headers={"Accept": "text/html"}
        ) as reply:
            page = await reply.text()
        assert '<input type="hidden" name="return_to" value="/me">' in page, bad
