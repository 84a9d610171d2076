"""The OpenID host: the authorization code flow with PKCE, refresh, client credentials, registration, logout.

Whoever opens the authorization endpoint is the person that ``login`` names, or sees a small form when it
names nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from aiohttp import web
from yarl import URL

from solidgate.errors import NotAuthenticated, SignatureInvalid, TokenInvalid
from solidgate.testing.ess.clients import Clients
from solidgate.testing.ess.ground import EssPerson, Ground
from solidgate.testing.ess.host import CALLER, Host
from solidgate.testing.ess.token_endpoint import Login, TokenEndpoint

SCOPES = ["openid", "offline_access", "webid"]
_FORM = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Log in</title>
<h1>Log in</h1><p id="error">{error}</p>
<form method="post"><label>Username <input name="username"></label>
<label>Password <input name="password" type="password"></label><button name="submit">Log in</button></form>
"""


@dataclass(slots=True)
class OpenId:
    """See the module; ``login`` is the name of the person who is logged in, empty for the form."""

    host: Host
    ground: Ground
    clients: Clients
    login: str = ""
    tokens: TokenEndpoint = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = TokenEndpoint(self.host, self.ground, self.clients)
        add = self.host.add
        add("GET", "/.well-known/openid-configuration", self._discovery)
        add("GET", "/jwks", self._jwks)
        add("GET", "/authorization", self._authorize)
        add("POST", "/authorization", self._log_in)
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
        login = Login(person.webid, query["client_id"], dict(query))
        return self._back(query, code=self.tokens.code(login))

    def _back(self, query: Mapping[str, str], **answer: str) -> web.Response:
        more = {"state": query["state"]} if "state" in query else {}
        url = URL(query["redirect_uri"]).update_query({**answer, **more, "iss": self.host.origin})
        return web.Response(status=302, headers={"Location": str(url)})

    def _person(self, name: str) -> EssPerson | None:
        return next((one for one in self.ground.people.values() if one.username == name), None)

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
        self.tokens.revoke(form.get("token", ""))
        return web.Response(status=200)

    async def _end(self, request: web.Request) -> web.Response:
        self.login = ""
        back = request.query.get("post_logout_redirect_uri", "")
        if not back.startswith(("http://", "https://")):
            return web.Response(text="You are logged out.")
        state = {"state": request.query["state"]} if "state" in request.query else {}
        return web.Response(status=302, headers={"Location": str(URL(back).update_query(state))})
