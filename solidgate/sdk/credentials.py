"""Proving who an organisation is: client credentials at its own issuer, and a key that never leaves here."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote_plus

import aiohttp
from yarl import URL

from solidgate.errors import AddressRefused, FetchTimedOut, FetchUnexpected, FetchUnreachable, LoginRefused
from solidgate.identity import jose
from solidgate.identity.dpop import DpopAccess, DpopKey
from solidgate.pod.address import normal_form

MAX_BYTES = 64 * 1024
SECONDS = 30.0
RENEW_BEFORE = timedelta(seconds=30)
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Credentials(Protocol):
    """Whatever can sign a request as one WebID."""

    async def headers(
        self, http: aiohttp.ClientSession, method: str, url: str, nonce: str | None = None
    ) -> dict[str, str]:
        """``Authorization`` and ``DPoP`` for exactly this request."""
        ...


@dataclass(slots=True)
class ClientCredentials:
    """A client id and secret that the organisation's issuer gave out for its WebID.

    The first request discovers the token endpoint and gets a DPoP-bound token (RFC 9449 section 5); it is
    renewed ``RENEW_BEFORE`` its end. ``webid`` is only what the caller believes: the token says who it is.
    """

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    webid: str = field(default="", repr=False)
    _key: jose.SigningKey = field(default_factory=jose.generate_key, repr=False)
    _endpoint: str = field(default="", repr=False)
    _access: DpopAccess | None = field(default=None, repr=False)
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def headers(
        self, http: aiohttp.ClientSession, method: str, url: str, nonce: str | None = None
    ) -> dict[str, str]:
        """``Authorization`` and ``DPoP``. Raises ``LoginRefused`` and fetch errors."""
        access = await self.access(http)
        return dict(access.headers(method, url, datetime.now(UTC), nonce))

    async def access(self, http: aiohttp.ClientSession) -> DpopAccess:
        """A token that lasts a while yet. Concurrent callers share one renewal."""
        async with self._renewing:
            if self._access is None or self._access.expires - datetime.now(UTC) < RENEW_BEFORE:
                self._endpoint = self._endpoint or await self._discover(http)
                self._access = await self._token(http)
            return self._access

    async def _discover(self, http: aiohttp.ClientSession) -> str:
        url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        status, _, content = await exchange(http, "GET", url, {"Accept": "application/json"}, None)
        if status != 200:
            raise FetchUnexpected(f"the issuer's discovery document answered {status}")
        metadata = _json_object(content)
        # OIDC Discovery section 4.3: another issuer's document must not be used.
        if str(metadata.get("issuer", "")).rstrip("/") != self.issuer.rstrip("/"):
            raise LoginRefused("the discovery document names another issuer")
        return str(metadata.get("token_endpoint", ""))

    async def _token(self, http: aiohttp.ClientSession) -> DpopAccess:
        proof, nonce = DpopKey(self._key, _fresh), None
        for attempt in range(2):
            asked = datetime.now(UTC)
            headers = {**self._basic(), **proof.headers("POST", self._endpoint, asked, nonce)}
            form = b"grant_type=client_credentials&scope=webid"
            status, answered, content = await exchange(http, "POST", self._endpoint, headers, form)
            nonce = answered.get("DPoP-Nonce")
            if status == 200:
                return self._bound(_json_object(content), asked)
            if not nonce or attempt:
                break
        raise LoginRefused(f"the issuer answered {status} to the client credentials")

    def _basic(self) -> dict[str, str]:
        # Form-encoded first (RFC 6749 section 2.3.1): a client id may be an address; Basic ends at a colon.
        authorization = aiohttp.encode_basic_auth(quote_plus(self.client_id), quote_plus(self.secret))
        return {
            "Authorization": authorization,
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }

    def _bound(self, reply: Mapping[str, Any], asked: datetime) -> DpopAccess:
        token, seconds = reply.get("access_token"), reply.get("expires_in", 300)
        if str(reply.get("token_type", "")).lower() != "dpop" or not isinstance(token, str):
            raise LoginRefused("the issuer gave no DPoP-bound token")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise LoginRefused("the issuer did not say how long the token lasts")
        return DpopAccess(self.webid, token, self._key, asked + timedelta(seconds=float(seconds)), _fresh)


async def exchange(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes | None,
    *,
    max_bytes: int = MAX_BYTES,
    seconds: float = SECONDS,
) -> tuple[int, Mapping[str, str], bytes]:
    """One request, no redirect followed: status, headers and the whole body.

    Raises ``AddressRefused`` for plain http beyond this machine, and ``FetchTimedOut FetchUnreachable
    FetchUnexpected``.
    """
    wire = require_safe(url)
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with http.request(
            method, wire, headers=headers, data=content, allow_redirects=False, timeout=timeout
        ) as reply:
            body = await reply.content.read(max_bytes + 1)
            while len(body) <= max_bytes and (more := await reply.content.read(max_bytes + 1 - len(body))):
                body += more
            if len(body) > max_bytes:
                raise FetchUnexpected(f"the answer has more than {max_bytes} bytes")
            return reply.status, reply.headers.copy(), body
    except TimeoutError as error:
        raise FetchTimedOut(f"{wire.host} within {seconds} seconds") from error
    except (aiohttp.ClientError, OSError) as error:
        raise FetchUnreachable(f"{wire.host}: {type(error).__name__}") from error


def require_safe(url: str) -> URL:
    """What is sent for this address: spelled as a proof names it.

    Raises ``AddressRefused`` unless a token may travel there: https, or this very machine.
    """
    try:
        parts = URL(normal_form(url), encoded=True)
    except ValueError as error:
        raise AddressRefused("this is not an address") from error
    local = parts.host in _LOCAL or (parts.host or "").endswith(".localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise AddressRefused("tokens travel by https only; http is for this machine")
    return parts


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError as error:
        raise FetchUnexpected("the issuer's answer is not JSON") from error
    if not isinstance(found, dict):
        raise FetchUnexpected("the issuer's answer is not a JSON object")
    return found


def _fresh() -> str:
    return secrets.token_urlsafe(16)
