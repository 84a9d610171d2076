"""Keys (JWK): which are accepted, for which algorithm, and what of one may be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from solidgate.errors import SignatureInvalid
from solidgate.identity.strict_json import decode_base64url

_KEY_OF_ALGORITHM: Mapping[str, tuple[str, str | None]] = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "PS256": ("RSA", None),
    "RS256": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
_PUBLIC_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192


def bare_public(jwk: Mapping[str, Any]) -> dict[str, str]:
    """Only the required public members of a key, in the order of RFC 7638."""
    try:
        return {name: str(jwk[name]) for name in _PUBLIC_MEMBERS[str(jwk["kty"])]}
    except KeyError as missing:
        raise SignatureInvalid("the key lacks a required member") from missing


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The RFC 7638 SHA-256 thumbprint, base64url."""
    try:
        return str(JWK(**bare_public(jwk)).thumbprint())
    except (JWException, ValueError, TypeError) as broken:
        raise SignatureInvalid("the key cannot be read") from broken


def public_key(jwk: Mapping[str, Any]) -> EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey:
    """The key for signatures that are not JWS. Raises ``SignatureInvalid`` for one that is not accepted."""
    algorithm = {"P-256": "ES256", "P-384": "ES384", "Ed25519": "EdDSA"}.get(str(jwk.get("crv")), "RS256")
    # What the key says of JWS algorithms is no word on other signatures; its kind and strength are.
    check_fits({name: value for name, value in jwk.items() if name not in ("alg", "key_ops")}, algorithm)
    found = imported(bare_public(jwk)).public_key
    if not isinstance(found, EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey):
        raise SignatureInvalid("the key is not of an accepted type")
    return found


def choose_key(header: Mapping[str, Any], jwks: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The one key of a set that a header means (OIDC Core section 10.1); raises when none or several do."""
    fitting = [jwk for jwk in jwks if _fits(jwk, str(header.get("alg")))]
    if "kid" in header:
        fitting = [jwk for jwk in fitting if jwk.get("kid") == header["kid"]]
    if len(fitting) != 1:
        raise SignatureInvalid("no key of the issuer, or more than one, fits the header")
    return fitting[0]


def _fits(jwk: Mapping[str, Any], algorithm: str) -> bool:
    kty, curve = _KEY_OF_ALGORITHM.get(algorithm, ("", None))
    return (
        jwk.get("kty") == kty
        and (curve is None or jwk.get("crv") == curve)
        and jwk.get("use", "sig") == "sig"
        and _allows(jwk, algorithm)
    )


def _allows(jwk: Mapping[str, Any], algorithm: str) -> bool:
    named = jwk.get("alg", algorithm)
    same = named == algorithm or {named, algorithm} == {"EdDSA", "Ed25519"}
    operations = jwk.get("key_ops")
    return same and (operations is None or (isinstance(operations, list) and "verify" in operations))


def check_fits(jwk: Mapping[str, Any], algorithm: str) -> None:
    """The key is of the algorithm\'s type and strong enough (RFC 7518 sections 3.3 to 3.5).

    Raises ``SignatureInvalid``.
    """
    usable = {name: value for name, value in jwk.items() if name != "key_ops"} if "d" in jwk else jwk
    if not _fits(usable, algorithm):
        raise SignatureInvalid("the key does not fit the algorithm")
    if jwk.get("kty") == "RSA":
        bits = len(decode_base64url(str(jwk.get("n", "")))) * 8
        if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
            raise SignatureInvalid(f"RSA keys have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")


def imported(jwk: Mapping[str, Any]) -> ECKey | OKPKey | RSAKey:
    """The library's key. Raises ``SignatureInvalid`` for what it, or strict base64url, refuses."""
    try:
        for name in ("x", "y", "n", "e", "d"):
            if name in jwk:
                decode_base64url(str(jwk[name]))
        # kty is one of the three types by bare_public or check_fits; joserfc does the rest.
        members = {name: value for name, value in jwk.items() if name not in ("use", "key_ops", "alg")}
        key = import_key(members)
        key.check_use("sig")
    except (JoseError, ValueError, TypeError, KeyError) as broken:
        raise SignatureInvalid("the key cannot be read") from broken
    if not isinstance(key, ECKey | OKPKey | RSAKey):
        raise SignatureInvalid("the key is not of an accepted type")
    return key
