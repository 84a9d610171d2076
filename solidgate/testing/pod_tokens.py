"""Who asks, at the awkward pod: Solid-OIDC tokens really verified, and an issuer for its own residents."""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from solidgate.errors import NotAuthenticated, SolidgateError
from solidgate.identity import access_token, jose
from solidgate.identity.dpop import DpopAccess, verify_proof
from solidgate.pod.container import document
from solidgate.pod.rdf import CONTROL_ACCEPT, control_document, objects
from solidgate.vocab import SOLID

KNOWN_SECONDS = 120.0
FETCH_SECONDS = 5.0


class Doorkeeper:
    """Verifies tokens as a resource server does, and mints them for WebIDs of its own server."""

    def __init__(
        self, issuer: str, *, require_ath: bool = True, trusted: ssl.SSLContext | None = None
    ) -> None:
        self.issuer = issuer
        self.key = jose.generate_key()
        self._require_ath = require_ath
        self._trusted = trusted
        self._used: set[str] = set()
        self._known: dict[tuple[str, str], tuple[float, Sequence[Mapping[str, Any]]]] = {}

    def access(self, webid: str, *, lifetime: timedelta = timedelta(minutes=5)) -> DpopAccess:
        """A DPoP-bound access token for a WebID whose profile names this issuer."""
        key = jose.generate_key()
        now = datetime.now(UTC)
        token = access_token.mint(
            self.key,
            issuer=self.issuer,
            webid=webid,
            client_id="https://client.example/id",
            cnf_jkt=jose.thumbprint(key.bare_jwk),
            now=now,
            jti=secrets.token_urlsafe(16),
            lifetime=lifetime,
        )
        return DpopAccess(webid, token, key, now + lifetime, lambda: secrets.token_urlsafe(16))

    async def webid(
        self, headers: Mapping[str, Sequence[str]], method: str, url: str, nonce: str | None = None
    ) -> str | None:
        """The verified WebID; ``None`` without credentials. Raises ``NotAuthenticated``."""
        found = await self.caller(headers, method, url, nonce)
        return None if found is None else found.webid

    async def caller(
        self, headers: Mapping[str, Sequence[str]], method: str, url: str, nonce: str | None = None
    ) -> access_token.VerifiedAccessToken | None:
        """Who asks, and by which client; ``None`` without credentials. Raises ``NotAuthenticated``."""
        authorization, proofs = headers["Authorization"], headers["DPoP"]
        if not authorization and not proofs:
            return None
        now = datetime.now(UTC)
        token, proof = access_token.credentials(authorization, proofs)
        proved = verify_proof(
            proof,
            method=method,
            url=url,
            now=now,
            access_token=token,
            nonces=(nonce,) if nonce else (),
            require_ath=self._require_ath,
        )
        shown = access_token.present(token, jkt=proved.jkt, now=now, plain_http=True)
        if proved.proof_id in self._used:
            raise NotAuthenticated("the proof was used before")
        self._used.add(proved.proof_id)
        return access_token.verify(shown, await self.keys(shown.webid, shown.issuer))

    async def keys(self, webid: str, issuer: str) -> Sequence[Mapping[str, Any]]:
        """The issuer's keys, after its discovery document and the person's profile both named it."""
        until, keys = self._known.get((webid, issuer), (0.0, ()))
        if time.monotonic() > until:
            try:
                keys = await _fetched_keys(webid, issuer, self._trusted)
            except (aiohttp.ClientError, SolidgateError, KeyError, ValueError) as broken:
                raise NotAuthenticated("the profile or the issuer does not answer as it should") from broken
            self._known[webid, issuer] = (time.monotonic() + KNOWN_SECONDS, keys)
        return keys


async def _fetched_keys(
    webid: str, issuer: str, trusted: ssl.SSLContext | None
) -> Sequence[Mapping[str, Any]]:
    limit, way = aiohttp.ClientTimeout(total=FETCH_SECONDS), aiohttp.TCPConnector(ssl=trusted or True)
    async with aiohttp.ClientSession(timeout=limit, connector=way) as http:
        async with http.get(document(webid), headers={"Accept": CONTROL_ACCEPT}) as reply:
            content, kind = await reply.read(), reply.headers.get("Content-Type")
        if issuer not in objects(control_document(content, kind, document(webid)), webid, SOLID.oidcIssuer):
            raise NotAuthenticated("the profile names another issuer")
        async with http.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration") as reply:
            discovery = await reply.json(content_type=None)
        if discovery["issuer"] != issuer:
            raise NotAuthenticated("the issuer calls itself otherwise")
        async with http.get(discovery["jwks_uri"]) as reply:
            keys: list[Mapping[str, Any]] = (await reply.json(content_type=None))["keys"]
            return keys
