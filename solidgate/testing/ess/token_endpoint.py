"""The token endpoint of the OpenID host: codes, refresh tokens and client credentials, all bound to a key."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from solidgate.errors import ProofInvalid
from solidgate.identity import access_token, strict_json
from solidgate.identity.dpop import verify_proof
from solidgate.testing.ess.clients import Client, Clients
from solidgate.testing.ess.ground import Ground
from solidgate.testing.ess.host import Host

LIFETIME = timedelta(minutes=5)


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
class TokenEndpoint:
    """``POST /token``; a code is good once, a refresh token until it is revoked and for its key only."""

    host: Host
    ground: Ground
    clients: Clients
    _codes: dict[str, Login] = field(default_factory=dict)
    _refresh: dict[str, Login] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.host.add("POST", "/token", self._token)

    def code(self, login: Login) -> str:
        """A new code for somebody who agreed."""
        made = secrets.token_urlsafe(24)
        self._codes[made] = login
        return made

    def revoke(self, token: str) -> None:
        """The refresh token is no longer good; one that is not known is none (RFC 7009)."""
        self._refresh.pop(token, None)

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
        token = self._access_token(login.webid, login.client_id, jkt, now)
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

    def _access_token(self, webid: str, client_id: str, jkt: str, now: datetime) -> str:
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


def _challenge(verifier: str, asked: Mapping[str, str]) -> str:
    if asked["code_challenge_method"] == "plain":
        return verifier
    return strict_json.encode_base64url(hashlib.sha256(verifier.encode()).digest())
