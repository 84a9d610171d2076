"""ESS 3.x: tokens by exchange (RFC 8693) or client credentials, and canonical beside path identifiers.

Written from the opening part of the public documentation; nothing here was checked against a real server.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from solidgate.errors import SolidgateError
from solidgate.identity import jose
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.clients import Clients
from solidgate.testing.ess.ground import Caller, Ground
from solidgate.testing.ess.host import Host

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = timedelta(minutes=5)
ALGORITHMS = ("ES256", "RS256")


class Refused(Exception):
    """An OAuth error answer."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.status = error, status


@dataclass(slots=True)
class Platform:
    """``POST /access/token``, and what its tokens stand for (``Ground.bearer``)."""

    host: Host
    ground: Ground
    clients: Clients
    key: jose.SigningKey = field(default_factory=jose.generate_key)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.host.add("POST", "/access/token", self._token)
        self.host.add("GET", "/jwks", self._jwks)
        self.host.add("GET", "/.well-known/oauth-authorization-server", self._metadata)
        self.ground.bearer = self.holder

    async def _metadata(self, request: web.Request) -> web.Response:
        """RFC 8414. The documentation that we read names the endpoint, and no metadata."""
        origin = self.host.origin
        return web.json_response(
            {
                "issuer": origin,
                "token_endpoint": f"{origin}/access/token",
                "jwks_uri": f"{origin}/jwks",
                "grant_types_supported": [EXCHANGE, "client_credentials"],
            }
        )

    async def _jwks(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [dict(self.key.public_jwk)]})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            if self.ground.odd.strikes(Odd.EXCHANGE_REFUSED):
                raise Refused("invalid_grant")
            caller = await self._caller(form, request.headers.get("Authorization", ""))
        except Refused as refused:
            return web.json_response({"error": refused.error}, status=refused.status)
        lifetime = self._lifetime()
        issued = {"issued_token_type": ACCESS_TOKEN} if form["grant_type"] == EXCHANGE else {}
        return web.json_response(
            {
                "access_token": self.mint(caller, lifetime),
                "token_type": "Bearer",
                "expires_in": int(lifetime.total_seconds()),
                **issued,
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _caller(self, form: Mapping[str, str], authorization: str) -> Caller:
        if form.get("grant_type") == "client_credentials" and form.get("client_assertion_type") == ASSERTION:
            return await self._asserted(form.get("client_id", ""), form.get("client_assertion", ""))
        if form.get("grant_type") == "client_credentials":
            client = await self.clients.authenticated(form, authorization)
            if client is None or not client.secret or not client.acts_for:
                raise Refused("invalid_client", 401)
            return Caller(client.acts_for, client.client_id)
        if form.get("grant_type") != EXCHANGE:
            raise Refused("unsupported_grant_type")
        if form.get("subject_token_type") != ID_TOKEN:
            raise Refused("invalid_request")
        return await self._subject(form.get("subject_token", ""))

    async def _asserted(self, client_id: str, assertion: str) -> Caller:
        """A client that acts for itself: signed with a key of its Client ID Metadata Document (RFC 7523)."""
        document = await self.clients.document(client_id)
        if document is None:
            raise Refused("invalid_client", 401)
        try:
            plain = jose.parse(assertion)
            claims = jose.verify_with_keys(plain, await self._keys_of(document), ALGORITHMS).claims
        except SolidgateError:
            raise Refused("invalid_client", 401) from None
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        ours = {self.host.origin, f"{self.host.origin}/access/token"}
        fits = claims.get("iss") == client_id == claims.get("sub") and ours & {str(one) for one in named}
        if not fits or not _is_good(claims) or not self._is_first(claims):
            raise Refused("invalid_client", 401)
        return Caller(client_id, client_id)

    async def _keys_of(self, document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        jwks = document.get("jwks") or await self.clients.fetched(str(document.get("jwks_uri", "")))
        keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
        return [one for one in keys if isinstance(one, Mapping)] if isinstance(keys, list) else []

    def _is_first(self, claims: Mapping[str, Any]) -> bool:
        """Whether an assertion is shown for the first time."""
        name = str(claims.get("jti", ""))
        known = not name or name in self._seen
        self._seen.add(name)
        return not known

    async def _subject(self, token: str) -> Caller:
        """The person of an ID token, once their profile and its issuer both say so."""
        try:
            plain = jose.parse(token)
            claims = plain.claims
            webid = str(claims.get("webid", claims.get("sub", "")))
            jose.verify_with_keys(
                plain, await self.ground.door.keys(webid, str(claims.get("iss"))), ALGORITHMS
            )
        except SolidgateError:
            raise Refused("invalid_grant") from None
        if not _is_good(claims):
            raise Refused("invalid_grant")
        return Caller(webid, str(claims.get("azp", "")))

    def _lifetime(self) -> timedelta:
        own = self.ground.odd.strikes(Odd.OWN_LIFETIME)
        return timedelta(seconds=own.amount) if own else LIFETIME

    def mint(self, caller: Caller, lifetime: timedelta = LIFETIME) -> str:
        """An RFC 9068 access token for the storages and the grant service."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": self.host.origin,
            "aud": self.ground.origins.storage,
            "sub": caller.webid,
            "webid": caller.webid,
            "client_id": caller.client_id,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": secrets.token_urlsafe(12),
        }
        return self.key.sign({"typ": "at+jwt", "kid": self.key.kid}, claims)

    def holder(self, token: str) -> Caller | None:
        """For whom a token is, if it is one of ours and still good."""
        try:
            claims = jose.verify(jose.parse(token), self.key.public_jwk, (self.key.algorithm,)).claims
        except SolidgateError:
            return None
        if claims["exp"] <= (datetime.now(UTC) + self.ground.later).timestamp():
            return None
        return Caller(str(claims["webid"]), str(claims.get("client_id", "")))


def _is_good(claims: Mapping[str, Any]) -> bool:
    """Whether the time of a token is not over."""
    return isinstance(claims.get("exp"), int) and claims["exp"] > datetime.now(UTC).timestamp()
