"""The double as ESS 3.x: token exchange, receipts, canonical identifiers; from documentation, unverified."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from solidgate.identity import jose
from solidgate.testing.ess import EssDouble, EssPerson, Odd
from solidgate.testing.ess.platform import ACCESS_TOKEN, ASSERTION, EXCHANGE, ID_TOKEN
from solidgate.testing.ess.visitor import Answer, Visitor


@dataclass
class Platform:
    """Alice has a document; the hub asks with tokens of the platform."""

    ess: EssDouble
    alice: EssPerson
    hub: EssPerson
    one: Visitor
    url: str

    async def as_hub(self, method: str, url: str, **options: Any) -> Answer:
        return await self.one.call(method, url, token=self.ess.bearer(self.hub.webid), **options)

    async def asked(self, *resources: str, **consent: Any) -> Answer:
        asked = {"mode": ["Read"], "isConsentForDataSubject": self.alice.webid, **consent}
        subject = {"hasConsent": {**asked, "forPersonalData": list(resources)}}
        body = {"credential": {"type": ["SolidAccessRequest"], "credentialSubject": subject}}
        return await self.as_hub("POST", f"{self.ess.vc_url}/issue", json=body)

    async def granted(self, **consent: Any) -> dict[str, Any]:
        request = await self.asked(self.ess.canonical(self.url), **consent)
        return self.ess.approve(request.json()["id"])

    async def token(self, **form: str) -> Answer:
        return await self.one.call("POST", f"{self.ess.platform_url}/access/token", data=form)


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with AsyncExitStack() as left:
        ess = await left.enter_async_context(EssDouble("3.x"))
        alice, hub = ess.add_person("alice"), ess.add_person("hub")
        one = await left.enter_async_context(Visitor(ess))
        url = f"{alice.pod}energy/a.ttl"
        ess.put(url, b"<> a <x:Y> .")
        yield Platform(ess, alice, hub, one, url)


async def test_an_id_token_is_exchanged_for_five_minutes(platform: Platform) -> None:
    hub = platform.hub
    basic = aiohttp.encode_basic_auth(hub.client_id, hub.client_secret)
    login = {"grant_type": "client_credentials", "scope": "openid webid"}
    id_token = (await platform.one.log_in(login, jose.generate_key(), basic)).json()["id_token"]
    form = {"grant_type": EXCHANGE, "subject_token_type": ID_TOKEN, "subject_token": id_token}
    reply = (await platform.token(**form)).json()
    assert (reply["token_type"], reply["expires_in"]) == ("Bearer", 300)
    assert reply["issued_token_type"] == ACCESS_TOKEN and "refresh_token" not in reply
    found = jose.parse(reply["access_token"])
    assert (found.header["typ"], found.claims["sub"]) == ("at+jwt", hub.webid)
    answer = await platform.one.call("GET", f"{hub.pod}", token=reply["access_token"])
    assert answer.status == 200
    platform.ess.advance(timedelta(minutes=6))
    late = await platform.one.call("GET", f"{hub.pod}", token=reply["access_token"])
    assert (late.status, late.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        (
            {"grant_type": EXCHANGE, "subject_token_type": "urn:x", "subject_token": "a.b.c"},
            "invalid_request",
        ),
        ({"grant_type": EXCHANGE, "subject_token_type": ID_TOKEN, "subject_token": "a.b.c"}, "invalid_grant"),
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, "invalid_client"),
    ],
)
async def test_what_is_not_exchanged(platform: Platform, form: dict[str, str], error: str) -> None:
    assert (await platform.token(**form)).json() == {"error": error}


async def test_client_credentials_and_the_own_lifetime(platform: Platform) -> None:
    hub = platform.hub
    form = {
        "grant_type": "client_credentials",
        "client_id": hub.client_id,
        "client_secret": hub.client_secret,
    }
    platform.ess.misbehave(Odd.OWN_LIFETIME, amount=7, times=1)
    reply = (await platform.token(**form)).json()
    assert reply["expires_in"] == 7 and "issued_token_type" not in reply
    platform.ess.misbehave(Odd.EXCHANGE_REFUSED, times=1)
    assert (await platform.token(**form)).json() == {"error": "invalid_grant"}


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[tuple[str, jose.SigningKey]]:
    """A client with a metadata document of its own, and its key."""
    key, app = jose.generate_key(), web.Application()

    async def document(request: web.Request) -> web.Response:
        return web.json_response({"client_id": url, "jwks": {"keys": [dict(key.public_jwk)]}})

    app.router.add_get("/client", document)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://localhost:{runner.addresses[0][1]}/client"
    yield url, key
    await runner.cleanup()


async def test_a_client_acts_for_itself_by_its_metadata_document(
    platform: Platform, client: tuple[str, jose.SigningKey]
) -> None:
    url, key = client
    now = int(datetime.now(UTC).timestamp())
    good = {"iss": url, "sub": url, "aud": platform.ess.platform_url, "exp": now + 60, "jti": "1"}

    async def answered(key: jose.SigningKey, **changes: Any) -> Answer:
        claims = {**good, "jti": secrets.token_hex(8), **changes}
        form = {
            "grant_type": "client_credentials",
            "client_id": url,
            "client_assertion_type": ASSERTION,
            "client_assertion": key.sign({"typ": "JWT", "kid": key.kid}, claims),
        }
        return await platform.token(**form)

    token = (await answered(key, jti="once")).json()["access_token"]
    assert jose.parse(token).claims["sub"] == url
    consent = {"mode": ["Read"], "isConsentForDataSubject": platform.alice.webid}
    consent["forPersonalData"] = [platform.ess.canonical(platform.url)]
    body = {"credential": {"credentialSubject": {"hasConsent": consent}}}
    asked = await platform.one.call("POST", f"{platform.ess.vc_url}/issue", token=token, json=body)
    platform.ess.approve(asked.json()["id"])
    assert (await platform.one.call("GET", platform.url, token=token)).status == 200
    wrong = [{"jti": "once"}, {"exp": now - 1}, {"aud": "https://x.example"}, {"sub": "https://x.example"}]
    assert [(await answered(key, **change)).status for change in wrong] == [401] * len(wrong)
    assert (await answered(jose.generate_key())).json() == {"error": "invalid_client"}


async def test_a_grant_is_a_receipt_and_its_revocation_bites_at_once(platform: Platform) -> None:
    assert (await platform.as_hub("GET", platform.url)).status == 403
    grant = await platform.granted()
    assert platform.ess.acr(platform.url) is None
    for url in (platform.url, platform.ess.canonical(platform.url)):
        assert (await platform.as_hub("GET", url)).body == b"<> a <x:Y> ."
    turtle = {"Content-Type": "text/turtle"}
    assert (await platform.as_hub("PUT", platform.url, data=b"", headers=turtle)).status == 403
    platform.ess.revoke(grant["id"])
    assert (await platform.as_hub("GET", platform.url)).status == 403


async def test_access_is_asked_for_by_canonical_identifiers_only(platform: Platform) -> None:
    refused = await platform.asked(platform.url)
    assert refused.status == 400
    assert refused.json()["violations"][0]["field"].endswith(".forPersonalData")
    head = await platform.one.call("HEAD", platform.url, token=platform.ess.bearer(platform.alice.webid))
    named = next(link for link in head.all("Link") if 'rel="canonical"' in link)
    assert named.startswith(f"<{platform.ess.canonical(platform.url)}>") and "/sc/" in named


async def test_a_receipt_of_a_container_covers_what_is_in_it(platform: Platform) -> None:
    folder = platform.ess.canonical(f"{platform.alice.pod}energy/")
    for inherit, status in ((True, 200), (False, 403)):
        request = (await platform.asked(folder, inherit=inherit)).json()
        grant = platform.ess.approve(request["id"])
        assert (await platform.as_hub("GET", platform.url)).status == status
        platform.ess.revoke(grant["id"])


async def test_there_is_no_uma(platform: Platform) -> None:
    answer = await platform.one.call("GET", platform.url)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    missing = await platform.one.call("GET", f"{platform.ess.uma_url}/.well-known/uma2-configuration")
    assert missing.status == 404
    made_up = await platform.one.call("GET", platform.url, token=secrets.token_hex(8))
    assert made_up.status == 401


async def test_verify_status_and_query_stay(platform: Platform) -> None:
    grant = await platform.granted()
    body = {"verifiableCredential": grant}
    verified = await platform.as_hub("POST", f"{platform.ess.vc_url}/verify", json=body)
    assert verified.json()["errors"] == []
    found = await platform.as_hub("GET", f"{platform.ess.vc_url}/query?type=SolidAccessGrant&status=Active")
    assert [one["id"] for one in found.json()["items"]] == [grant["id"]]
    alice = platform.ess.bearer(platform.alice.webid)
    change = {
        "credentialId": grant["id"],
        "credentialStatus": [{"type": "RevocationList2020Status", "status": "1"}],
    }
    status = await platform.one.call("POST", f"{platform.ess.vc_url}/status", token=alice, json=change)
    assert status.status == 204
    assert (await platform.as_hub("GET", platform.url)).status == 403
