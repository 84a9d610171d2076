"""OpenID providers over the guarded fetcher: implements ``ports.IssuerClient``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from yarl import URL

from solidgate.adapters.issuer_answers import basic, of_description, of_profile, public_keys, registration_of
from solidgate.adapters.issuer_cache import TimedCache
from solidgate.errors import (
    ClockOff,
    FetchUnexpected,
    IssuerFault,
    LoginRefused,
    ProfileUnreadable,
    SignatureInvalid,
)
from solidgate.identity import client_document, code_flow, dpop, jose, strict_json, webid
from solidgate.identity.login import AuthorizationRequest, IssuerMetadata, Registration, TokenReply
from solidgate.ports import Clock, Fetcher, LoginStore, Reply

REFETCH_SECONDS = 60
FAULT_SECONDS = 10
MAX_TOKEN_REPLY_BYTES = 64 * 1024
PROBE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class IssuerPolicy:
    """Limits and names; those that the settings' ``http`` and ``login`` sections share mean the same.

    ``public_url`` ends with a slash; ``plain_http`` is for development only.
    """

    public_url: str
    client_name: str = "solidgate"
    plain_http: bool = False
    document_timeout: float = 10
    max_redirects: int = 3
    max_profile_bytes: int = 256 * 1024
    max_jwks_bytes: int = 64 * 1024
    max_jwks_keys: int = 20
    max_discovery_bytes: int = 64 * 1024
    issuer_cache_seconds: float = 600
    profile_cache_seconds: float = 120
    trailing_slash_tolerance: bool = True
    clock_skew_seconds: float = 60


class OidcIssuers:
    """Implements ``ports.IssuerClient``. ``fresh`` gives a new unguessable text at each call."""

    def __init__(
        self,
        fetcher: Fetcher,
        logins: LoginStore,
        clock: Clock,
        policy: IssuerPolicy,
        fresh: Callable[[], str],
    ) -> None:
        self._fetcher = fetcher
        self._logins = logins
        self._clock = clock
        self._policy = policy
        self._fresh = fresh
        self._documents = self._cache(policy.issuer_cache_seconds)
        self._key_sets = self._cache(policy.issuer_cache_seconds)
        self._profiles: TimedCache[webid.Profile] = TimedCache(
            clock.monotonic, seconds=policy.profile_cache_seconds, fault_seconds=FAULT_SECONDS
        )
        self._probed: dict[str, float] = {}

    async def metadata(self, issuer: str) -> IssuerMetadata:
        """The discovery document, checked. Raises ``Issuer…`` faults and fetch faults."""
        return code_flow.read_issuer_metadata(
            await self._document(issuer),
            issuer,
            slash_tolerance=self._policy.trailing_slash_tolerance,
            plain_http=self._policy.plain_http,
        )

    async def issuers_of(self, person: str) -> tuple[str, ...]:
        """The ``solid:oidcIssuer`` values of the profile, byte for byte; empty is an answer."""
        return (await self.profile(person)).issuers

    async def profile(self, person: str) -> webid.Profile:
        """What the profile says of it. Raises ``WebIdInvalid``, ``Profile…`` faults and fetch faults."""
        webid.check_web_address(person, plain_http=self._policy.plain_http)
        return await self._profiles.get(person, lambda: self._fetch_profile(person))

    async def client_id(self, metadata: IssuerMetadata) -> str:
        """Our Client ID Document where the issuer lists the ``webid`` scope, else a registration (RFC 7591).

        A stored registration that the issuer has forgotten is made anew, once.
        """
        if metadata.webid_scope or metadata.registration_endpoint is None:
            return client_document.client_id_of(self._policy.public_url)
        kept = await self._logins.registration(metadata.issuer)
        if kept is None:
            return (await self._register(metadata)).client_id
        if await self._is_forgotten(metadata, kept):
            await self._logins.forget_registration(metadata.issuer)
            return (await self._register(metadata)).client_id
        return kept.client_id

    async def exchange(
        self, metadata: IssuerMetadata, request: AuthorizationRequest, code: str
    ) -> TokenReply:
        """The code for tokens, exactly once, DPoP-bound. Raises ``LoginRefused ClockOff`` and fetch faults.

        A code that was sent is never sent again: a second use revokes the whole grant at the issuer.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if request.client_secret is not None:
            headers["Authorization"] = basic(request.client_id, request.client_secret)
        reply = await self._fetcher.fetch(
            "POST",
            metadata.token_endpoint,
            access=dpop.DpopKey(jose.signing_key(request.dpop_key), self._fresh),
            headers=headers,
            content=code_flow.token_request_body(request, code),
            max_bytes=MAX_TOKEN_REPLY_BYTES,
        )
        if code_flow.is_unknown_client(reply.status, reply.content):
            await self._logins.forget_registration(metadata.issuer)
            raise LoginRefused("token endpoint: invalid_client; the next login registers anew")
        if code_flow.is_refused_proof(reply.status, reply.content) and self._clocks_differ(reply):
            raise ClockOff("token endpoint: invalid_dpop_proof, and its Date is not our time")
        return code_flow.read_token_reply(reply.status, reply.content)

    async def signing_keys(self, issuer: str, kid: str | None = None) -> Sequence[Mapping[str, object]]:
        """The issuer's public JWKs; an unknown ``kid`` refetches at most once a minute."""
        keys = await self._keys(issuer)
        if kid is None or any(key.get("kid") == kid for key in keys):
            return keys
        asked = self._key_sets.asked_at(issuer)
        if asked is not None and self._clock.monotonic() - asked < REFETCH_SECONDS:
            return keys
        return await self._keys(issuer, not_before=self._clock.monotonic())

    def _clocks_differ(self, reply: Reply) -> bool:
        """Whether the reply's ``Date`` (RFC 9110 section 6.6.1) is further from now than clocks may be."""
        try:
            theirs = parsedate_to_datetime(reply.headers.get("Date", ""))
        except ValueError:
            return False
        if theirs.tzinfo is None:
            return False
        return abs(theirs - self._clock.now()) > timedelta(seconds=self._policy.clock_skew_seconds)

    async def _keys(self, issuer: str, not_before: float = 0) -> Sequence[Mapping[str, Any]]:
        kept = await self._key_sets.get(issuer, lambda: self._fetch_keys(issuer), not_before=not_before)
        return tuple(kept["keys"])

    async def _document(self, issuer: str) -> Mapping[str, Any]:
        webid.check_web_address(issuer, plain_http=self._policy.plain_http)
        return await self._documents.get(issuer, lambda: self._fetch_document(issuer))

    async def _fetch_document(self, issuer: str) -> Mapping[str, Any]:
        url = issuer.removesuffix("/") + "/.well-known/openid-configuration"
        return await self._json(url, self._policy.max_discovery_bytes)

    async def _fetch_keys(self, issuer: str) -> Mapping[str, Any]:
        """Discovery again (a provider may move its keys), then the key set; no login endpoints needed."""
        document = await self._document(issuer)
        policy = self._policy
        code_flow.read_issuer(document, issuer, slash_tolerance=policy.trailing_slash_tolerance)
        url = code_flow.read_jwks_uri(document, plain_http=policy.plain_http)
        return {"keys": public_keys(await self._json(url, policy.max_jwks_bytes), policy.max_jwks_keys)}

    async def _json(self, url: str, max_bytes: int) -> Mapping[str, Any]:
        reply = await self._fetcher.fetch(
            "GET",
            url,
            headers={"Accept": "application/json"},
            max_bytes=max_bytes,
            timeout=self._policy.document_timeout,
        )
        if reply.status != 200:
            raise of_description(reply.status)
        try:
            return strict_json.read(reply.content)
        except SignatureInvalid as broken:
            raise IssuerFault("its description is not a JSON object") from broken

    async def _fetch_profile(self, person: str) -> webid.Profile:
        reply = await self._fetcher.fetch(
            "GET",
            webid.document_of(person),
            headers={"Accept": webid.PROFILE_ACCEPT},
            max_bytes=self._policy.max_profile_bytes,
            timeout=self._policy.document_timeout,
            redirects=self._policy.max_redirects,
        )
        if reply.status != 200:
            raise of_profile(reply.status)
        try:
            return webid.read_profile(person, reply.content, reply.headers.get("Content-Type", ""), reply.url)
        except FetchUnexpected as fault:
            raise ProfileUnreadable(fault.detail) from fault

    async def _register(self, metadata: IssuerMetadata) -> Registration:
        assert metadata.registration_endpoint is not None, "client_id chose registration"
        request = client_document.registration_request(self._policy.public_url, self._policy.client_name)
        reply = await self._fetcher.fetch(
            "POST",
            metadata.registration_endpoint,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            content=strict_json.compact_json(request),
            max_bytes=MAX_TOKEN_REPLY_BYTES,
            timeout=self._policy.document_timeout,
        )
        registration = registration_of(metadata.issuer, reply)
        await self._logins.put_registration(registration)
        self._probed[metadata.issuer] = self._clock.monotonic()
        return registration

    async def _is_forgotten(self, metadata: IssuerMetadata, kept: Registration) -> bool:
        """Ask the authorization endpoint, without a person and at most every ten minutes.

        An issuer that lost our registration shows the person an error page and never sends them back, so it
        must be noticed before. A known client gets a redirect (``login_required``), an unknown one a 4xx.
        """
        now = self._clock.monotonic()
        if now - self._probed.get(metadata.issuer, -PROBE_SECONDS) < PROBE_SECONDS:
            return False
        query = {
            "response_type": "code",
            "client_id": kept.client_id,
            "redirect_uri": client_document.redirect_uri_of(self._policy.public_url),
            "scope": "openid",
            "prompt": "none",
            "state": self._fresh(),
        }
        url = URL(metadata.authorization_endpoint).update_query(query)
        reply = await self._fetcher.fetch(
            "GET", str(url), max_bytes=MAX_TOKEN_REPLY_BYTES, timeout=self._policy.document_timeout
        )
        if len(self._probed) >= 1024:
            self._probed.clear()
        self._probed[metadata.issuer] = now
        return reply.status in (400, 401)

    def _cache(self, seconds: float) -> TimedCache[Mapping[str, Any]]:
        return TimedCache(self._clock.monotonic, seconds=seconds, fault_seconds=FAULT_SECONDS)
