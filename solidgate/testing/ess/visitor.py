"""A plain client of the double, for tests: it signs requests, asks for access, and trades tickets for tokens.

It checks nothing that it is told; a real client must.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from solidgate.identity import jose, strict_json
from solidgate.identity.dpop import make_proof
from solidgate.ports import Access
from solidgate.testing.ess.double import EssDouble
from solidgate.testing.ess.uma import CREDENTIAL, GRANT_TYPE

STEP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    all_headers: tuple[tuple[str, str], ...] = ()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.all_headers if key.lower() == name.lower()]


@dataclass(slots=True)
class Visitor:
    """``access`` signs the requests of one person; none asks anonymously."""

    ess: EssDouble
    access: Access | None = None
    _http: aiohttp.ClientSession = field(init=False)

    async def __aenter__(self) -> Self:
        trusted = ssl.create_default_context(cafile=self.ess.ca_file) if self.ess.ca_file else True
        limit, way = aiohttp.ClientTimeout(total=STEP_SECONDS), aiohttp.TCPConnector(ssl=trusted)
        self._http = aiohttp.ClientSession(timeout=limit, connector=way, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def call(
        self, method: str, url: str, *, token: str = "", signed: bool = True, **options: Any
    ) -> Answer:
        """One request, redirects not followed; ``token`` goes along as Bearer in place of the signature."""
        head = dict(options.pop("headers", {}))
        if token:
            head["Authorization"] = f"Bearer {token}"
        elif signed and self.access is not None:
            head |= self.access.headers(method, url, datetime.now(UTC))
        where = URL(url, encoded=True)
        async with self._http.request(method, where, headers=head, allow_redirects=False, **options) as reply:
            body = await reply.read()
            return Answer(reply.status, reply.headers.copy(), body, tuple(reply.headers.items()))

    async def log_in(self, form: Mapping[str, str], key: jose.SigningKey, basic: str = "") -> Answer:
        """One request to the token endpoint of the OpenID host, with a proof of this key."""
        url = f"{self.ess.openid_url}/token"
        proof = make_proof(key, "POST", url, datetime.now(UTC), secrets.token_hex(8))
        head = {"DPoP": proof, **({"Authorization": basic} if basic else {})}
        return await self.call("POST", url, data=dict(form), headers=head, signed=False)

    async def ask(self, owner: str, *resources: str, **consent: Any) -> Answer:
        """Issue an access request for reading; ``consent`` adds to it, dates to the credential."""
        expires: dict[str, Any] = {
            k: consent.pop(k) for k in ("expirationDate", "issuanceDate") if k in consent
        }
        asked: dict[str, Any] = {
            "mode": ["Read"],
            "hasStatus": "https://w3id.org/GConsent#ConsentStatusRequested",
            "isConsentForDataSubject": owner,
            "forPersonalData": list(resources),
            **consent,
        }
        credential: dict[str, Any] = {
            "@context": ["https://www.w3.org/2018/credentials/v1"],
            "type": ["SolidAccessRequest"],
            "credentialSubject": {"hasConsent": asked},
            **expires,
        }
        return await self.call("POST", f"{self.ess.vc_url}/issue", json={"credential": credential})

    async def verify(self, credential: Mapping[str, Any]) -> Answer:
        """Ask the issuer whether a credential is good."""
        body = {"verifiableCredential": credential}
        return await self.call("POST", f"{self.ess.vc_url}/verify", json=body)

    async def ticket(self, method: str, url: str) -> str:
        """A ticket for what an anonymous client may not do."""
        refused = await self.call(method, url, signed=False)
        found = re.search(r'ticket="([^"]+)"', ", ".join(refused.all("WWW-Authenticate")))
        return found[1] if found else ""

    async def trade(self, ticket: str, grant: Mapping[str, Any], *, bare: bool = False) -> Answer:
        """Show a grant; ``bare``: base64url without a presentation, as Inrupt's client for Java does."""
        if bare:
            claim = strict_json.encode_base64url(json.dumps(grant).encode())
        else:
            shown = {"type": ["VerifiablePresentation"], "verifiableCredential": [grant]}
            claim = base64.b64encode(json.dumps(shown).encode()).decode()
        return await self.push(ticket, claim_token=claim, claim_token_format=CREDENTIAL)

    async def push(self, ticket: str, **claims: str) -> Answer:
        """One round at the token endpoint of the authorization server."""
        form = {"grant_type": GRANT_TYPE, "ticket": ticket, **claims}
        return await self.call("POST", f"{self.ess.uma_url}/token", data=form)

    async def token(self, url: str, grant: Mapping[str, Any], method: str = "GET") -> str:
        """A token for this resource by this grant; empty when it was refused."""
        answer = await self.trade(await self.ticket(method, url), grant)
        return str(answer.json()["access_token"]) if answer.status == 200 else ""
