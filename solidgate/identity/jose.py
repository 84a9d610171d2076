"""Signed objects (JWS) and keys (JWK): the only module that touches joserfc and jwcrypto.

Stricter than the libraries where they differ from each other: algorithms are a fixed list, base64url must
be canonical, JSON members may not repeat, ``crit``, ``b64``, and keys inside a header are never obeyed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from solidgate.errors import SignatureInvalid
from solidgate.identity import strict_json
from solidgate.identity.strict_json import (
    base64url,
    compact_json,
    decode_base64url,
    encode_base64url,
)

SIGNATURE_ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "EdDSA", "Ed25519")
"""What may be verified; each use narrows it further. Never ``none``, never a shared secret (RFC 8725 3.1)."""

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


_ES256 = ECDSA(SHA256())


class _FixedRegistry(jws.JWSRegistry):
    """joserfc's registry narrowed to an explicit list; larger headers, because a DPoP header holds a key."""

    max_header_length = 4096

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in SIGNATURE_ALGORITHMS or name not in (self.allowed or ()):
            raise SignatureInvalid("the algorithm is not one that is accepted here")
        return self.algorithms[name]


@dataclass(frozen=True, slots=True)
class Unverified:
    """A well-formed compact JWS whose signature nobody has checked: use it to find keys, not to decide."""

    compact: str
    header: Mapping[str, Any]
    payload: bytes

    @property
    def claims(self) -> Mapping[str, Any]:
        """The payload as a JSON object; raises ``SignatureInvalid`` for anything else."""
        return strict_json.read(self.payload)

    def __repr__(self) -> str:
        return f"Unverified({len(self.compact)} bytes)"


@dataclass(frozen=True, slots=True)
class Verified:
    """A JWS whose signature was checked. Built only by ``verify``."""

    header: Mapping[str, Any]
    payload: bytes

    @property
    def claims(self) -> Mapping[str, Any]:
        """The payload as a JSON object; raises ``SignatureInvalid`` for anything else."""
        return strict_json.read(self.payload)

    def __repr__(self) -> str:
        return f"Verified({len(self.payload)} bytes)"


@dataclass(frozen=True)
class SigningKey:
    """A private key and the one algorithm that it signs with; ``kid`` is its RFC 7638 thumbprint."""

    private_jwk: Mapping[str, str]
    algorithm: str

    @cached_property
    def public_jwk(self) -> Mapping[str, str]:
        """What may be published: the required members, ``alg``, ``use`` and ``kid``."""
        return {**bare_public(self.private_jwk), "alg": self.algorithm, "use": "sig", "kid": self.kid}

    @cached_property
    def bare_jwk(self) -> Mapping[str, str]:
        """The required public members alone, as a DPoP header carries them."""
        return bare_public(self.private_jwk)

    @cached_property
    def kid(self) -> str:
        """The SHA-256 thumbprint (RFC 7638)."""
        return thumbprint(self.private_jwk)

    @cached_property
    def _key(self) -> ECKey | OKPKey | RSAKey:
        return _import(self.private_jwk)

    def sign(self, header: Mapping[str, Any], payload: Mapping[str, Any] | bytes) -> str:
        """A compact JWS; ``alg`` is the key's own and cannot be chosen."""
        content = payload if isinstance(payload, bytes) else compact_json(payload)
        protected = self._protected(header)
        if self.algorithm == "ES256":
            return self._sign_es256(base64url(compact_json(protected)), content)
        if self.algorithm in ("EdDSA", "Ed25519"):
            return self._sign_ed25519(compact_json(protected), content)
        registry = _FixedRegistry(algorithms=[self.algorithm], strict_check_header=False)
        return jws.serialize_compact(protected, content, self._key, registry=registry)

    def sign_proof(self, claims: Mapping[str, Any]) -> str:
        """A DPoP proof (RFC 9449 section 4.2): its header says the same each time, so it is encoded once."""
        if self.algorithm != "ES256":
            return self.sign(self._proof_header, claims)
        return self._sign_es256(self._encoded_proof_header, orjson.dumps(claims))

    def _protected(self, header: Mapping[str, Any]) -> dict[str, Any]:
        return {"alg": self.algorithm, **{k: v for k, v in header.items() if k != "alg"}}

    @property
    def _proof_header(self) -> Mapping[str, Any]:
        return {"typ": "dpop+jwt", "jwk": dict(self.bare_jwk)}

    @cached_property
    def _encoded_proof_header(self) -> bytes:
        return base64url(compact_json(self._protected(self._proof_header)))

    def _sign_es256(self, header: bytes, payload: bytes) -> str:
        """RFC 7515 section 5.1 with RFC 7518 section 3.4, by hand: every request needs a proof."""
        signed = b"%b.%b" % (header, base64url(payload))
        signature = fixed_width(self._es256.sign(signed, _ES256))
        return (b"%b.%b" % (signed, base64url(signature))).decode("ascii")

    def _sign_ed25519(self, header: bytes, payload: bytes) -> str:
        """RFC 7515 section 5.1 with RFC 8037 section 3.1, by hand: every answer waits for a receipt."""
        signed = b"%b.%b" % (base64url(header), base64url(payload))
        return (b"%b.%b" % (signed, base64url(self._ed25519.sign(signed)))).decode("ascii")

    @cached_property
    def _ed25519(self) -> Ed25519PrivateKey:
        key = self._key.private_key
        if not isinstance(key, Ed25519PrivateKey):
            raise SignatureInvalid("EdDSA needs a key on Ed25519")
        return key

    @cached_property
    def _es256(self) -> EllipticCurvePrivateKey:
        key = self._key.private_key
        if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise SignatureInvalid("ES256 needs a key on P-256")
        return key

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithm}, {self.kid})"


def fixed_width(der: bytes) -> bytes:
    """The two numbers of a signature on P-256 as 32 bytes each (RFC 7518 section 3.4).

    ``der`` is what the cryptographic library made of them (RFC 3279 section 2.2.3): two short integers, so
    each length is one byte, each value may lead with a zero byte or be shorter.
    """
    second = 4 + der[3]
    r, s = der[4:second], der[second + 2 :]
    return r[-32:].rjust(32, b"\0") + s[-32:].rjust(32, b"\0")


def generate_key(algorithm: str = "ES256") -> SigningKey:
    """A new key for ``ES256`` or ``EdDSA``; chance comes from the cryptographic library itself."""
    if algorithm == "ES256":
        made = JWK.generate(kty="EC", crv="P-256")
    elif algorithm in ("EdDSA", "Ed25519"):
        made = JWK.generate(kty="OKP", crv="Ed25519")
    else:
        raise SignatureInvalid("keys are made for ES256 and EdDSA only")
    return SigningKey(made.export_private(as_dict=True), algorithm)


def ed25519_key(seed: bytes) -> dict[str, str]:
    """The private JWK of the Ed25519 key that a 32-byte seed stands for (RFC 8032, RFC 8037)."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "d": encode_base64url(seed), "x": encode_base64url(public)}


def signing_key(private_jwk: Mapping[str, str], algorithm: str | None = None) -> SigningKey:
    """A stored private JWK as a key; the algorithm follows from its type unless given."""
    if "d" not in private_jwk:
        raise SignatureInvalid("this key has no private part")
    curve = private_jwk.get("crv")
    natural = {"P-256": "ES256", "P-384": "ES384", "Ed25519": "EdDSA"}.get(curve or "", "RS256")
    key = SigningKey(dict(private_jwk), algorithm or natural)
    _check_fits(key.private_jwk, key.algorithm)
    return key


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
    _check_fits({name: value for name, value in jwk.items() if name not in ("alg", "key_ops")}, algorithm)
    found = _import(bare_public(jwk)).public_key
    if not isinstance(found, EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey):
        raise SignatureInvalid("the key is not of an accepted type")
    return found


def parse(compact: str, *, max_bytes: int = 8192) -> Unverified:
    """The parts of a compact JWS after every check of form (RFC 7515 section 5.2, steps 1 to 7)."""
    if len(compact) > max_bytes:
        raise SignatureInvalid(f"longer than {max_bytes} bytes")
    segments = compact.split(".")
    if len(segments) != 3:
        raise SignatureInvalid("not the compact form with three parts")
    header, payload, signature = (decode_base64url(segment) for segment in segments)
    if not signature:
        raise SignatureInvalid("not signed")
    return Unverified(compact, _checked_header(header), payload)


def verify(unverified: Unverified, jwk: Mapping[str, Any], algorithms: Collection[str]) -> Verified:
    """Check the signature with exactly this key and one of these algorithms.

    ``jwk`` is the caller's choice: whatever a header says of keys is ignored (RFC 8725 section 3.10).
    Raises ``SignatureInvalid``.
    """
    algorithm = unverified.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise SignatureInvalid("the algorithm is not one that is accepted here")
    _check_fits(jwk, algorithm)
    registry = _FixedRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(unverified.compact, _import(bare_public(jwk)), registry=registry)
    except (JoseError, ValueError, TypeError) as broken:
        raise SignatureInvalid("the signature does not fit") from broken
    return Verified(unverified.header, unverified.payload)


def verify_with_keys(
    unverified: Unverified, jwks: Sequence[Mapping[str, Any]], algorithms: Collection[str]
) -> Verified:
    """Check with the key that the header's ``kid`` names, or the only one that fits when it names none."""
    return verify(unverified, choose_key(unverified.header, jwks), algorithms)


def choose_key(header: Mapping[str, Any], jwks: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The one key of a set that a header means (OIDC Core section 10.1); raises when none or several do."""
    fitting = [jwk for jwk in jwks if _fits(jwk, str(header.get("alg")))]
    if "kid" in header:
        fitting = [jwk for jwk in fitting if jwk.get("kid") == header["kid"]]
    if len(fitting) != 1:
        raise SignatureInvalid("no key of the issuer, or more than one, fits the header")
    return fitting[0]


def _checked_header(content: bytes) -> Mapping[str, Any]:
    header = strict_json.read(content)
    for name in ("alg", "typ", "cty", "kid", "jku", "x5u"):
        if name in header and not isinstance(header[name], str):
            raise SignatureInvalid(f"the header member {name} is not a string")
    if "alg" not in header:
        raise SignatureInvalid("the header has no alg")
    if "crit" in header or "b64" in header:
        # We understand no extension, so RFC 7515 section 4.1.11 demands a refusal.
        raise SignatureInvalid("the header demands an extension")
    return header


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


def _check_fits(jwk: Mapping[str, Any], algorithm: str) -> None:
    """The key is of the algorithm's type and strong enough (RFC 7518 sections 3.3 to 3.5)."""
    usable = {name: value for name, value in jwk.items() if name != "key_ops"} if "d" in jwk else jwk
    if not _fits(usable, algorithm):
        raise SignatureInvalid("the key does not fit the algorithm")
    if jwk.get("kty") == "RSA":
        bits = len(decode_base64url(str(jwk.get("n", "")))) * 8
        if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
            raise SignatureInvalid(f"RSA keys have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")


def _import(jwk: Mapping[str, Any]) -> ECKey | OKPKey | RSAKey:
    try:
        for name in ("x", "y", "n", "e", "d"):
            if name in jwk:
                decode_base64url(str(jwk[name]))
        # kty is one of the three types by bare_public or _check_fits; joserfc does the rest.
        members = {name: value for name, value in jwk.items() if name not in ("use", "key_ops", "alg")}
        key = import_key(members)
        key.check_use("sig")
    except (JoseError, ValueError, TypeError, KeyError) as broken:
        raise SignatureInvalid("the key cannot be read") from broken
    if not isinstance(key, ECKey | OKPKey | RSAKey):
        raise SignatureInvalid("the key is not of an accepted type")
    return key
