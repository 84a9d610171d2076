"""The double's access grant service: requests, grants, denials, really signed."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from solidgate.testing.ess import proofs
from solidgate.testing.ess.visitor import Visitor

if TYPE_CHECKING:
    from conftest import Scene

ACL = "http://www.w3.org/ns/auth/acl#"


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
