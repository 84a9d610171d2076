"""Proofs of possession (RFC 9449): making them for our requests, and checking those sent to us."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from solidgate.errors import (
    AuthorizationRefused,
    AuthorizationServerUntrusted,
    ProofInvalid,
    ProofNonceNeeded,
    SignatureInvalid,
)
from solidgate.identity import jose, strict_json
from solidgate.pod.address import normal_form
from solidgate.pod.origin import belongs_to, same_origin

PROOF_ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "EdDSA", "Ed25519")
MAX_PROOF_BYTES = 4096
MAX_JTI_CHARACTERS = 256
WINDOW = timedelta(seconds=60)
NONCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """A proof that passed. ``proof_id`` is what a replay store keeps until ``replay_until``."""

    jkt: str
    proof_id: str
    replay_until: datetime


@dataclass(frozen=True, slots=True)
class DpopKey:
    """A key that proves possession without a token: what the token endpoint is shown (section 5).

    ``fresh`` gives a new unguessable ``jti`` at each call.
    """

    key: jose.SigningKey
    fresh: Callable[[], str]

    @property
    def webid(self) -> str:
        """Nobody's: there is no token yet."""
        return ""

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        """``DPoP`` for exactly this method and final wire URL."""
        return {"DPoP": make_proof(self.key, method, url, now, self.fresh(), nonce=nonce)}


@dataclass(frozen=True, slots=True)
class DpopAccess:
    """A DPoP-bound access token with its key: implements ``ports.Access``.

    ``expires`` is the token's end; ``fresh`` gives a new unguessable ``jti`` at each call. ``identity`` is
    the ID token that came with it, for servers that exchange one: those beside ``issuer``, and the
    ``exchanges`` that the operator lists.
    """

    webid: str
    token: str
    key: jose.SigningKey
    expires: datetime
    fresh: Callable[[], str]
    identity: str = ""
    issuer: str = ""
    exchanges: tuple[str, ...] = ()
    _hash: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", token_hash(self.token))  # the same in each proof

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        """``Authorization`` and ``DPoP`` for exactly this method and final wire URL (section 7.1)."""
        proof = _proof(self.key, method, url, now, self.fresh(), self._hash, nonce)
        return {"Authorization": f"DPoP {self.token}", "DPoP": proof}

    def id_token(self, audience: str, now: datetime) -> str:
        """The ID token of the login, for a server of its issuer's or one that the operator lists.

        It is bound to no key and names no server: whoever is shown it can be the person elsewhere. And which
        server asks for it, the person's public profile says. Raises ``AuthorizationRefused`` when none was
        kept, ``AuthorizationServerUntrusted`` for any other server.
        """
        if not self.identity:
            raise AuthorizationRefused("the login left no ID token")
        if not belongs_to(audience, self.issuer) and not any(
            same_origin(audience, one) for one in self.exchanges
        ):
            raise AuthorizationServerUntrusted("the token endpoint is not beside the login's issuer")
        return self.identity

    def to_record(self) -> dict[str, Any]:
        """Everything but ``fresh`` as plain JSON values; secret, to be sealed before it is stored."""
        return {
            "webid": self.webid,
            "token": self.token,
            "key": dict(self.key.private_jwk),
            "algorithm": self.key.algorithm,
            "expires": self.expires.isoformat(),
            "identity": self.identity,
            "issuer": self.issuer,
            "exchanges": list(self.exchanges),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], fresh: Callable[[], str]) -> DpopAccess:
        """The access that ``to_record`` described."""
        return cls(
            webid=str(record["webid"]),
            token=str(record["token"]),
            key=jose.signing_key(record["key"], str(record["algorithm"])),
            expires=datetime.fromisoformat(str(record["expires"])),
            fresh=fresh,
            identity=str(record.get("identity", "")),
            issuer=str(record.get("issuer", "")),
            exchanges=tuple(str(one) for one in record.get("exchanges", ())),
        )

    def __repr__(self) -> str:
        return f"DpopAccess(until {self.expires.isoformat()})"


def make_proof(
    key: jose.SigningKey,
    method: str,
    url: str,
    now: datetime,
    jti: str,
    *,
    access_token: str | None = None,
    nonce: str | None = None,
) -> str:
    """A DPoP proof JWT (section 4.2); ``url`` is the final wire URL, its query and fragment are left out."""
    ath = None if access_token is None else token_hash(access_token)
    return _proof(key, method, url, now, jti, ath, nonce)


def _proof(
    key: jose.SigningKey, method: str, url: str, now: datetime, jti: str, ath: str | None, nonce: str | None
) -> str:
    claims: dict[str, Any] = {
        "jti": jti,
        "htm": method.upper(),
        "htu": target(url),
        "iat": int(now.timestamp()),
    }
    if ath is not None:
        claims["ath"] = ath
    if nonce is not None:
        claims["nonce"] = nonce
    return key.sign_proof(claims)


def token_hash(access_token: str) -> str:
    """``ath``: base64url of the SHA-256 of the token (section 4.2)."""
    return strict_json.encode_base64url(hashlib.sha256(access_token.encode("ascii", "replace")).digest())


def target(url: str) -> str:
    """``htu`` in normal form: scheme and host in lower case, no default port, no query, no fragment."""
    return normal_form(url).partition("?")[0]


def verify_proof(
    proof: str,
    *,
    method: str,
    url: str,
    now: datetime,
    access_token: str | None,
    nonces: Collection[str] = (),
    window: timedelta = WINDOW,
    require_ath: bool = True,
    milliseconds: bool = False,
) -> VerifiedProof:
    """Check a proof as section 4.3 lists it; the caller asks the replay store afterwards (4.3, item 12).

    ``url`` is our own public address of the resource, never taken from ``Host``. Raises ``ProofInvalid``,
    and ``ProofNonceNeeded`` when ``nonces`` are demanded and none of them is in the proof.
    """
    verified, jwk = _verified_signature(proof)
    claims = _claims(verified)
    # 7. required claims are present and of their kind
    jti = _text(claims, "jti", MAX_JTI_CHARACTERS)
    issued = _issued(claims, milliseconds)
    # 8. htm matches the method of the request
    if claims.get("htm") != method:
        raise ProofInvalid("htm is not the method of this request")
    # 9. htu matches the address of the request, ignoring query and fragment
    _check_target(_text(claims, "htu", 4096), url)
    # 10. the nonce that we issued is in the proof
    if nonces and not _is_one_of(_optional_text(claims, "nonce"), nonces):
        raise ProofNonceNeeded()
    # 11. iat lies within the window
    if abs(now - issued) > window:
        raise ProofInvalid(f"iat is more than {int(window.total_seconds())} s from now")
    # 12. ath is the hash of the token that came with it
    _check_ath(claims, access_token, require_ath)
    jkt = jose.thumbprint(jwk)
    return VerifiedProof(jkt, proof_id(jkt, jti), issued + 2 * window)


def proof_id(jkt: str, jti: str) -> str:
    """One fixed-length name for (key, jti), so that a store need not hold what a caller chose."""
    return hashlib.sha256(f"{jkt}\n{jti}".encode()).hexdigest()


def _verified_signature(proof: str) -> tuple[jose.Verified, Mapping[str, Any]]:
    """Items 2 to 6 of section 4.3: form, typ, alg, public key only, signature."""
    try:
        unverified = jose.parse(proof, max_bytes=MAX_PROOF_BYTES)
        if unverified.header.get("typ", "").lower() not in ("dpop+jwt", "application/dpop+jwt"):
            raise ProofInvalid("typ is not dpop+jwt")
        jwk = unverified.header.get("jwk")
        if not isinstance(jwk, dict) or not jwk.keys().isdisjoint(jose.PRIVATE_MEMBERS):
            raise ProofInvalid("jwk is missing or not a public key")
        return jose.verify(unverified, jwk, PROOF_ALGORITHMS), jwk
    except SignatureInvalid as broken:
        raise ProofInvalid(broken.detail) from broken


def _claims(verified: jose.Verified) -> Mapping[str, Any]:
    try:
        return verified.claims
    except SignatureInvalid as broken:
        raise ProofInvalid(broken.detail) from broken


def server_nonces(secret: bytes, now: datetime) -> tuple[str, str]:
    """The nonce that we issue now and the one before it (section 9): kept by nobody, known to each process.

    They follow from ``secret`` and the time, and change every two minutes.
    """
    slot = int(now.timestamp() // NONCE_SECONDS)
    current, previous = (
        hmac.new(secret, f"dpop-nonce {n}".encode(), hashlib.sha256).digest() for n in (slot, slot - 1)
    )
    return strict_json.encode_base64url(current[:18]), strict_json.encode_base64url(previous[:18])


def _is_one_of(nonce: str, nonces: Collection[str]) -> bool:
    return any(hmac.compare_digest(nonce, issued) for issued in nonces)


def _text(claims: Mapping[str, Any], name: str, limit: int) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise ProofInvalid(f"{name} is missing or not a string of at most {limit} characters")
    return value


def _optional_text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) and value.isascii() else ""


def _issued(claims: Mapping[str, Any], milliseconds: bool) -> datetime:
    try:
        return instant(claims.get("iat"), milliseconds=milliseconds)
    except ValueError as broken:
        raise ProofInvalid("iat is missing or not a time in seconds") from broken


def instant(value: object, *, milliseconds: bool = False) -> datetime:
    """A NumericDate (RFC 7519 section 2) as an aware time; ValueError for anything else.

    ``milliseconds`` lets a number that can only be milliseconds stand for them.
    """
    if milliseconds and isinstance(value, int) and not isinstance(value, bool) and 10**11 < value < 10**14:
        value = value / 1000
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**33:
        raise ValueError("not a NumericDate")
    return datetime.fromtimestamp(value, UTC)


def _check_target(htu: str, url: str) -> None:
    try:
        same = target(htu) == target(url)
    except ValueError as broken:
        raise ProofInvalid("htu is not an address") from broken
    if not same:
        raise ProofInvalid("htu is not the address of this request")


def _check_ath(claims: Mapping[str, Any], access_token: str | None, require_ath: bool) -> None:
    if access_token is None or ("ath" not in claims and not require_ath):
        return
    if not hmac.compare_digest(_optional_text(claims, "ath"), token_hash(access_token)):
        raise ProofInvalid("ath is not the hash of the access token")
