"""Each numbered behaviour of the double beside the good one: the difference that a client has to survive."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyoxigraph
import pytest

from solidgate.testing.ess import Odd
from solidgate.testing.ess.visitor import Answer

if TYPE_CHECKING:
    from conftest import Scene

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ess-double.md"


def test_every_behaviour_has_a_heading() -> None:
    headings = re.findall(r"^### (\d+) (\w+(?: \w+)*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {(int(number), name) for number, name in headings} == {
        (int(kind), kind.name.lower().replace("_", " ")) for kind in Odd
    }


def test_every_behaviour_is_tried() -> None:
    tried = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert not [kind.name for kind in Odd if f"Odd.{kind.name}" not in tried]


async def traded(scene: Scene, grant: Mapping[str, Any]) -> Answer:
    return await scene.asker.trade(await scene.asker.ticket("GET", scene.url), grant)


def consent(credential: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = credential["credentialSubject"]["providedConsent"]
    return found


# --- 1xx: UMA ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [1, 3, 7])
async def test_101_need_info_loop(scene: Scene, rounds: int) -> None:
    grant, seen = await scene.granted(), 0
    scene.ess.misbehave(Odd.NEED_INFO_LOOP, amount=rounds)
    answer = await traded(scene, grant)
    while answer.status == 403:
        assert answer.json()["error"] == "need_info"
        seen += 1
        answer = await scene.asker.trade(answer.json()["ticket"], grant)
    assert (seen, answer.status) == (rounds, 200)
    scene.ess.behave()
    scene.ess.misbehave(Odd.NEED_INFO_LOOP)
    endless = await traded(scene, grant)
    for _ in range(20):
        endless = await scene.asker.trade(endless.json()["ticket"], grant)
    assert endless.json()["error"] == "need_info"


async def test_102_ticket_refused(scene: Scene) -> None:
    grant = await scene.granted()
    scene.ess.misbehave(Odd.TICKET_REFUSED, times=1)
    assert (await traded(scene, grant)).json()["error"] == "invalid_grant"
    assert (await traded(scene, grant)).status == 200


async def test_103_expires_as_text(scene: Scene) -> None:
    scene.ess.misbehave(Odd.EXPIRES_AS_TEXT)
    assert (await traded(scene, await scene.granted())).json()["expires_in"] in ("299", "300")


async def test_104_without_claim_problem(scene: Scene) -> None:
    scene.ess.misbehave(Odd.WITHOUT_CLAIM_PROBLEM)
    answer = await scene.asker.push(await scene.asker.ticket("GET", scene.url))
    assert (answer.status, answer.headers["Content-Type"]) == (403, "application/problem+json; charset=utf-8")
    assert (await traded(scene, await scene.granted())).status == 200


async def test_105_uma_slow(scene: Scene) -> None:
    grant = await scene.granted()
    scene.ess.misbehave(Odd.UMA_SLOW, amount=0.2)
    begun = time.monotonic()
    assert (await traded(scene, grant)).status == 200
    assert time.monotonic() - begun >= 0.2


async def test_106_uma_broken_and_107_uma_storm(scene: Scene) -> None:
    grant = await scene.granted()
    scene.ess.misbehave(Odd.UMA_BROKEN, amount=503, times=1)
    assert (await traded(scene, grant)).status == 503
    scene.ess.misbehave(Odd.UMA_STORM, amount=7, times=1)
    storm = await traded(scene, grant)
    assert (storm.status, storm.headers["Retry-After"]) == (429, "7")
    assert (await traded(scene, grant)).status == 200


async def test_108_foreign_as_uri(scene: Scene) -> None:
    scene.ess.misbehave(Odd.FOREIGN_AS_URI, text="https://uma.example")
    answer = await scene.nobody.call("GET", scene.url)
    assert 'as_uri="https://uma.example"' in answer.headers["WWW-Authenticate"]


async def test_109_foreign_token_endpoint_and_110_other_uma_issuer(scene: Scene) -> None:
    scene.ess.misbehave(Odd.FOREIGN_TOKEN_ENDPOINT)
    scene.ess.misbehave(Odd.OTHER_UMA_ISSUER)
    found = (await scene.nobody.call("GET", f"{scene.ess.uma_url}/.well-known/uma2-configuration")).json()
    assert not found["token_endpoint"].startswith(scene.ess.uma_url)
    assert found["issuer"] != scene.ess.uma_url


async def test_111_narrow_token(scene: Scene) -> None:
    second = f"{scene.alice.pod}energy/b.ttl"
    scene.ess.put(second, b"")
    grant = await scene.granted(forPersonalData=[scene.url, second])
    scene.ess.misbehave(Odd.NARROW_TOKEN, times=1)
    narrow, wide = await scene.asker.token(scene.url, grant), await scene.asker.token(scene.url, grant)
    assert [(await scene.asker.call("GET", second, token=one)).status for one in (narrow, wide)] == [401, 200]


async def test_112_revoked_between(scene: Scene) -> None:
    grant = await scene.granted()
    scene.ess.misbehave(Odd.REVOKED_BETWEEN)
    token = await scene.asker.token(scene.url, grant)
    assert token and (await scene.asker.call("GET", scene.url, token=token)).status == 401
    assert (await scene.asker.verify(grant)).json()["errors"]


async def test_113_request_denied_and_117_redirect_user(scene: Scene) -> None:
    grant = await scene.granted()
    scene.ess.misbehave(Odd.REQUEST_DENIED, times=1)
    assert (await traded(scene, grant)).json() == {"error": "request_denied"}
    scene.ess.misbehave(Odd.REDIRECT_USER, times=1, text="https://claims.example/")
    answer = (await traded(scene, grant)).json()
    assert (answer["error"], answer["redirect_user"]) == ("need_info", "https://claims.example/")


async def test_114_uma_first_and_115_split_challenge(scene: Scene) -> None:
    scene.ess.misbehave(Odd.UMA_FIRST, times=1)
    first = await scene.nobody.call("GET", scene.url)
    assert first.headers["WWW-Authenticate"].startswith('UMA ticket="')
    scene.ess.misbehave(Odd.SPLIT_CHALLENGE, times=1)
    split = (await scene.nobody.call("GET", scene.url)).all("WWW-Authenticate")
    assert [one.partition(" ")[0] for one in split] == ["Bearer", "DPoP", "UMA"]


async def test_116_token_refused(scene: Scene) -> None:
    token = await scene.asker.token(scene.url, await scene.granted())
    scene.ess.misbehave(Odd.TOKEN_REFUSED, urlsplit(scene.url).path, times=2)
    answers = [(await scene.asker.call("GET", scene.url, token=token)).status for _ in range(3)]
    assert answers == [401, 401, 200]


# --- 2xx: requests, grants and denials --------------------------------------------------------------------

SHAPES: dict[Odd, tuple[str, object]] = {
    Odd.SCALARS: ("mode", "Read"),
    Odd.INHERIT_AS_TEXT: ("inherit", "true"),
    Odd.SHORT_NAMES: ("hasStatus", "ConsentStatusExplicitlyGiven"),
    Odd.LONG_NAMES: ("mode", ["http://www.w3.org/ns/auth/acl#Read"]),
    Odd.PREFIXED_NAMES: ("hasStatus", "gc:ConsentStatusExplicitlyGiven"),
}


@pytest.mark.parametrize("kind", SHAPES, ids=lambda kind: str(int(kind)))
async def test_a_shape_of_the_consent(scene: Scene, kind: Odd) -> None:
    name, value = SHAPES[kind]
    request = await scene.asked(inherit=True)
    assert consent(scene.ess.approve(request["id"]))[name] != value
    scene.ess.misbehave(kind)
    grant = scene.ess.approve(request["id"])
    assert consent(grant)[name] == value
    assert (await scene.asker.verify(grant)).json()["errors"] == []
    assert (await traded(scene, grant)).status == 200


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Odd.PROVIDED_TO_PERSON, "isProvidedToPerson"),
        (Odd.PROVIDED_TO_CONTROLLER, "isProvidedToController"),
        (Odd.VERIFIED_REQUEST, "verifiedRequest"),
    ],
)
async def test_another_name_in_the_consent(scene: Scene, kind: Odd, name: str) -> None:
    assert name not in consent(await scene.granted())
    scene.ess.misbehave(kind)
    grant = await scene.granted()
    assert name in consent(grant) and (await traded(scene, grant)).status == 200


async def test_205_refused_status_and_206_prefixed_denial(scene: Scene) -> None:
    scene.ess.misbehave(Odd.REFUSED_STATUS)
    scene.ess.misbehave(Odd.PREFIXED_DENIAL)
    denial = scene.ess.deny((await scene.asked())["id"])
    assert consent(denial)["hasStatus"] == "https://w3id.org/GConsent#ConsentStatusRefused"
    assert denial["type"] == ["VerifiableCredential", "vc:SolidAccessDenial"]
    assert (await traded(scene, denial)).json()["error"] == "request_denied"


async def test_210_old_context_and_230_self_hosted_context(scene: Scene) -> None:
    scene.ess.misbehave(Odd.OLD_CONTEXT)
    assert (await scene.granted())["@context"][-1].endswith("/credentials/v1.jsonld")
    scene.ess.behave()
    scene.ess.misbehave(Odd.SELF_HOSTED_CONTEXT)
    grant = await scene.granted()
    assert grant["@context"][-1] == f"{scene.ess.vc_url}/credentials/v1"
    assert "@context" in (await scene.nobody.call("GET", grant["@context"][-1])).json()
    assert (await scene.asker.verify(grant)).json()["errors"] == []


@pytest.mark.parametrize(
    "kind",
    [
        Odd.OTHER_REQUESTOR,
        Odd.OTHER_OWNER,
        Odd.OTHER_ISSUER,
        Odd.FORGED_PROOF,
        Odd.EXPIRED,
        Odd.NOT_YET,
    ],
    ids=lambda kind: str(int(kind)),
)
async def test_a_grant_that_is_not_good_opens_nothing(scene: Scene, kind: Odd) -> None:
    request = await scene.asked()
    scene.ess.misbehave(kind)
    grant = scene.ess.approve(request["id"])
    assert (await traded(scene, grant)).json()["error"] == "request_denied"
    errors = (await scene.asker.verify(grant)).json()["errors"]
    # Whom a grant is for is nothing that the verifier knows: the client must look.
    assert bool(errors) is (kind not in (Odd.OTHER_REQUESTOR, Odd.OTHER_OWNER))


@pytest.mark.parametrize(
    ("kind", "part", "value"),
    [
        (Odd.OTHER_REQUEST, "request", "https://other.example/request"),
        (Odd.OTHER_PURPOSE, "forPurpose", ["https://other.example/purpose"]),
        (Odd.WIDENED, "mode", ["Read", "Write", "Append"]),
    ],
)
async def test_a_grant_of_something_else_is_good_for_the_server(
    scene: Scene, kind: Odd, part: str, value: object
) -> None:
    request = await scene.asked(forPurpose=["https://purpose.example/1"])
    text = {Odd.OTHER_REQUEST: str(value), Odd.OTHER_PURPOSE: "https://other.example/purpose"}.get(kind, "")
    scene.ess.misbehave(kind, text=text)
    grant = scene.ess.approve(request["id"])
    assert consent(grant)[part] == value
    assert (await scene.asker.verify(grant)).json()["errors"] == []
    if kind is Odd.WIDENED:
        assert consent(grant)["forPersonalData"] == [scene.url, scene.ess.storage_url]


async def test_217_other_credential(scene: Scene) -> None:
    first, second = await scene.granted(), await scene.granted()
    scene.ess.misbehave(Odd.OTHER_CREDENTIAL, text=second["id"], times=1)
    answers = [(await scene.asker.call("GET", first["id"])).json()["id"] for _ in range(2)]
    assert answers == [second["id"], first["id"]]


async def test_218_verify_errors_and_219_verify_broken(scene: Scene) -> None:
    grant = await scene.granted()
    scene.ess.misbehave(Odd.VERIFY_ERRORS, times=1)
    lied = await scene.asker.verify(grant)
    assert (lied.status, len(lied.json()["errors"])) == (200, 1)
    scene.ess.misbehave(Odd.VERIFY_BROKEN, times=1)
    assert (await scene.asker.verify(grant)).status == 500
    assert (await scene.asker.verify(grant)).json()["errors"] == []


async def test_221_without_expiry(scene: Scene) -> None:
    end = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert "expirationDate" in await scene.granted(expirationDate=end)
    scene.ess.misbehave(Odd.WITHOUT_EXPIRY)
    assert "expirationDate" not in await scene.granted(expirationDate=end)


async def test_223_list_broken_and_224_list_lies(scene: Scene) -> None:
    status = (await scene.granted())["credentialStatus"]
    scene.ess.misbehave(Odd.LIST_BROKEN, times=1)
    assert (await scene.nobody.call("GET", status["revocationListCredential"])).status == 500
    scene.ess.misbehave(Odd.LIST_LIES)
    credential = (await scene.nobody.call("GET", status["revocationListCredential"])).json()
    bits = gzip.decompress(base64.b64decode(credential["credentialSubject"]["encodedList"]))
    index = int(status["revocationListIndex"])
    assert bits[index // 8] >> (7 - index % 8) & 1 == 1


async def test_225_issue_refused_and_226_vc_storm(scene: Scene) -> None:
    scene.ess.misbehave(Odd.ISSUE_REFUSED, amount=422, times=1)
    assert (await scene.asker.ask(scene.alice.webid, scene.url)).status == 422
    scene.ess.misbehave(Odd.VC_STORM, "/issue", amount=3, times=1)
    storm = await scene.asker.ask(scene.alice.webid, scene.url)
    assert (storm.status, storm.headers["Retry-After"]) == (429, "3")
    assert (await scene.asker.ask(scene.alice.webid, scene.url)).status == 201


async def test_227_pages_without_end(scene: Scene) -> None:
    await scene.asked()
    scene.ess.misbehave(Odd.PAGES_WITHOUT_END)
    page = await scene.asker.call("GET", f"{scene.ess.vc_url}/query?page=50")
    assert page.json() == {"items": []}
    assert any('page=51>; rel="next"' in link for link in page.all("Link"))


async def test_228_bare_proof_value_and_229_long_proof_value(scene: Scene) -> None:
    scene.ess.misbehave(Odd.BARE_PROOF_VALUE, times=2)
    scene.ess.misbehave(Odd.LONG_PROOF_VALUE, after=2)
    bare = await scene.granted()
    assert re.fullmatch(r"[\w-]{86}", bare["proof"]["proofValue"])
    long = await scene.granted()
    assert "proofValue" not in long["proof"] and long["proof"]["https://w3id.org/security#proofValue"]
    for grant in (bare, long):
        assert (await scene.asker.verify(grant)).json()["errors"] == []


async def test_233_cancel_refused_and_234_cancelled_answered(scene: Scene) -> None:
    request, page = await scene.asked(), scene.ess.access_ui_url
    wanted = {
        "credentialId": request["id"],
        "credentialStatus": [{"type": "RevocationList2020Status", "status": "1"}],
    }
    scene.ess.misbehave(Odd.CANCEL_REFUSED, amount=409, times=1)
    cancelled = [await scene.asker.call("POST", f"{scene.ess.vc_url}/status", json=wanted) for _ in range(2)]
    assert [one.status for one in cancelled] == [409, 204]
    shown = f"{page}?requestVcUrl={request['id']}&redirectUrl="
    assert (await scene.nobody.call("GET", shown)).status == 410
    scene.ess.misbehave(Odd.CANCELLED_ANSWERED)
    assert (await scene.nobody.call("GET", shown)).status == 200


# --- 3xx: storage -----------------------------------------------------------------------------------------


async def test_301_missing_etag_and_302_weak_etag(scene: Scene) -> None:
    strong = (await scene.owner.call("GET", scene.url)).headers["ETag"]
    scene.ess.misbehave(Odd.WEAK_ETAG)
    weak = (await scene.owner.call("GET", scene.url)).headers["ETag"]
    assert weak == f"W/{strong}"
    head = {"If-Match": weak, "Content-Type": "text/turtle"}
    assert (await scene.owner.call("PUT", scene.url, data=b"", headers=head)).status == 412
    scene.ess.behave()
    scene.ess.misbehave(Odd.MISSING_ETAG)
    assert "ETag" not in (await scene.owner.call("GET", scene.url)).headers


async def test_303_unlisted_client(scene: Scene) -> None:
    scene.ess.misbehave(Odd.UNLISTED_CLIENT, times=2)
    assert (await scene.owner.call("GET", scene.url)).status == 403
    assert (await scene.asker.ask(scene.alice.webid, scene.url)).status == 403
    assert (await scene.owner.call("GET", scene.url)).status == 200


async def test_304_storage_slow_305_storage_storm_and_306_storage_broken(scene: Scene) -> None:
    scene.ess.misbehave(Odd.STORAGE_SLOW, amount=0.2, times=1)
    begun = time.monotonic()
    assert (await scene.owner.call("GET", scene.url)).status == 200
    assert time.monotonic() - begun >= 0.2
    scene.ess.misbehave(Odd.STORAGE_STORM, text="Fri, 27 Nov 2026 18:00:00 GMT", times=1)
    storm = await scene.owner.call("GET", scene.url)
    assert (storm.status, storm.headers["Retry-After"]) == (429, "Fri, 27 Nov 2026 18:00:00 GMT")
    scene.ess.misbehave(Odd.STORAGE_BROKEN, "/other", amount=502)
    scene.ess.misbehave(Odd.STORAGE_BROKEN, urlsplit(scene.url).path, amount=502, times=1)
    assert (await scene.owner.call("GET", scene.url)).status == 502
    assert (await scene.owner.call("GET", scene.url)).status == 200


async def test_307_without_challenge(scene: Scene) -> None:
    scene.ess.misbehave(Odd.WITHOUT_CHALLENGE)
    answer = await scene.nobody.call("GET", scene.url)
    assert answer.status == 401 and "WWW-Authenticate" not in answer.headers


async def test_308_without_page(scene: Scene) -> None:
    url = f"{scene.ess.storage_url}.well-known/solid"
    scene.ess.misbehave(Odd.WITHOUT_PAGE, times=1)
    bodies = [(await scene.nobody.call("GET", url)).body for _ in range(2)]
    assert [b"ConsentManagementUI" in body for body in bodies] == [False, True]
    assert all(len(list(pyoxigraph.parse(body, format=pyoxigraph.RdfFormat.TURTLE))) > 2 for body in bodies)


# --- 4xx: the access page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Odd.GRANT_IN_THE_URL, Odd.RETURNS_ANOTHER, Odd.RETURNS_NOTHING])
async def test_the_page_goes_back_oddly(scene: Scene, kind: Odd) -> None:
    scene.ess.misbehave(kind)
    request = await scene.asked()
    form = {"requestVcUrl": request["id"], "redirectUrl": "https://app.example/back?run=1"}
    more = urlencode([("answer", "approve"), ("mode", "Read"), ("resource", scene.url)])
    body = f"{urlencode(form)}&{more}"
    head = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await scene.nobody.call("POST", scene.ess.access_ui_url, data=body, headers=head)
    found = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert found.pop("run") == ["1"]
    if kind is Odd.GRANT_IN_THE_URL:
        grant = json.loads(base64.b64decode(found["accessGrant"][0]))
        assert (await scene.asker.verify(grant)).json()["errors"] == []
    elif kind is Odd.RETURNS_ANOTHER:
        assert not found["accessGrantUrl"][0].startswith(scene.ess.vc_url)
    else:
        assert found == {}
