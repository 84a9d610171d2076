"""The ID token at login, checked in the order of OpenID Connect Core 3.1.3.7, then as Solid-OIDC adds."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from solidgate.errors import ClockOff, LoginRefused, SignatureInvalid, WebIdInvalid
from solidgate.identity import jose, strict_json
from solidgate.identity.dpop import instant
from solidgate.identity.webid import check_web_address

ID_TOKEN_ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "EdDSA", "Ed25519")
MAX_ID_TOKEN_BYTES = 16 * 1024
MAX_SUBJECT_CHARACTERS = 255
SOLID_AUDIENCE = "solid"

_HASH_OF_ALGORITHM = {
    "ES256": hashlib.sha256,
    "RS256": hashlib.sha256,
    "PS256": hashlib.sha256,
    "ES384": hashlib.sha384,
    "EdDSA": hashlib.sha512,
    "Ed25519": hashlib.sha512,
}


@dataclass(frozen=True, slots=True)
class IdTokenRules:
    """What the token is held against: this issuer, client, nonce, and how far clocks may differ.

    ``max_age`` bounds ``iat`` backwards; ``plain_http`` allows an http WebID in development.
    """

    issuer: str
    client_id: str
    nonce: str
    skew: timedelta = timedelta(seconds=60)
    max_age: timedelta = timedelta(seconds=300)
    plain_http: bool = False


@dataclass(frozen=True, slots=True)
class IdToken:
    """An ID token that passed every check. Built only by ``verify_id_token``."""

    webid: str
    subject: str
    issuer: str
    expires: datetime

    def __repr__(self) -> str:
        return f"IdToken(until {self.expires.isoformat()})"


def key_id(id_token: str) -> str | None:
    """The ``kid`` that the header names, so that the caller can fetch keys; nothing is verified yet."""
    try:
        return jose.parse(id_token, max_bytes=MAX_ID_TOKEN_BYTES).header.get("kid")
    except SignatureInvalid as broken:
        raise LoginRefused(f"ID token: {broken.detail}") from broken


def verify_id_token(
    id_token: str,
    access_token: str,
    keys: Sequence[Mapping[str, Any]],
    rules: IdTokenRules,
    now: datetime,
) -> IdToken:
    """All checks, or ``LoginRefused`` (``ClockOff`` for its times) that names the first one that failed.

    ``keys`` are those of the issuer's ``jwks_uri``, fetched over TLS; never those of the token's header.
    """
    try:
        # 1. it is signed and not encrypted: we registered for no encryption
        unverified = jose.parse(id_token, max_bytes=MAX_ID_TOKEN_BYTES)
        claims = unverified.claims
        _check_typ(unverified.header)
        # 2. iss is exactly the issuer that we asked
        _demand(claims.get("iss") == rules.issuer, "iss is another issuer")
        # 3. to 5. aud and azp
        _check_audience(claims, rules.client_id)
        # 6. the signature fits a key of the issuer  7. and its alg is on our list  8. which has no MAC
        jose.verify_with_keys(unverified, keys, ID_TOKEN_ALGORITHMS)
    except SignatureInvalid as broken:
        raise LoginRefused(f"ID token: {broken.detail}") from broken
    # 9. and 10. exp and iat
    expires = _check_times(claims, rules, now)
    # 11. the nonce is the one of this login
    _demand(_same(claims.get("nonce"), rules.nonce), "nonce is not the one of this login")
    # 12. and 13. acr and auth_time were not asked for
    # 3.1.3.8: at_hash binds the access token that came with it
    _check_at_hash(claims, unverified.header["alg"], access_token)
    # Core section 2: sub
    subject = claims.get("sub")
    _demand(isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT_CHARACTERS, "sub is missing")
    # Solid-OIDC: the webid claim, a full address
    return IdToken(_webid(claims, rules), str(subject), rules.issuer, expires)


def _check_typ(header: Mapping[str, Any]) -> None:
    """RFC 8725 section 3.11: a token of another kind is not an ID token."""
    _demand(header.get("typ", "JWT").lower() in ("jwt", "id_token+jwt"), "typ is not that of an ID token")


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    listed = [audience] if isinstance(audience, str) else audience
    _demand(isinstance(listed, list) and client_id in listed, "aud does not name this client")
    # 3. no audience that we do not trust; Solid-OIDC adds one fixed word
    others = [entry for entry in listed or () if entry not in (client_id, SOLID_AUDIENCE)]
    _demand(not others, "aud names others")
    # 4. and 5. azp, when present or when there are several audiences, is this client
    if "azp" in claims or len(listed or ()) > 1:
        _demand(claims.get("azp") == client_id, "azp is not this client")


def _check_times(claims: Mapping[str, Any], rules: IdTokenRules, now: datetime) -> datetime:
    try:
        expires, issued = instant(claims.get("exp")), instant(claims.get("iat"))
        starts = instant(claims.get("nbf", claims.get("iat")))
    except ValueError as broken:
        raise LoginRefused("ID token: exp or iat is missing or not a time") from broken
    # It was made while we waited for it: a token that is not of now tells of clocks, and clocks can be set.
    _in_time(now < expires + rules.skew, "expired")
    _in_time(issued <= now + rules.skew and starts <= now + rules.skew, "iat lies in the future")
    _in_time(now - issued <= rules.max_age + rules.skew, "iat is too long ago")
    return expires


def _in_time(holds: bool, failed: str) -> None:
    if not holds:
        raise ClockOff(f"ID token: {failed}")


def _check_at_hash(claims: Mapping[str, Any], algorithm: str, access_token: str) -> None:
    if "at_hash" not in claims:
        return
    digest = _HASH_OF_ALGORITHM[algorithm](access_token.encode("utf-8")).digest()
    expected = strict_json.encode_base64url(digest[: len(digest) // 2])
    _demand(_same(claims["at_hash"], expected), "at_hash is not of the access token")


def _webid(claims: Mapping[str, Any], rules: IdTokenRules) -> str:
    webid = claims.get("webid")
    _demand(isinstance(webid, str), "webid is missing")
    try:
        return check_web_address(str(webid), plain_http=rules.plain_http)
    except WebIdInvalid as broken:
        raise LoginRefused("ID token: webid is not an address that can be a WebID") from broken


def _same(value: object, expected: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode(), expected.encode())


def _demand(holds: bool, failed: str) -> None:
    if not holds:
        raise LoginRefused(f"ID token: {failed}")
