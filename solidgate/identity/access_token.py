"""Solid-OIDC access tokens: checking those that callers bring, and minting those of our spaces."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from solidgate.errors import SignatureInvalid, TokenInvalid, WebIdInvalid
from solidgate.identity import jose
from solidgate.identity.dpop import instant
from solidgate.identity.webid import check_web_address

ACCESS_TOKEN_ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "EdDSA", "Ed25519")
ACCESS_TOKEN_TYPES = ("at+jwt", "application/at+jwt", "jwt")
MAX_TOKEN_BYTES = 8192
AUDIENCE = "solid"
LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Presented:
    """A token whose claims have the right form and fit the proof, but whose issuer nobody has asked yet."""

    unverified: jose.Unverified
    webid: str
    issuer: str
    client_id: str
    kid: str | None

    def __repr__(self) -> str:
        return "Presented()"


@dataclass(frozen=True, slots=True)
class VerifiedAccessToken:
    """A token that its issuer signed; the profile must still name that issuer. Built only by ``verify``."""

    webid: str
    issuer: str
    client_id: str

    def __repr__(self) -> str:
        return "VerifiedAccessToken()"


def credentials(authorization: Sequence[str], dpop: Sequence[str]) -> tuple[str, str]:
    """Token and proof of a request: exactly one of each header, scheme DPoP (RFC 9449 section 7.1).

    The arguments are all values of the two headers. Raises ``TokenInvalid``.
    """
    if len(authorization) != 1 or len(dpop) != 1:
        raise TokenInvalid("exactly one Authorization and one DPoP header are needed")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "dpop" or not token.strip():
        raise TokenInvalid("the scheme is not DPoP")
    return token.strip(), dpop[0].strip()


def present(
    token: str,
    *,
    jkt: str,
    now: datetime,
    skew: timedelta = timedelta(seconds=60),
    max_lifetime: timedelta = timedelta(hours=1),
    plain_http: bool = False,
    milliseconds: bool = False,
) -> Presented:
    """Every check that needs no network; ``jkt`` is the thumbprint of the proof's key.

    Raises ``TokenInvalid`` that names the check.
    """
    unverified, claims = _parsed(token)
    # typ and alg (RFC 9068 section 4; ESS and older issuers say JWT)
    _demand(unverified.header.get("typ", "JWT").lower() in ACCESS_TOKEN_TYPES, "typ is not at+jwt")
    _demand(unverified.header["alg"] in ACCESS_TOKEN_ALGORITHMS, "the algorithm is not accepted")
    # aud contains "solid"
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    _demand(AUDIENCE in listed, "aud is not solid")
    # iat, exp, life
    _check_times(claims, now, skew, max_lifetime, milliseconds)
    # cnf.jkt is the key of the proof (RFC 9449 section 6.1)
    _check_binding(claims, jkt)
    # webid and iss are addresses that may be asked
    return Presented(
        unverified=unverified,
        webid=_address(claims, "webid", plain_http),
        issuer=_address(claims, "iss", plain_http),
        client_id=_client(claims),
        kid=unverified.header.get("kid"),
    )


def verify(presented: Presented, keys: Sequence[Mapping[str, Any]]) -> VerifiedAccessToken:
    """Check the signature with the keys of the issuer's ``jwks_uri``. Raises ``TokenInvalid``."""
    try:
        jose.verify_with_keys(presented.unverified, keys, ACCESS_TOKEN_ALGORITHMS)
    except SignatureInvalid as broken:
        raise TokenInvalid(broken.detail) from broken
    return VerifiedAccessToken(presented.webid, presented.issuer, presented.client_id)


def mint(
    key: jose.SigningKey,
    *,
    issuer: str,
    webid: str,
    client_id: str,
    cnf_jkt: str,
    now: datetime,
    jti: str,
    lifetime: timedelta = LIFETIME,
) -> str:
    """An access token of a space's own WebID, bound to the DPoP key with thumbprint ``cnf_jkt``.

    ``issuer`` exactly as our discovery document spells it (RFC 9068 section 2, Solid-OIDC section 8).
    """
    issued = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "webid": webid,
        "sub": webid,
        "client_id": client_id,
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "jti": jti,
        "cnf": {"jkt": cnf_jkt},
    }
    return key.sign({"typ": "at+jwt", "kid": key.kid}, claims)


def mint_id_token(
    key: jose.SigningKey,
    *,
    issuer: str,
    webid: str,
    client_id: str,
    audience: str,
    cnf_jkt: str,
    now: datetime,
    jti: str,
) -> str:
    """An ID token of a space's own WebID, for the token endpoint ``audience`` (Solid-OIDC section 8.1)."""
    issued = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": [client_id, AUDIENCE, audience],
        "azp": client_id,
        "webid": webid,
        "sub": webid,
        "iat": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
        "jti": jti,
        "cnf": {"jkt": cnf_jkt},
    }
    return key.sign({"typ": "JWT", "kid": key.kid}, claims)


def claimed_client(token: str) -> str:
    """The client that an unverified token names: only to choose how strict to be, never a right."""
    return _client(_parsed(token)[1])


def _parsed(token: str) -> tuple[jose.Unverified, Mapping[str, Any]]:
    try:
        unverified = jose.parse(token, max_bytes=MAX_TOKEN_BYTES)
        return unverified, unverified.claims
    except SignatureInvalid as broken:
        raise TokenInvalid(broken.detail) from broken


def _check_times(
    claims: Mapping[str, Any],
    now: datetime,
    skew: timedelta,
    max_lifetime: timedelta,
    milliseconds: bool,
) -> None:
    try:
        issued, expires, starts = (
            instant(claims.get(name, claims.get("iat") if name == "nbf" else None), milliseconds=milliseconds)
            for name in ("iat", "exp", "nbf")
        )
    except ValueError as broken:
        raise TokenInvalid("iat or exp is missing or not a time") from broken
    _demand(now < expires + skew, "expired")
    _demand(issued <= now + skew and starts <= now + skew, "issued in the future")
    _demand(timedelta(0) < expires - issued <= max_lifetime, "it lives longer than is accepted")


def _check_binding(claims: Mapping[str, Any], jkt: str) -> None:
    confirmation = claims.get("cnf")
    bound = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    fits = isinstance(bound, str) and hmac.compare_digest(bound.encode(), jkt.encode())
    _demand(fits, "it is not bound to the key of the proof")


def _address(claims: Mapping[str, Any], name: str, plain_http: bool) -> str:
    try:
        return check_web_address(str(claims.get(name, "")), plain_http=plain_http)
    except WebIdInvalid as broken:
        raise TokenInvalid(f"{name} is missing or not an https address") from broken


def _client(claims: Mapping[str, Any]) -> str:
    client = claims.get("client_id", claims.get("azp", ""))
    return client if isinstance(client, str) else ""


def _demand(holds: bool, failed: str) -> None:
    if not holds:
        raise TokenInvalid(failed)
