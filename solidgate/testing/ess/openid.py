"""The OpenID host: the authorization code flow with PKCE, refresh, client credentials, registration, logout.

Whoever opens the authorization endpoint is the person that ``login`` names, or sees a small form when it
names nobody.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from aiohttp import web
from yarl import URL

from solidgate.errors import NotAuthenticated, ProofInvalid, SignatureInvalid, TokenInvalid
from solidgate.identity import access_token, jose
from solidgate.identity.dpop import verify_proof
from solidgate.testing.ess.clients import Client, Clients
from solidgate.testing.ess.ground import EssPerson, Ground
from solidgate.testing.ess.host import CALLER, Host

LIFETIME = timedelta(minutes=5)
SCOPES = ["openid", "offline_access", "webid"]
_FORM = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Log in</title>
<h1>Log in</h1><p id="error">{error}</p>
<form method="post"><label>Username <input name="username"></label>
<label>Password <input name="password" type="password"></label><button name="submit">Log in</button></form>
"""


class Refused(Exception):
    """An OAuth error of the token endpoint."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.status = error, status


@dataclass(frozen=True, slots=True)
class Login:
    """What a code or a refresh token stands for."""

    webid: str
    client_id: str
    asked: Mapping[str, str]
    jkt: str = ""


@dataclass(slots=True)
class OpenId:
    """See the module; ``login`` is the name of the person who is logged in, empty for the form."""

    host: Host
    ground: Ground
    clients: Clients
    login: str = ""
    _codes: dict[str, Login] = field(default_factory=dict)
    _refresh: dict[str, Login] = field(default_factory=dict)

    def __post_init__(self) -> None:
        add = self.host.add
        add("GET", "/.well-known/openid-configuration", self._discovery)
        add("GET", "/jwks", self._jwks)
        add("GET", "/authorization", self._authorize)
        add("POST", "/authorization", self._log_in)
        add("POST", "/token", self._token)
        add("POST", "/registration", self._register)
        add("*", "/userinfo", self._userinfo)
        add("POST", "/revoke", self._revoke)
        add("GET", "/endsession", self._end)

    # --- documents ---------------------------------------------------------------------------------------

    async def _discovery(self, request: web.Request) -> web.Response:
        origin = self.host.origin
        endpoints = {
            "authorization_endpoint": "authorization",
            "token_endpoint": "token",
            "registration_endpoint": "registration",
            "userinfo_endpoint": "userinfo",
            "revocation_endpoint": "revoke",
            "end_session_endpoint": "endsession",
            "jwks_uri": "jwks",
        }
        return web.json_response(
            {
                "issuer": origin,
                **{name: f"{origin}/{path}" for name, path in endpoints.items()},
                "scopes_supported": SCOPES,
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["plain", "S256"],
                "dpop_signing_alg_values_supported": ["RS256", "ES256"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
                "subject_types_supported": ["public"],
                "claims_supported": ["webid", "sub", "iss", "aud"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _jwks(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [dict(self.ground.door.key.public_jwk)]})

    # --- the person --------------------------------------------------------------------------------------

    async def _authorize(self, request: web.Request) -> web.Response:
        refusal = await self._refusal(request.query)
        if refusal is not None:
            return refusal
        person = self._person(self.login)
        if person is not None:
            return self._agreed(request.query, person)
        if request.query.get("prompt") == "none":
            return self._back(request.query, error="login_required")
        return web.Response(text=_FORM.format(error=""), content_type="text/html")

    async def _log_in(self, request: web.Request) -> web.Response:
        refusal = await self._refusal(request.query)
        if refusal is not None:
            return refusal
        form = await request.post()
        person = self._person(str(form.get("username")))
        if person is None or not secrets.compare_digest(person.password, str(form.get("password"))):
            page = _FORM.format(error=escape("The username or the password is not right."))
            return web.Response(status=401, text=page, content_type="text/html")
        return self._agreed(request.query, person)

    async def _refusal(self, query: Mapping[str, str]) -> web.Response | None:
        """What is wrong with an authorization request: shown here, or sent back where that is safe."""
        client = await self.clients.find(query.get("client_id", ""))
        if client is None or query.get("redirect_uri") not in client.redirects:
            return web.Response(status=400, text="The client or its redirect address is not known.")
        if query.get("response_type") != "code":
            return self._back(query, error="unsupported_response_type")
        if "openid" not in query.get("scope", "").split():
            return self._back(query, error="invalid_scope")
        if not query.get("code_challenge") or query.get("code_challenge_method") not in ("S256", "plain"):
            return self._back(query, error="invalid_request")
        return None

    def _agreed(self, query: Mapping[str, str], person: EssPerson) -> web.Response:
        code = secrets.token_urlsafe(24)
        self._codes[code] = Login(person.webid, query["client_id"], dict(query))
        return self._back(query, code=code)

    def _back(self, query: Mapping[str, str], **answer: str) -> web.Response:
        more = {"state": query["state"]} if "state" in query else {}
        url = URL(query["redirect_uri"]).update_query({**answer, **more, "iss": self.host.origin})
        return web.Response(status=302, headers={"Location": str(url)})

    def _person(self, name: str) -> EssPerson | None:
        return next((one for one in self.ground.people.values() if one.username == name), None)

    # --- tokens ------------------------------------------------------------------------------------------

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        head = {"Cache-Control": "no-store"}
        try:
            client = await self.clients.authenticated(form, request.headers.get("Authorization", ""))
            if client is None:
                raise Refused("invalid_client", 401)
            reply = self._granted(form, client, self._jkt(request))
        except Refused as refused:
            return web.json_response({"error": refused.error}, status=refused.status, headers=head)
        except ValueError:
            return web.json_response({"error": "invalid_request"}, status=400, headers=head)
        return web.json_response(reply, headers=head)

    def _jkt(self, request: web.Request) -> str:
        try:
            proof = verify_proof(
                request.headers.get("DPoP", ""),
                method="POST",
                url=f"{self.host.origin}/token",
                now=datetime.now(UTC),
                access_token=None,
            )
        except ProofInvalid:
            raise Refused("invalid_dpop_proof") from None
        return proof.jkt

    def _granted(self, form: Mapping[str, str], client: Client, jkt: str) -> dict[str, Any]:
        kind = form.get("grant_type")
        if kind == "client_credentials":
            if not client.secret or not client.acts_for:
                raise Refused("unauthorized_client")
            scope = {"scope": form.get("scope", "")}
            return self._reply(Login(client.acts_for, client.client_id, scope), jkt)
        if kind == "refresh_token":
            held = self._refresh.get(form.get("refresh_token", ""))
            if held is None or held.client_id != form.get("client_id", client.client_id) or held.jkt != jkt:
                raise Refused("invalid_grant")
            return self._reply(held, jkt) | {"refresh_token": form["refresh_token"]}
        if kind != "authorization_code":
            raise Refused("unsupported_grant_type")
        return self._exchanged(form, client, jkt)

    def _exchanged(self, form: Mapping[str, str], client: Client, jkt: str) -> dict[str, Any]:
        held = self._codes.pop(form.get("code", ""), None)
        fits = (
            held is not None
            and held.client_id.removeprefix("urn:uuid:") == client.client_id
            and held.asked["redirect_uri"] == form.get("redirect_uri")
            and held.asked["code_challenge"] == _challenge(form.get("code_verifier", ""), held.asked)
            and held.asked.get("dpop_jkt", jkt) == jkt
        )
        if held is None or not fits:
            raise Refused("invalid_grant")
        reply = self._reply(held, jkt)
        if "offline_access" in held.asked.get("scope", "").split():
            reply["refresh_token"] = secrets.token_urlsafe(32)
            self._refresh[reply["refresh_token"]] = Login(held.webid, held.client_id, held.asked, jkt)
        return reply

    def _reply(self, login: Login, jkt: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        token = self.access_token(login.webid, login.client_id, jkt, now)
        claims = {
            "iss": self.host.origin,
            "sub": login.webid,
            "webid": login.webid,
            "aud": [login.client_id, "solid"],
            "azp": login.client_id,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "jti": secrets.token_urlsafe(12),
            **({"nonce": login.asked["nonce"]} if "nonce" in login.asked else {}),
        }
        key = self.ground.door.key
        return {
            "access_token": token,
            "token_type": "DPoP",
            "expires_in": int(LIFETIME.total_seconds()),
            "id_token": key.sign({"typ": "JWT", "kid": key.kid}, claims),
            "scope": login.asked.get("scope", ""),
        }

    def access_token(self, webid: str, client_id: str, jkt: str, now: datetime) -> str:
        """A token that the storage, the grant service and the authorization server take."""
        return access_token.mint(
            self.ground.door.key,
            issuer=self.host.origin,
            webid=webid,
            client_id=client_id,
            cnf_jkt=jkt,
            now=now,
            jti=secrets.token_urlsafe(12),
            lifetime=LIFETIME,
        )

    # --- the rest ----------------------------------------------------------------------------------------

    async def _register(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
        except ValueError:
            wanted = None
        if not isinstance(wanted, Mapping) or not wanted.get("redirect_uris"):
            return web.json_response({"error": "invalid_client_metadata"}, status=400)
        method = str(wanted.get("token_endpoint_auth_method", "client_secret_basic"))
        client = self.clients.register(wanted, secret=method != "none")
        secret = {"client_secret": client.secret, "client_secret_expires_at": 0} if client.secret else {}
        reply = {**wanted, "client_id": client.client_id, "token_endpoint_auth_method": method, **secret}
        return web.json_response(reply, status=201)

    async def _userinfo(self, request: web.Request) -> web.Response:
        headers = {name: request.headers.getall(name, []) for name in ("Authorization", "DPoP")}
        try:
            url = f"{self.host.origin}/userinfo"
            found = await self.ground.door.caller(headers, request.method, url)
        except (NotAuthenticated, TokenInvalid, SignatureInvalid):
            found = None
        if found is None:
            return web.Response(status=401, headers={"WWW-Authenticate": "DPoP"})
        request[CALLER] = found.webid
        return web.json_response({"sub": found.webid, "webid": found.webid})

    async def _revoke(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if await self.clients.authenticated(form, request.headers.get("Authorization", "")) is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        self._refresh.pop(form.get("token", ""), None)
        return web.Response(status=200)

    async def _end(self, request: web.Request) -> web.Response:
        self.login = ""
        back = request.query.get("post_logout_redirect_uri", "")
        if not back.startswith(("http://", "https://")):
            return web.Response(text="You are logged out.")
        state = {"state": request.query["state"]} if "state" in request.query else {}
        return web.Response(status=302, headers={"Location": str(URL(back).update_query(state))})


def _challenge(verifier: str, asked: Mapping[str, str]) -> str:
    if asked["code_challenge_method"] == "plain":
        return verifier
    return jose.encode_base64url(hashlib.sha256(verifier.encode()).digest())
