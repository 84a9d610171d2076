"""A Solid-OIDC provider for tests, awkward on purpose: each way of being wrong is numbered and switchable.

Without quirks it is a correct provider: discovery, keys, code flow with PKCE S256 and DPoP, dynamic
registration, Client ID Documents, WebID profiles. Whoever is ``person`` is logged in and always agrees.
Use it to test any relying party: ``async with AwkwardIssuer() as issuer: issuer.quirks.add(Quirk.EXPIRED)``.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from yarl import URL

from solidgate.errors import ProofInvalid, ProofNonceNeeded
from solidgate.identity import access_token, dpop, jose, strict_json
from solidgate.testing.awkward import nested_json_ld
from solidgate.testing.issuer_tokens import id_claims, signed
from solidgate.testing.quirks import Quirk

KIB = 1024
_PROFILE_STATUS: Mapping[Quirk, int] = {
    Quirk.PROFILE_DOWN: 500,
    Quirk.PROFILE_MISSING: 404,
    Quirk.PROFILE_GONE: 410,
    Quirk.PROFILE_NEEDS_LOGIN: 401,
    Quirk.PROFILE_CLOSED: 403,
}


class AwkwardIssuer:
    """One provider on a free loopback port; ``issuer`` and ``webid(name)`` are its addresses.

    ``photo`` is what its profiles name as the photo, ``photo_at`` the address that they name instead.
    ``claimed`` replaces claims of its ID tokens; ``token_requests`` and ``key_requests`` count what was
    asked; ``slow_seconds`` is how slow it is.
    """

    def __init__(self, *quirks: Quirk, person: str = "alice", slow_seconds: float = 5) -> None:
        self.quirks = set(quirks)
        self.person = person
        self.slow_seconds = slow_seconds
        self.token_requests = self.key_requests = self.profile_requests = 0
        self.key = jose.generate_key("ES256")
        self.clients: dict[str, list[str]] = {}
        self.also_named: list[str] = []
        self.claimed: dict[str, Any] = {}
        self.photo, self.photo_at = b"", ""
        self.photo_requests: list[set[str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._spent: set[str] = set()
        self._nonce = secrets.token_urlsafe(12)
        self._runner: web.AppRunner | None = None
        self._root = ""

    @property
    def issuer(self) -> str:
        """The issuer's identifier, with its trailing slash."""
        return f"{self._root}/"

    def webid(self, name: str | None = None) -> str:
        """The WebID of one of its people; everybody exists."""
        return f"{self._root}/people/{name or self.person}#me"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._discovery),
                web.get("/elsewhere", self._elsewhere),
                web.get("/jwks", self._jwks),
                web.get("/auth", self._authorize),
                web.post("/token", self._token),
                web.post("/reg", self._register),
                web.get("/people/{name}", self._profile),
                web.get("/moved/{name}", self._moved_profile),
                web.get("/photo", self._photo),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self._root = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def agree(self, authorization_url: str) -> dict[str, list[str]]:
        """What a browser does: open the address, agree, and come back. Gives the callback's query."""
        async with (
            aiohttp.ClientSession() as browser,
            browser.get(URL(authorization_url, encoded=True), allow_redirects=False) as answer,
        ):
            if answer.status != 303:
                raise AssertionError(f"the issuer showed a page: {answer.status} {await answer.text()}")
            query = URL(answer.headers["Location"]).query
            return {name: query.getall(name) for name in set(query)}

    def access_token(self, key: jose.SigningKey, *, name: str | None = None, **changes: Any) -> str:
        """An access token for calling a resource server, bound to ``key``; ``changes`` replace claims."""
        return self._access_token(self.webid(name), "test-client", key.kid, changes)

    # --- documents ------------------------------------------------------------------------------------

    async def _discovery(self, request: web.Request) -> web.StreamResponse:
        if Quirk.SLOW_METADATA in self.quirks:
            await asyncio.sleep(self.slow_seconds)
        if Quirk.METADATA_REDIRECTED in self.quirks:
            return web.Response(status=302, headers={"Location": "/elsewhere"})
        if Quirk.METADATA_DOWN in self.quirks:
            return web.Response(status=503)
        if Quirk.METADATA_NOT_JSON in self.quirks:
            return web.Response(text="<html>sign in</html>", content_type="text/html")
        return web.json_response(self._metadata())

    async def _elsewhere(self, request: web.Request) -> web.Response:
        return web.json_response(self._metadata())

    def _metadata(self) -> dict[str, Any]:
        root, quirks = self._root, self.quirks
        document: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{root}/auth",
            "token_endpoint": f"{root}/token",
            "jwks_uri": f"{root}/jwks",
            "registration_endpoint": f"{root}/reg",
            "scopes_supported": ["openid", "webid"],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }
        if Quirk.METADATA_OTHER_ISSUER in quirks:
            document["issuer"] = "https://other.example/"
        if Quirk.METADATA_WITHOUT_SLASH in quirks:
            document["issuer"] = root
        if Quirk.METADATA_WITHOUT_S256 in quirks:
            document["code_challenge_methods_supported"] = ["plain"]
        if Quirk.METADATA_HUGE in quirks:
            document["padding"] = "x" * 256 * KIB
        if Quirk.METADATA_WITHOUT_TOKEN_ENDPOINT in quirks:
            del document["token_endpoint"]
        if Quirk.METADATA_FILE_ENDPOINT in quirks:
            document["token_endpoint"] = "file:///etc/passwd"
        if Quirk.WITHOUT_WEBID_SCOPE in quirks:
            document["scopes_supported"] = ["openid"]
        return document

    async def _jwks(self, request: web.Request) -> web.Response:
        self.key_requests += 1
        keys = [dict(self.key.public_jwk)]
        if Quirk.KEYS_WITH_SECRET in self.quirks:
            keys.insert(0, {"kty": "oct", "k": "c2VjcmV0", "kid": self.key.kid})
        if Quirk.KEYS_MANY in self.quirks:
            keys = [{"kty": "EC", "kid": str(n)} for n in range(50)] + keys
        return web.json_response({"keys": keys})

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one is published no more."""
        self.key = jose.generate_key("ES256")

    async def _profile(self, request: web.Request) -> web.StreamResponse:
        self.profile_requests += 1
        name, quirks = request.match_info["name"], self.quirks
        if Quirk.PROFILE_REDIRECTED in quirks:
            return web.Response(status=303, headers={"Location": f"/moved/{name}"})
        for quirk in sorted(_PROFILE_STATUS.keys() & quirks):
            return web.Response(status=_PROFILE_STATUS[quirk])
        if Quirk.PROFILE_AS_HTML in quirks:
            return web.Response(text="<html></html>", content_type="text/html")
        if Quirk.PROFILE_MALFORMED in quirks:
            return web.Response(text="<#me> <broken", content_type="text/turtle")
        if Quirk.PROFILE_NESTED in quirks:
            return web.Response(body=nested_json_ld(5_000), content_type="application/ld+json")
        return web.Response(text=self._profile_turtle(name), content_type="text/turtle")

    async def _moved_profile(self, request: web.Request) -> web.Response:
        return web.Response(text=self._profile_turtle(request.match_info["name"]), content_type="text/turtle")

    async def _photo(self, request: web.Request) -> web.StreamResponse:
        self.photo_requests.append({name.lower() for name in request.headers})
        if self.photo.startswith(b"/"):
            return web.Response(status=302, headers={"Location": self.photo.decode()})
        return web.Response(body=self.photo, content_type="text/html")

    def _profile_turtle(self, name: str) -> str:
        subject, issuers = f"<{self.webid(name)}>", [self._named_issuer(), *self.also_named]
        if Quirk.PROFILE_OF_ANOTHER_SUBJECT in self.quirks:
            subject = f"<{self.webid('somebody-else')}>"
        if Quirk.PROFILE_WITHOUT_ISSUER in self.quirks:
            issuers = []
        lines = ["@prefix solid: <http://www.w3.org/ns/solid/terms#> ."]
        lines += [f"{subject} a <http://xmlns.com/foaf/0.1/Person> ."]
        lines += [f"{subject} solid:oidcIssuer <{issuer}> ." for issuer in issuers]
        if self.photo or self.photo_at:
            lines.append(
                f"{subject} <http://xmlns.com/foaf/0.1/img> <{self.photo_at or f'{self._root}/photo'}> ."
            )
        if Quirk.PROFILE_ISSUER_AS_TEXT in self.quirks:
            lines = [line.replace(f"<{self.issuer}> .", f'"{self.issuer}" .') for line in lines]
        if Quirk.PROFILE_HUGE in self.quirks:
            lines += [f"# {'x' * 1000}"] * 400
        return "\n".join(lines)

    def _named_issuer(self) -> str:
        if Quirk.PROFILE_NAMES_ANOTHER in self.quirks:
            return "http://127.0.0.1:9/"
        if Quirk.PROFILE_NAMES_OTHER_CASE in self.quirks:
            return self.issuer.replace("http://", "HTTP://")
        return self._root if Quirk.METADATA_WITHOUT_SLASH in self.quirks else self.issuer

    # --- the code flow --------------------------------------------------------------------------------

    async def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        client, redirect = query.get("client_id", ""), query.get("redirect_uri", "")
        if not await self._knows(client, redirect):
            return web.Response(status=400, text="unknown client or redirect_uri")
        answer = {"state": query.get("state", "")} | self._iss()
        if query.get("prompt") == "none":
            return _back(redirect, answer | {"error": "login_required"})
        if Quirk.CALLBACK_CANCELLED in self.quirks:
            return _back(redirect, answer | {"error": "access_denied"})
        if Quirk.CALLBACK_ERROR in self.quirks:
            return _back(redirect, answer | {"error": "server_error"})
        if query.get("code_challenge_method") != "S256" or not query.get("nonce"):
            return _back(redirect, answer | {"error": "invalid_request"})
        if Quirk.CALLBACK_OTHER_STATE in self.quirks:
            answer["state"] = secrets.token_urlsafe(32)
        code = secrets.token_urlsafe(24)
        self._codes[code] = query
        if Quirk.CALLBACK_WITHOUT_CODE not in self.quirks:
            answer["code"] = code
        return _back(redirect, answer, repeated="iss" if Quirk.CALLBACK_REPEATED_ISS in self.quirks else "")

    def _iss(self) -> dict[str, str]:
        if Quirk.CALLBACK_WITHOUT_ISS in self.quirks:
            return {}
        other = Quirk.CALLBACK_OTHER_ISS in self.quirks
        return {"iss": "https://other.example/" if other else self._metadata()["issuer"]}

    async def _knows(self, client: str, redirect: str) -> bool:
        if not client.startswith("http"):
            return Quirk.FORGETS_CLIENTS not in self.quirks and redirect in self.clients.get(client, [])
        async with aiohttp.ClientSession() as session, session.get(client) as answer:
            document = await answer.json(content_type=None)
        return document.get("client_id") == client and redirect in document.get("redirect_uris", [])

    async def _register(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        client = f"client-{secrets.token_hex(4)}"
        self.clients[client] = list(wanted["redirect_uris"])
        self.quirks.discard(Quirk.FORGETS_CLIENTS)
        reply = {"client_id": client, "redirect_uris": self.clients[client]}
        if Quirk.REGISTERS_WITH_SECRET in self.quirks:
            secret = {"client_secret": "s p:e c", "token_endpoint_auth_method": "client_secret_basic"}
            return web.json_response(reply | secret, status=201)
        return web.json_response(reply | {"token_endpoint_auth_method": "none"}, status=201)

    async def _token(self, request: web.Request) -> web.Response:
        self.token_requests += 1
        form = dict(parse_qsl(await request.text()))
        try:
            nonces = (self._nonce,) if Quirk.DEMANDS_NONCE in self.quirks else ()
            proof = dpop.verify_proof(
                request.headers.get("DPoP", ""),
                method="POST",
                url=f"{self._root}/token",
                now=datetime.now(UTC),
                access_token=None,
                nonces=nonces,
            )
        except ProofNonceNeeded:
            headers = {"DPoP-Nonce": self._nonce}
            return web.json_response({"error": "use_dpop_nonce"}, status=400, headers=headers)
        except ProofInvalid:
            return web.json_response({"error": "invalid_dpop_proof"}, status=400)
        return self._exchanged(form, proof.jkt, request.headers.get("Authorization", ""))

    def _exchanged(self, form: Mapping[str, str], jkt: str, authorization: str) -> web.Response:
        code = form.get("code", "")
        asked = self._codes.pop(code, None)
        if asked is None or Quirk.CODE_IS_REFUSED in self.quirks:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if Quirk.CLIENT_IS_REFUSED in self.quirks:
            return web.json_response({"error": "invalid_client"}, status=401)
        if Quirk.REGISTERS_WITH_SECRET in self.quirks:
            authenticated = authorization.startswith("Basic ")
        else:
            authenticated = form.get("client_id") == asked["client_id"]
        challenge = strict_json.encode_base64url(
            hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        )
        fits = (
            authenticated
            and challenge == asked["code_challenge"]
            and form.get("redirect_uri") == asked["redirect_uri"]
            and asked.get("dpop_jkt", jkt) == jkt
        )
        if not fits:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return self._tokens(asked, jkt)

    def _tokens(self, asked: Mapping[str, str], jkt: str) -> web.Response:
        if Quirk.TOKENS_NOT_JSON in self.quirks:
            return web.Response(text="<html></html>", content_type="text/html")
        token = self._access_token(self.webid(), asked["client_id"], jkt, {})
        reply: dict[str, Any] = {"access_token": token, "token_type": "DPoP", "expires_in": 600}
        reply["id_token"] = self._id_token(asked, token)
        if Quirk.BEARER_TOKENS in self.quirks:
            reply["token_type"] = "Bearer"
        if Quirk.WITHOUT_ID_TOKEN in self.quirks:
            del reply["id_token"]
        return web.json_response(reply)

    def _access_token(self, webid: str, client: str, jkt: str, changes: Mapping[str, Any]) -> str:
        minted = access_token.mint(
            self.key,
            issuer=self._metadata()["issuer"],
            webid=webid,
            client_id=client,
            cnf_jkt=jkt,
            now=datetime.now(UTC),
            jti=secrets.token_urlsafe(12),
        )
        if not changes:
            return minted
        unverified = jose.parse(minted)
        claims = {k: v for k, v in {**unverified.claims, **changes}.items() if v is not None}
        return self.key.sign(unverified.header, claims)

    def _id_token(self, asked: Mapping[str, str], token: str) -> str:
        issuer, webid, now = self._metadata()["issuer"], self.webid(), datetime.now(UTC)
        claims = id_claims(self.quirks, issuer=issuer, webid=webid, asked=asked, token=token, now=now)
        if Quirk.KEY_ROTATED in self.quirks:
            self.quirks.discard(Quirk.KEY_ROTATED)
            self.rotate()
        return signed(self.quirks, self.key, claims | self.claimed)


def _back(redirect: str, answer: Mapping[str, str], repeated: str = "") -> web.Response:
    url = URL(redirect).update_query(answer)
    if repeated:
        url = url.extend_query({repeated: answer[repeated]})
    return web.Response(status=303, headers={"Location": str(url)})
