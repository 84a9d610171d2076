"""The authorization server of ESS 2.x: tickets and claims in, tokens out.

Claims come as an OpenID Connect ID token, as a presentation in base64, or as a bare credential in base64url
without padding; the Inrupt clients for JavaScript and for Java differ here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from solidgate.errors import NotAuthenticated, SolidgateError
from solidgate.identity import jose
from solidgate.identity.dpop import verify_proof
from solidgate.testing.ess import acp
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.credentials import Held, Vault
from solidgate.testing.ess.ground import Caller, Ground
from solidgate.testing.ess.host import CALLER, Host, Problem
from solidgate.testing.ess.tickets import LIFETIME, Opened, Ticket, Tickets, covers

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:uma-ticket"
ID_TOKEN = "http://openid.net/specs/openid-connect-core-1_0.html#IDToken"
CREDENTIAL = "https://www.w3.org/TR/vc-data-model/#json-ld"
ID_TOKEN_ALGORITHMS = ("ES256", "RS256")


class Refused(Exception):
    """An OAuth error answer."""

    def __init__(self, status: int, error: str, **more: object) -> None:
        super().__init__(error)
        self.status, self.body = status, {"error": error, **more}


@dataclass(slots=True)
class Uma:
    """``dpop``: tokens are bound to the key of the proof that came with the token request."""

    host: Host
    ground: Ground
    tickets: Tickets
    vault: Vault
    dpop: bool = False

    def __post_init__(self) -> None:
        self.host.add("GET", "/.well-known/uma2-configuration", self._configuration)
        self.host.add("GET", "/jwks", self._jwks)
        self.host.add("POST", "/token", self._token)

    async def _configuration(self, request: web.Request) -> web.Response:
        origin, odd = self.host.origin, self.ground.odd
        other = odd.strikes(Odd.OTHER_UMA_ISSUER)
        foreign = odd.strikes(Odd.FOREIGN_TOKEN_ENDPOINT)
        return web.json_response(
            {
                "issuer": (other.text or "https://uma.stranger.example") if other else origin,
                "jwks_uri": f"{origin}/jwks",
                "token_endpoint": (foreign.text or "https://uma.stranger.example/token")
                if foreign
                else f"{origin}/token",
                "grant_types_supported": [GRANT_TYPE],
                "dpop_signing_alg_values_supported": ["ES256", "RS256"],
                "uma_profiles_supported": [ID_TOKEN, CREDENTIAL],
                "verifiable_credential_issuer": self.vault.origin,
            }
        )

    async def _jwks(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [dict(self.ground.door.key.public_jwk)]})

    async def _token(self, request: web.Request) -> web.Response:
        await self._disturb()
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            opened = await self._opened(request, form)
        except Refused as refused:
            return web.json_response(refused.body, status=refused.status)
        seconds = max(int((opened.until - self.ground.now()).total_seconds()), 0)
        expires: int | str = str(seconds) if self.ground.odd.strikes(Odd.EXPIRES_AS_TEXT) else seconds
        return web.json_response(
            {
                "access_token": self.tickets.mint(opened),
                "token_type": "DPoP" if opened.jkt else "Bearer",
                "expires_in": expires,
                "scope": " ".join(sorted(opened.modes)) if opened.grant else "",
            }
        )

    async def _disturb(self) -> None:
        odd = self.ground.odd
        if slow := odd.strikes(Odd.UMA_SLOW):
            await asyncio.sleep(slow.amount or 30)
        if broken := odd.strikes(Odd.UMA_BROKEN):
            raise Problem(int(broken.amount or 500), "Something went wrong.")
        if storm := odd.strikes(Odd.UMA_STORM):
            again = [("Retry-After", storm.text or str(int(storm.amount)))]
            raise Problem(429, "Too many requests.", headers=again)

    async def _opened(self, request: web.Request, form: Mapping[str, str]) -> Opened:
        """The rounds of UMA 2.0 section 3.3. Raises ``Refused`` or ``Problem``."""
        if form.get("grant_type") != GRANT_TYPE:
            raise Refused(400, "unsupported_grant_type")
        name = form.get("ticket", "")
        ticket = self.tickets.look(name)
        if ticket is None or self.ground.odd.strikes(Odd.TICKET_REFUSED):
            raise Refused(400, "invalid_grant", error_description="The ticket is not valid.")
        self._check_rounds(name, ticket, form)
        caller = await self._caller(request, form)
        if caller is not None:
            request[CALLER] = caller.webid
        if form.get("claim_token_format") == CREDENTIAL:
            self.tickets.take(name)
            return self._bound(request, self._by_grant(caller, ticket, form["claim_token"]))
        if caller is None:
            raise self._more(name, ticket)
        # Known by name only: the policies decide at the storage. The ticket stays good for a credential.
        return self._bound(request, Opened(caller, self.ground.now() + LIFETIME))

    def _check_rounds(self, name: str, ticket: Ticket, form: Mapping[str, str]) -> None:
        odd = self.ground.odd
        if odd.strikes(Odd.REQUEST_DENIED):
            raise Refused(403, "request_denied")
        if not form.get("claim_token") and odd.strikes(Odd.WITHOUT_CLAIM_PROBLEM):
            raise Problem(403, "The client does not have access to this resource.")
        if redirect := odd.strikes(Odd.REDIRECT_USER):
            raise self._more(
                name, ticket, redirect_user=redirect.text or f"{self.ground.origins.access}/claims"
            )
        if (loop := odd.strikes(Odd.NEED_INFO_LOOP)) and (not loop.amount or ticket.rounds < loop.amount):
            raise self._more(name, ticket)
        if form.get("claim_token_format", CREDENTIAL) not in (CREDENTIAL, ID_TOKEN):
            raise Refused(400, "invalid_request", error_description="The claim token format is not known.")
        if form.get("claim_token_format") and not form.get("claim_token"):
            raise Refused(400, "invalid_request", error_description="There is no claim token.")

    def _more(self, name: str, ticket: Ticket, **more: str) -> Refused:
        claims = [
            {"claim_token_format": [ID_TOKEN], "claim_type": "webid", "friendly_name": "Your WebID"},
            {
                "claim_token_format": [CREDENTIAL],
                "claim_type": acp.GRANT_TYPE,
                "friendly_name": "Access grant",
            },
        ]
        return Refused(
            403, "need_info", ticket=self.tickets.again(name, ticket), required_claims=claims, **more
        )

    async def _caller(self, request: web.Request, form: Mapping[str, str]) -> Caller | None:
        """Who asks: by a token of the first step, by an ID token, or by the request's own credentials."""
        if "rpt" in form:
            return self.tickets.holder(form["rpt"])
        if form.get("claim_token_format") == ID_TOKEN:
            return await self._id_token_holder(form["claim_token"])
        try:
            return await self.ground.caller(request, self.host.origin)
        except NotAuthenticated:
            raise Refused(401, "invalid_token") from None

    async def _id_token_holder(self, token: str) -> Caller:
        try:
            plain = jose.parse(token)
            claims = plain.claims
            webid, issuer = str(claims.get("webid", "")), str(claims.get("iss", ""))
            keys = await self.ground.door.keys(webid, issuer)
            jose.verify_with_keys(plain, keys, ID_TOKEN_ALGORITHMS)
        except SolidgateError:
            raise Refused(400, "invalid_grant", error_description="The ID token is not valid.") from None
        if not isinstance(claims.get("exp"), int) or claims["exp"] < datetime.now(UTC).timestamp():
            raise Refused(400, "invalid_grant", error_description="The ID token has expired.")
        return Caller(webid, str(claims.get("azp", "")))

    def _by_grant(self, caller: Caller | None, ticket: Ticket, claim: str) -> Opened:
        """The token for a grant that was shown; the grant itself is checked as the verifier would."""
        shown = _presented(claim)
        if not shown:
            raise Refused(400, "invalid_grant", error_description="The claim token is not a credential.")
        for document in shown:
            held = self.vault.get(str(document.get("id")))
            if held is not None and not self.vault.errors(document) and self._fits(held, caller, ticket):
                assert caller is not None
                return self._of_grant(held, caller, ticket)
        raise Refused(403, "request_denied", error_description="No credential gives this access.")

    def _fits(self, held: Held, caller: Caller | None, ticket: Ticket) -> bool:
        """The grant is for this caller, of this resource's owner, and for this mode and resource."""
        modes = set(held.asked.modes) | ({"Append"} if "Write" in held.asked.modes else set())
        return (
            held.kind == "grant"
            and caller is not None
            and caller.webid == held.requestor
            and held.owner == self.ground.owner_of(ticket.url)
            and ticket.mode in modes
            and covers(held.asked.resources, ticket.url, inherit=held.asked.inherit is not False)
        )

    def _of_grant(self, held: Held, caller: Caller, ticket: Ticket) -> Opened:
        until = self.ground.now() + LIFETIME
        between = self.ground.odd.strikes(Odd.REVOKED_BETWEEN)
        if between:
            self.vault.revoke(held)
        return Opened(
            caller,
            min(until, held.statement.expires or until),
            frozenset(held.asked.modes) | ({"Append"} if "Write" in held.asked.modes else frozenset()),
            (ticket.url,) if self.ground.odd.strikes(Odd.NARROW_TOKEN) else held.asked.resources,
            inherit=held.asked.inherit is not False,
            grant=held.id,
            checked=between is not None,
        )

    def _bound(self, request: web.Request, opened: Opened) -> Opened:
        proof = request.headers.get("DPoP")
        if not self.dpop or proof is None:
            return opened
        url = f"{self.host.origin}/token"
        try:
            key = verify_proof(
                proof, method="POST", url=url, now=datetime.now(UTC), access_token=None, require_ath=False
            )
        except SolidgateError:
            raise Refused(400, "invalid_dpop_proof") from None
        return replace(opened, jkt=key.jkt)


def _presented(claim: str) -> Sequence[Mapping[str, Any]]:
    """The credentials in a claim token: base64 or base64url, with or without a presentation around them."""
    try:
        plain = claim.replace("-", "+").replace("_", "/")
        content = json.loads(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, ValueError):
        return []
    if not isinstance(content, dict):
        return []
    inside = content.get("verifiableCredential", content)
    found = inside if isinstance(inside, list) else [inside]
    return [one for one in found if isinstance(one, dict)]
