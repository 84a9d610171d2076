"""The double's WebIDs and OpenID host."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from solidgate.identity import jose, strict_json
from solidgate.testing.ess.visitor import Answer

if TYPE_CHECKING:
    from conftest import Scene


async def test_a_webid_is_a_document_outside_the_pod(scene: Scene) -> None:
    answer = await scene.nobody.call("GET", scene.alice.webid)
    assert "#" not in scene.alice.webid and not scene.alice.webid.startswith(scene.ess.storage_url)
    assert f"oidcIssuer <{scene.ess.openid_url}>" in answer.body.decode()
    assert f"<{scene.alice.pod}>" in answer.body.decode()
    bob = scene.ess.add_person("bob", link_storage=False)
    own = scene.ess.add_person("carla", access_page="https://page.example/")
    assert b"ConsentManagementUI> <https://page.example/>" in (await scene.nobody.call("GET", own.webid)).body
    assert b"pim/space" not in (await scene.nobody.call("GET", bob.webid)).body
    assert (await scene.nobody.call("GET", f"{bob.webid}x")).status == 404


async def test_client_credentials_act_as_the_person(scene: Scene) -> None:
    key, form = jose.generate_key(), {"grant_type": "client_credentials", "scope": "openid webid"}
    basic = aiohttp.encode_basic_auth(scene.hub.client_id, scene.hub.client_secret)
    reply = (await scene.nobody.log_in(form, key, basic)).json()
    claims = jose.parse(reply["access_token"]).claims
    assert (claims["webid"], claims["iss"], claims["aud"]) == (scene.hub.webid, scene.ess.openid_url, "solid")
    assert claims["cnf"]["jkt"] == key.kid and reply["token_type"] == "DPoP"
    wrong = aiohttp.encode_basic_auth(scene.hub.client_id, "wrong")
    assert (await scene.nobody.log_in(form, key, wrong)).status == 401
    unbound = await scene.nobody.call(
        "POST", f"{scene.ess.openid_url}/token", data=form, headers={"Authorization": basic}
    )
    assert unbound.json() == {"error": "invalid_dpop_proof"}


def authorization(scene: Scene, client: str, verifier: str, **more: str) -> str:
    challenge = strict_json.encode_base64url(hashlib.sha256(verifier.encode()).digest())
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
    reply = (await scene.nobody.log_in(form, key)).json()
    claims = jose.parse(reply["id_token"]).claims
    assert (claims["webid"], claims["nonce"], claims["aud"]) == (
        scene.alice.webid,
        "a-nonce",
        [client, "solid"],
    )
    assert (await scene.nobody.log_in(form, key)).json() == {"error": "invalid_grant"}
    fresh = {"grant_type": "refresh_token", "refresh_token": reply["refresh_token"], "client_id": client}
    assert (await scene.nobody.log_in(fresh, key)).status == 200
    assert (await scene.nobody.log_in(fresh, jose.generate_key())).json() == {"error": "invalid_grant"}
    gone = {"token": reply["refresh_token"], "client_id": client}
    assert (await scene.nobody.call("POST", f"{scene.ess.openid_url}/revoke", data=gone)).status == 200
    assert (await scene.nobody.log_in(fresh, key)).json() == {"error": "invalid_grant"}


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
