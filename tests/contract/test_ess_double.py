"""The double of an Enterprise Solid Server 2.x, host by host: what it answers when it is not being odd."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pyoxigraph
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import FetchPolicy, GuardedFetcher
from solidgate.adapters.solid_pod import SolidPod
from solidgate.identity import jose
from solidgate.identity.dpop import make_proof
from solidgate.testing.ess import EssDouble, EssPerson, proofs
from solidgate.testing.ess.uma import CREDENTIAL, ID_TOKEN
from solidgate.testing.ess.visitor import Answer, Visitor

SOLID = "http://www.w3.org/ns/solid/terms#"
ACL = "http://www.w3.org/ns/auth/acl#"


@dataclass
class Scene:
    """Alice has a pod with one document; the hub asks her; nobody is anonymous."""

    ess: EssDouble
    alice: EssPerson
    hub: EssPerson
    owner: Visitor
    asker: Visitor
    nobody: Visitor
    url: str

    async def asked(self, **consent: Any) -> dict[str, Any]:
        answer = await self.asker.ask(self.alice.webid, self.url, **consent)
        assert answer.status == 201, answer.body
        return answer.json()

    async def granted(self, **consent: Any) -> dict[str, Any]:
        return self.ess.approve((await self.asked(**consent))["id"])


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with AsyncExitStack() as left:
        ess = await left.enter_async_context(EssDouble())
        alice, hub = ess.add_person("alice"), ess.add_person("hub")
        visitors = [Visitor(ess, ess.access(alice.webid)), Visitor(ess, ess.access(hub.webid)), Visitor(ess)]
        owner, asker, nobody = [await left.enter_async_context(one) for one in visitors]
        url = f"{alice.pod}energy/a.ttl"
        ess.put(url, b"<> a <x:Y> .")
        yield Scene(ess, alice, hub, owner, asker, nobody, url)


# --- storage ----------------------------------------------------------------------------------------------


async def test_the_challenge_names_three_ways(scene: Scene) -> None:
    refused = await scene.nobody.call("GET", scene.url)
    ticket = await scene.nobody.ticket("GET", scene.url)
    assert refused.status == 401
    assert ticket and ticket not in refused.headers["WWW-Authenticate"]
    head, _, rest = refused.headers["WWW-Authenticate"].partition('UMA ticket="')
    assert head == 'Bearer, DPoP algs="ES256", '
    assert rest.endswith(f'", as_uri="{scene.ess.uma_url}"')
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert refused.json()["status"] == 401 and refused.headers["x-request-id"]


async def test_the_owner_comes_with_a_plain_token_and_nobody_else_does(scene: Scene) -> None:
    assert (await scene.owner.call("GET", scene.url)).body == b"<> a <x:Y> ."
    assert (await scene.asker.call("GET", scene.url)).status == 403
    assert (await scene.nobody.call("GET", scene.url, token="made-up")).status == 401
    replay = scene.owner.access.headers("GET", scene.url, datetime.now(UTC))
    assert (await scene.nobody.call("GET", scene.url, headers=replay)).status == 200
    assert (await scene.nobody.call("GET", scene.url, headers=replay)).status == 401


async def test_what_is_not_there_is_told_only_to_who_may_know(scene: Scene) -> None:
    missing = f"{scene.alice.pod}none.ttl"
    statuses = [(await one.call("GET", missing)).status for one in (scene.owner, scene.asker, scene.nobody)]
    assert statuses == [404, 403, 401]
    assert (await scene.nobody.call("GET", f"{scene.ess.storage_url}.well-known/unknown")).status == 401


async def test_the_storage_describes_itself(scene: Scene) -> None:
    answer = await scene.nobody.call("GET", f"{scene.ess.storage_url}.well-known/solid")
    triples = list(pyoxigraph.parse(answer.body, format=pyoxigraph.RdfFormat.TURTLE))
    assert all(isinstance(triple.subject, pyoxigraph.BlankNode) for triple in triples)
    said = {triple.predicate.value: triple.object.value for triple in triples}
    assert said["http://inrupt.com/ns/ess#ConsentManagementUI"] == scene.ess.access_ui_url
    assert f"{SOLID}provision" in said and f"{SOLID}notificationGateway" not in said
    async with EssDouble(notification_url="https://notification.example/") as other, Visitor(other) as one:
        body = (await one.call("GET", f"{other.storage_url}.well-known/solid")).body
        assert b"notificationGateway <https://notification.example/>" in body


async def test_resources_are_made_changed_and_removed(scene: Scene) -> None:
    one, folder = scene.owner, f"{scene.alice.pod}made/"
    turtle = {"Content-Type": "text/turtle"}
    made = await one.call("PUT", f"{folder}b.ttl", data=b"<> a <x:B> .", headers=turtle)
    assert (made.status, made.headers["Location"]) == (201, f"{folder}b.ttl")
    again = await one.call("PUT", f"{folder}b.ttl", data=b"<> a <x:C> .", headers=turtle)
    assert again.status == 204 and again.headers["ETag"] != made.headers["ETag"]
    stale = turtle | {"If-Match": made.headers["ETag"]}
    assert (await one.call("PUT", f"{folder}b.ttl", data=b"", headers=stale)).status == 412
    first = turtle | {"If-None-Match": "*"}
    assert (await one.call("PUT", f"{folder}b.ttl", data=b"", headers=first)).status == 412
    seen = {"If-None-Match": again.headers["ETag"]}
    assert (await one.call("GET", f"{folder}b.ttl", headers=seen)).status == 304
    posted = await one.call("POST", folder, data=b"<> a <x:D> .", headers=turtle | {"Slug": "d.ttl"})
    assert (posted.status, posted.headers["Location"]) == (201, f"{folder}d.ttl")
    twice = await one.call("POST", folder, data=b"<> a <x:D> .", headers=turtle | {"Slug": "d.ttl"})
    assert twice.headers["Location"] != f"{folder}d.ttl"
    assert (await one.call("DELETE", folder)).status == 409
    assert (await one.call("DELETE", f"{folder}b.ttl")).status == 204
    assert scene.ess.get(f"{folder}b.ttl") is None
    assert (await one.call("DELETE", f"{folder}b.ttl")).status == 404
    assert (await one.call("DELETE", scene.alice.pod)).status == 409


async def test_a_patch_is_sparql_update(scene: Scene) -> None:
    n3 = await scene.owner.call("PATCH", scene.url, data=b"", headers={"Content-Type": "text/n3"})
    assert (n3.status, n3.headers["Accept-Patch"]) == (415, "application/sparql-update")
    update = {"Content-Type": "application/sparql-update"}
    text = b"DELETE DATA { <> a <x:Y> }; INSERT DATA { <> a <x:Z> }"
    assert (await scene.owner.call("PATCH", scene.url, data=text, headers=update)).status == 204
    assert b"x:Z" in (scene.ess.get(scene.url) or b"") and b"x:Y" not in (scene.ess.get(scene.url) or b"")
    assert (await scene.owner.call("PATCH", scene.url, data=b"nonsense", headers=update)).status == 400
    made = f"{scene.alice.pod}new.ttl"
    assert (
        await scene.owner.call("PATCH", made, data=b"INSERT DATA {<> a <x:N>}", headers=update)
    ).status == 201


async def test_representations(scene: Scene) -> None:
    as_json = await scene.owner.call("GET", scene.url, headers={"Accept": "application/ld+json"})
    assert as_json.headers["Content-Type"] == "application/ld+json" and as_json.json()
    assert (await scene.owner.call("GET", scene.url, headers={"Accept": "image/png"})).status == 406
    listing = await scene.owner.call("GET", f"{scene.alice.pod}energy/", headers={"Accept": "text/turtle"})
    assert f"contains <{scene.url}>" in listing.body.decode()
    assert b"iana/media-types/text/turtle#Resource" in listing.body
    root = await scene.owner.call("HEAD", scene.alice.pod)
    assert '<http://www.w3.org/ns/pim/space#Storage>; rel="type"' in root.all("Link")
    assert "WAC-Allow" not in root.headers


async def test_an_access_control_resource_decides(scene: Scene) -> None:
    head = await scene.owner.call("HEAD", scene.url)
    acr = next(link for link in head.all("Link") if 'rel="acl"' in link).partition(">")[0][1:]
    assert b"AccessControlResource" in (await scene.owner.call("GET", acr)).body
    assert (await scene.asker.call("GET", acr)).status == 403
    rule = f"""@prefix acp: <http://www.w3.org/ns/solid/acp#>. @prefix acl: <{ACL}>.
      <{acr}> a acp:AccessControlResource; acp:resource <{scene.url}>; acp:accessControl <{acr}#1>.
      <{acr}#1> acp:apply [ acp:allow acl:Read; acp:anyOf [ acp:agent <{scene.hub.webid}> ] ]."""
    turtle = {"Content-Type": "text/turtle"}
    assert (await scene.owner.call("PUT", acr, data=rule.encode(), headers=turtle)).status == 204
    assert (await scene.asker.call("GET", scene.url)).status == 200
    assert (await scene.asker.call("PUT", scene.url, data=b"", headers=turtle)).status == 403
    assert (await scene.owner.call("GET", scene.url)).status == 200
    assert (await scene.owner.call("PUT", acr, data=b"<broken", headers=turtle)).status == 400
    assert (await scene.owner.call("DELETE", acr)).status == 204
    assert (await scene.asker.call("GET", scene.url)).status == 403


# --- WebIDs and OpenID ------------------------------------------------------------------------------------


async def test_a_webid_is_a_document_outside_the_pod(scene: Scene) -> None:
    answer = await scene.nobody.call("GET", scene.alice.webid)
    assert "#" not in scene.alice.webid and not scene.alice.webid.startswith(scene.ess.storage_url)
    assert f"oidcIssuer <{scene.ess.openid_url}>" in answer.body.decode()
    assert f"<{scene.alice.pod}>" in answer.body.decode()
    bob = scene.ess.add_person("bob", link_storage=False)
    assert b"pim/space" not in (await scene.nobody.call("GET", bob.webid)).body
    assert (await scene.nobody.call("GET", f"{bob.webid}x")).status == 404


async def token_of(scene: Scene, form: dict[str, str], key: jose.SigningKey, basic: str = "") -> Answer:
    url = f"{scene.ess.openid_url}/token"
    proof = make_proof(key, "POST", url, datetime.now(UTC), secrets.token_hex(8))
    head = {"DPoP": proof} | ({"Authorization": basic} if basic else {})
    return await scene.nobody.call("POST", url, data=form, headers=head)


async def test_client_credentials_act_as_the_person(scene: Scene) -> None:
    key, form = jose.generate_key(), {"grant_type": "client_credentials", "scope": "openid webid"}
    basic = aiohttp.encode_basic_auth(scene.hub.client_id, scene.hub.client_secret)
    reply = (await token_of(scene, form, key, basic)).json()
    claims = jose.parse(reply["access_token"]).claims
    assert (claims["webid"], claims["iss"], claims["aud"]) == (scene.hub.webid, scene.ess.openid_url, "solid")
    assert claims["cnf"]["jkt"] == key.kid and reply["token_type"] == "DPoP"
    wrong = aiohttp.encode_basic_auth(scene.hub.client_id, "wrong")
    assert (await token_of(scene, form, key, wrong)).status == 401
    unbound = await scene.nobody.call(
        "POST", f"{scene.ess.openid_url}/token", data=form, headers={"Authorization": basic}
    )
    assert unbound.json() == {"error": "invalid_dpop_proof"}


def authorization(scene: Scene, client: str, verifier: str, **more: str) -> str:
    challenge = jose.encode_base64url(hashlib.sha256(verifier.encode()).digest())
    query = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": "https://app.example/callback",
        "scope": "openid webid offline_access",
        "state": "a-state",
        "nonce": "a-nonce",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **more,
    }
    return f"{scene.ess.openid_url}/authorization?{urlencode(query)}"


async def registered(scene: Scene) -> str:
    wish = {"redirect_uris": ["https://app.example/callback"], "token_endpoint_auth_method": "none"}
    answer = await scene.nobody.call("POST", f"{scene.ess.openid_url}/registration", json=wish)
    assert answer.status == 201 and "client_secret" not in answer.json()
    return str(answer.json()["client_id"])


def returned(answer: Answer) -> dict[str, str]:
    assert answer.status == 302, answer.body
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


async def test_the_code_flow_with_a_form_and_refresh(scene: Scene) -> None:
    client, verifier, key = await registered(scene), secrets.token_urlsafe(32), jose.generate_key()
    url = authorization(scene, client, verifier)
    assert b'name="password"' in (await scene.nobody.call("GET", url)).body
    wrong = await scene.nobody.call("POST", url, data={"username": "alice", "password": "x"})
    assert wrong.status == 401
    login = {"username": "alice", "password": scene.alice.password}
    back = returned(await scene.nobody.call("POST", url, data=login))
    assert (back["state"], back["iss"]) == ("a-state", scene.ess.openid_url)
    form = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "redirect_uri": "https://app.example/callback",
        "client_id": client,
        "code_verifier": verifier,
    }
    reply = (await token_of(scene, form, key)).json()
    claims = jose.parse(reply["id_token"]).claims
    assert (claims["webid"], claims["nonce"], claims["aud"]) == (
        scene.alice.webid,
        "a-nonce",
        [client, "solid"],
    )
    assert (await token_of(scene, form, key)).json() == {"error": "invalid_grant"}
    fresh = {"grant_type": "refresh_token", "refresh_token": reply["refresh_token"], "client_id": client}
    assert (await token_of(scene, fresh, key)).status == 200
    assert (await token_of(scene, fresh, jose.generate_key())).json() == {"error": "invalid_grant"}
    gone = {"token": reply["refresh_token"], "client_id": client}
    assert (await scene.nobody.call("POST", f"{scene.ess.openid_url}/revoke", data=gone)).status == 200
    assert (await token_of(scene, fresh, key)).json() == {"error": "invalid_grant"}


async def test_whoever_is_logged_in_comes_back_at_once_until_they_log_out(scene: Scene) -> None:
    client = await registered(scene)
    scene.ess.openid.login = "alice"
    assert "code" in returned(await scene.nobody.call("GET", authorization(scene, client, "v")))
    bad = authorization(scene, client, "v", code_challenge="")
    assert returned(await scene.nobody.call("GET", bad))["error"] == "invalid_request"
    stranger = authorization(scene, client, "v", redirect_uri="https://stranger.example/")
    assert (await scene.nobody.call("GET", stranger)).status == 400
    end = f"{scene.ess.openid_url}/endsession?post_logout_redirect_uri=https://app.example/&state=s"
    assert (await scene.nobody.call("GET", end)).headers["Location"] == "https://app.example/?state=s"
    silent = authorization(scene, client, "v", prompt="none")
    assert returned(await scene.nobody.call("GET", silent))["error"] == "login_required"


async def test_userinfo_knows_who_asks(scene: Scene) -> None:
    url = f"{scene.ess.openid_url}/userinfo"
    assert (await scene.owner.call("GET", url)).json()["webid"] == scene.alice.webid
    assert (await scene.nobody.call("GET", url)).status == 401


# --- requests, grants, denials ----------------------------------------------------------------------------


async def test_the_issuer_describes_itself(scene: Scene) -> None:
    found = (await scene.nobody.call("GET", f"{scene.ess.vc_url}/.well-known/vc-configuration")).json()
    paths = {
        "issuer": "issue",
        "status": "status",
        "verifier": "verify",
        "derivation": "derive",
        "query": "query",
    }
    assert {k: found[f"{k}Service"] for k in paths} == {
        k: f"{scene.ess.vc_url}/{p}" for k, p in paths.items()
    }
    assert found["@context"][1] == "https://schema.inrupt.com/credentials/v2.jsonld"


async def test_a_request_is_kept_and_shown_to_its_two_parties(scene: Scene) -> None:
    request = await scene.asked(forPurpose=["https://purpose.example/1"], inherit=False)
    consent = request["credentialSubject"]["hasConsent"]
    assert request["credentialSubject"]["id"] == scene.hub.webid
    assert (consent["mode"], consent["inherit"]) == (["Read"], False)
    assert consent["isConsentForDataSubject"] == scene.alice.webid
    for one, status in ((scene.asker, 200), (scene.owner, 200), (scene.nobody, 401)):
        assert (await one.call("GET", request["id"])).status == status
    bob = scene.ess.add_person("bob")
    async with Visitor(scene.ess, scene.ess.access(bob.webid)) as stranger:
        assert (await stranger.call("GET", request["id"])).status == 404


async def test_what_is_not_a_request_is_refused_with_its_violations(scene: Scene) -> None:
    answer = await scene.asker.ask("", mode=["Control"])
    fields = {violation["field"].rpartition(".")[2] for violation in answer.json()["violations"]}
    assert answer.status == 400
    assert fields == {"mode", "forPersonalData", "isConsentForDataSubject"}
    empty = await scene.asker.call("POST", f"{scene.ess.vc_url}/issue", json={"credential": {}})
    assert empty.status == 400 and empty.json()["violations"]
    assert (await scene.nobody.ask(scene.alice.webid, scene.url)).status == 401


async def test_a_grant_is_really_signed(scene: Scene) -> None:
    grant = await scene.granted()
    key = (await scene.nobody.call("GET", grant["proof"]["verificationMethod"])).json()
    raw = proofs.from_multibase(key["publicKeyMultibase"])
    assert raw[:2] == b"\xed\x01"
    public = Ed25519PublicKey.from_public_bytes(raw[2:])
    assert proofs.holds(grant, public)
    changed = json.loads(json.dumps(grant).replace('"Read"', '"Write"'))
    assert not proofs.holds(changed, public)
    assert (await scene.asker.verify(changed)).json()["errors"]


async def test_verify_answers_200_whatever_it_finds(scene: Scene) -> None:
    grant = await scene.granted()
    good = await scene.asker.verify(grant)
    assert good.json() == {
        "checks": ["issuanceDate", "proof", "expirationDate", "credentialStatus"],
        "warnings": [],
        "errors": [],
    }
    body = {"verifiablePresentation": {"verifiableCredential": [grant]}}
    presented = await scene.asker.call("POST", f"{scene.ess.vc_url}/verify", json=body)
    assert presented.json()["errors"] == []
    scene.ess.revoke(grant["id"])
    revoked = await scene.asker.verify(grant)
    assert revoked.status == 200
    assert revoked.json()["errors"] == ["credentialStatus validation has failed: credential has been revoked"]


async def test_only_the_subject_revokes_and_the_list_shows_it(scene: Scene) -> None:
    grant = await scene.granted()
    change = {
        "credentialId": grant["id"],
        "credentialStatus": [{"type": "RevocationList2020Status", "status": "1"}],
    }
    status = f"{scene.ess.vc_url}/status"
    listed = grant["credentialStatus"]
    index = int(listed["revocationListIndex"])

    async def bit() -> int:
        credential = (await scene.nobody.call("GET", listed["revocationListCredential"])).json()
        bits = gzip.decompress(base64.b64decode(credential["credentialSubject"]["encodedList"]))
        assert proofs.holds(credential, scene.ess.vault.key.public_key())
        return bits[index // 8] >> (7 - index % 8) & 1

    assert await bit() == 0
    assert (await scene.asker.call("POST", status, json=change)).status == 403
    assert (await scene.owner.call("POST", status, json=change)).status == 204
    assert await bit() == 1
    odd = {**change, "credentialStatus": [{"type": "Other", "status": "1"}]}
    assert (await scene.owner.call("POST", status, json=odd)).status == 400


async def test_a_request_is_granted_narrower_denied_or_cancelled(scene: Scene) -> None:
    request = (
        await scene.asker.ask(scene.alice.webid, scene.url, f"{scene.url}2", mode=["Read", "Write"])
    ).json()
    end = datetime.now(UTC) + timedelta(hours=1)
    grant = scene.ess.approve(request["id"], modes=["Read"], resources=[scene.url], expires=end)
    given = grant["credentialSubject"]["providedConsent"]
    assert grant["credentialSubject"]["id"] == scene.alice.webid
    assert (given["mode"], given["forPersonalData"]) == (["Read"], [scene.url])
    assert (given["isProvidedTo"], given["request"]) == (scene.hub.webid, request["id"])
    assert grant["expirationDate"] == end.strftime("%Y-%m-%dT%H:%M:%S.") + f"{end.microsecond // 1000:03}Z"
    denial = scene.ess.deny((await scene.asked())["id"])
    assert denial["type"] == ["VerifiableCredential", "SolidAccessDenial"]
    assert denial["credentialSubject"]["providedConsent"]["hasStatus"].endswith("#ConsentStatusDenied")
    with pytest.raises(KeyError):
        scene.ess.deny("urn:none")


async def test_the_query_service_filters_and_pages(scene: Scene) -> None:
    requests = [await scene.asked(forPurpose=[f"https://purpose.example/{n}"]) for n in range(5)]
    grant = scene.ess.approve(requests[0]["id"])
    scene.ess.deny(requests[1]["id"])
    scene.ess.revoke(requests[2]["id"])
    gone = scene.ess.approve(requests[3]["id"])
    scene.ess.revoke(gone["id"])

    async def found(**query: str) -> list[str]:
        url = f"{scene.ess.vc_url}/query?{urlencode(query)}"
        return [one["id"] for one in (await scene.asker.call("GET", url)).json()["items"]]

    wanted = {"Granted": [0, 3], "Denied": [1], "Canceled": [2], "Pending": [4], "Expired": []}
    for status, numbers in wanted.items():
        assert await found(type="SolidAccessRequest", status=status) == [requests[n]["id"] for n in numbers]
    assert await found(type="SolidAccessGrant", status="Active") == [grant["id"]]
    assert await found(type="SolidAccessGrant", status="Revoked", revokedWithin="P1D") == [gone["id"]]
    assert await found(toAgent=scene.hub.webid, type="SolidAccessGrant") == [grant["id"], gone["id"]]
    assert await found(fromAgent=scene.alice.webid, resource=f"{scene.url}x") == []
    assert await found(purpose="https://purpose.example/4") == [requests[4]["id"]]
    scene.ess.advance(timedelta(days=8))
    assert await found(issuedWithin="P7D") == [] and len(await found(issuedWithin="P1M")) == 8
    page = await scene.asker.call("GET", f"{scene.ess.vc_url}/query?pageSize=3&page=2")
    rels = {link.rpartition('rel="')[2][:-1]: link for link in page.all("Link")}
    assert len(page.json()["items"]) == 3 and set(rels) == {"first", "prev", "next", "last"}
    assert "page=3" in rels["last"]
    assert (await scene.asker.call("GET", f"{scene.ess.vc_url}/query?pageSize=1000")).status == 400
    assert (await scene.nobody.call("GET", f"{scene.ess.vc_url}/query")).status == 401


async def test_derive_gives_what_has_everything_the_pattern_has(scene: Scene) -> None:
    grant = await scene.granted()

    async def derived(consent: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        pattern = {"type": ["SolidAccessGrant"], "credentialSubject": {"providedConsent": consent}}
        body = {"verifiableCredential": pattern, "options": options}
        answer = await scene.asker.call("POST", f"{scene.ess.vc_url}/derive", json=body)
        assert answer.json()["type"] == ["VerifiablePresentation"]
        return answer.json()["verifiableCredential"]

    assert await derived({"forPersonalData": [scene.url], "mode": [f"{ACL}Read"]}) == [grant]
    assert await derived({"mode": ["Write"]}) == []
    scene.ess.revoke(grant["id"])
    assert await derived({}) == [grant]


# --- UMA --------------------------------------------------------------------------------------------------


async def test_the_authorization_server_names_the_issuer_of_credentials(scene: Scene) -> None:
    found = (await scene.nobody.call("GET", f"{scene.ess.uma_url}/.well-known/uma2-configuration")).json()
    assert (found["issuer"], found["verifiable_credential_issuer"]) == (scene.ess.uma_url, scene.ess.vc_url)
    assert found["uma_profiles_supported"] == [ID_TOKEN, CREDENTIAL]


@pytest.mark.parametrize("bare", [False, True])
async def test_a_grant_opens_its_resource_and_nothing_else(scene: Scene, bare: bool) -> None:
    grant = await scene.granted()
    other = f"{scene.alice.pod}energy/other.ttl"
    scene.ess.put(other, b"")
    answer = await scene.asker.trade(await scene.asker.ticket("GET", scene.url), grant, bare=bare)
    reply = answer.json()
    assert (answer.status, reply["token_type"], reply["expires_in"]) == (200, "Bearer", 300)
    token = reply["access_token"]
    assert (await scene.asker.call("GET", scene.url, token=token)).body == b"<> a <x:Y> ."
    beyond = await scene.asker.call("GET", other, token=token)
    assert beyond.status == 401 and "ticket=" in beyond.headers["WWW-Authenticate"]
    assert (await scene.asker.call("PUT", scene.url, token=token, data=b"")).status == 403
    assert scene.ess.requests[-1].agent == scene.hub.webid
    assert await scene.asker.token(other, grant) == ""
    assert await scene.asker.token(scene.url, grant, method="PUT") == ""


async def test_grants_of_a_container_are_inherited_unless_they_say_no(scene: Scene) -> None:
    for inherit, there in ((None, True), (True, True), (False, False)):
        more = {} if inherit is None else {"inherit": inherit}
        asked = (await scene.asker.ask(scene.alice.webid, f"{scene.alice.pod}energy/", **more)).json()
        token = await scene.asker.token(scene.url, scene.ess.approve(asked["id"]))
        assert bool(token) is there


async def test_a_ticket_is_good_once_and_not_for_long(scene: Scene) -> None:
    grant, ticket = await scene.granted(), await scene.asker.ticket("GET", scene.url)
    assert (await scene.asker.trade(ticket, grant)).status == 200
    again = await scene.asker.trade(ticket, grant)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")
    late = await scene.asker.ticket("GET", scene.url)
    scene.ess.advance(timedelta(minutes=6))
    assert (await scene.asker.trade(late, grant)).status == 400


async def test_a_stranger_gets_nothing_for_a_grant_of_somebody_else(scene: Scene) -> None:
    grant, bob = await scene.granted(), scene.ess.add_person("bob")
    async with Visitor(scene.ess, scene.ess.access(bob.webid)) as stranger:
        assert await stranger.token(scene.url, grant) == ""
    anonymous = await scene.nobody.trade(await scene.nobody.ticket("GET", scene.url), grant)
    assert (anonymous.status, anonymous.json()["error"]) == (403, "request_denied")


async def test_a_token_outlives_the_revocation_and_not_the_grant(scene: Scene) -> None:
    end = datetime.now(UTC) + timedelta(minutes=2)
    grant = scene.ess.approve((await scene.asked())["id"], expires=end)
    token = await scene.asker.token(scene.url, grant)
    scene.ess.revoke(grant["id"])
    assert (await scene.asker.call("GET", scene.url, token=token)).status == 200
    assert await scene.asker.token(scene.url, grant) == ""
    scene.ess.advance(timedelta(minutes=3))
    assert (await scene.asker.call("GET", scene.url, token=token)).status == 401


async def test_the_two_steps_of_the_client_for_java(scene: Scene) -> None:
    grant, ticket = await scene.granted(), await scene.nobody.ticket("GET", scene.url)
    nothing = (await scene.nobody.push(ticket)).json()
    assert nothing["error"] == "need_info" and nothing["required_claims"][0]["claim_type"] == "webid"
    form = {"grant_type": "client_credentials", "scope": "openid webid"}
    basic = aiohttp.encode_basic_auth(scene.hub.client_id, scene.hub.client_secret)
    id_token = (await token_of(scene, form, jose.generate_key(), basic)).json()["id_token"]
    first = await scene.nobody.push(nothing["ticket"], claim_token=id_token, claim_token_format=ID_TOKEN)
    assert (first.status, first.json()["scope"]) == (200, "")
    assert (await scene.nobody.call("GET", scene.url, token=first.json()["access_token"])).status == 403
    claim = jose.encode_base64url(json.dumps(grant).encode())
    second = await scene.nobody.push(
        nothing["ticket"], claim_token=claim, claim_token_format=CREDENTIAL, rpt=first.json()["access_token"]
    )
    assert (second.status, second.json()["scope"]) == (200, "Read")
    assert (await scene.nobody.call("GET", scene.url, token=second.json()["access_token"])).status == 200


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"claim_token": "%%%", "claim_token_format": CREDENTIAL}, "invalid_grant"),
        ({"claim_token": "e30", "claim_token_format": CREDENTIAL}, "request_denied"),
        ({"claim_token": "a.b.c", "claim_token_format": ID_TOKEN}, "invalid_grant"),
        ({"claim_token": "x", "claim_token_format": "urn:other"}, "invalid_request"),
        ({"claim_token_format": CREDENTIAL}, "invalid_request"),
    ],
)
async def test_claims_that_are_none_are_refused(scene: Scene, claims: dict[str, str], error: str) -> None:
    answer = await scene.asker.push(await scene.asker.ticket("GET", scene.url), **claims)
    assert answer.json()["error"] == error


async def test_a_token_may_be_bound_to_a_key() -> None:
    async with EssDouble(uma_dpop=True) as ess:
        alice, hub = ess.add_person("alice"), ess.add_person("hub")
        ess.put(f"{alice.pod}a.ttl", b"<> a <x:Y> .")
        access = ess.access(hub.webid)
        async with Visitor(ess, access) as one:
            request = (await one.ask(alice.webid, f"{alice.pod}a.ttl")).json()
            ticket = await one.ticket("GET", f"{alice.pod}a.ttl")
            reply = (await one.trade(ticket, ess.approve(request["id"]))).json()
            assert reply["token_type"] == "DPoP"
            assert (await one.call("GET", f"{alice.pod}a.ttl", token=reply["access_token"])).status == 401
            url, now, token = f"{alice.pod}a.ttl", datetime.now(UTC), reply["access_token"]
            for key, status in ((access.key, 200), (jose.generate_key(), 401)):
                proof = make_proof(key, "GET", url, now, secrets.token_hex(8), access_token=token)
                head = {"Authorization": f"DPoP {token}", "DPoP": proof}
                assert (await one.call("GET", url, signed=False, headers=head)).status == status


# --- the access page --------------------------------------------------------------------------------------


class Form(HTMLParser):
    """The fields of a page, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag == "input" and found.get("name"):
            self.fields.append((str(found["name"]), str(found.get("value") or "")))


@pytest.mark.parametrize(("answer", "kind"), [("approve", "SolidAccessGrant"), ("deny", "SolidAccessDenial")])
async def test_the_page_shows_what_is_asked_and_goes_back_with_the_answer(
    scene: Scene, answer: str, kind: str
) -> None:
    request = (await scene.asker.ask(scene.alice.webid, scene.url, mode=["Read", "Write"])).json()
    query = urlencode({"requestVcUrl": request["id"], "redirectUrl": "https://app.example/back?run=1"})
    page = await scene.nobody.call("GET", f"{scene.ess.access_ui_url}?{query}")
    assert scene.hub.webid in page.body.decode() and scene.url in page.body.decode()
    fields = [field for field in Form(page.body.decode()).fields if field != ("mode", "Write")]
    decided = await scene.nobody.call("POST", scene.ess.access_ui_url, data=[*fields, ("answer", answer)])
    where = urlsplit(decided.headers["Location"])
    assert decided.status == 303 and where.netloc == "app.example"
    found = parse_qs(where.query)
    assert found["run"] == ["1"]
    credential = (await scene.asker.call("GET", found["accessGrantUrl"][0])).json()
    assert kind in credential["type"]
    modes = credential["credentialSubject"]["providedConsent"]["mode"]
    assert modes == (["Read"] if answer == "approve" else ["Read", "Write"])


async def test_the_page_refuses_what_it_does_not_know(scene: Scene) -> None:
    page, request = scene.ess.access_ui_url, await scene.asked()
    assert (await scene.nobody.call("GET", f"{page}?requestVcUrl=https://x.example/")).status == 404
    odd = urlencode({"requestVcUrl": request["id"], "redirectUrl": "javascript:alert(1)"})
    assert (await scene.nobody.call("GET", f"{page}?{odd}")).status == 400
    empty = {"requestVcUrl": request["id"], "answer": "approve"}
    assert (await scene.nobody.call("POST", page, data=empty)).status == 400


# --- with solidgate's own reading -------------------------------------------------------------------------


async def test_the_own_pod_adapter_reads_as_the_owner(scene: Scene) -> None:
    fetcher = GuardedFetcher(FetchPolicy(allow_private_addresses=True), SystemClock())
    try:
        pods = SolidPod(fetcher, SystemClock())
        read = await pods.read(scene.ess.access(scene.alice.webid), scene.url, max_bytes=1000)
        assert read.content == b"<> a <x:Y> ."
    finally:
        await fetcher.aclose()
