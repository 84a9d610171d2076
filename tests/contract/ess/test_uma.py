"""The double's authorization server: tickets, claims in each encoding, and what a token opens."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from solidgate.identity import jose, strict_json
from solidgate.identity.dpop import make_proof
from solidgate.testing.ess import EssDouble
from solidgate.testing.ess.uma import CREDENTIAL, ID_TOKEN
from solidgate.testing.ess.visitor import Visitor

if TYPE_CHECKING:
    from conftest import Scene


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
    assert (answer.status, reply["token_type"]) == (200, "Bearer")
    assert reply["expires_in"] in (299, 300)  # whole seconds, some of which may have begun
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
    id_token = (await scene.nobody.log_in(form, jose.generate_key(), basic)).json()["id_token"]
    first = await scene.nobody.push(nothing["ticket"], claim_token=id_token, claim_token_format=ID_TOKEN)
    assert (first.status, first.json()["scope"]) == (200, "")
    assert (await scene.nobody.call("GET", scene.url, token=first.json()["access_token"])).status == 403
    claim = strict_json.encode_base64url(json.dumps(grant).encode())
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
