"""Signing: a private key, the one algorithm it signs with, and the two algorithms that are in a hurry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from jwcrypto.jwk import JWK

from solidgate.errors import SignatureInvalid
from solidgate.identity.jose.algorithms import FixedRegistry
from solidgate.identity.jose.keys import bare_public, check_fits, imported, thumbprint
from solidgate.identity.strict_json import base64url, compact_json, encode_base64url

_ES256 = ECDSA(SHA256())


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
        return imported(self.private_jwk)

    def sign(self, header: Mapping[str, Any], payload: Mapping[str, Any] | bytes) -> str:
        """A compact JWS; ``alg`` is the key's own and cannot be chosen."""
        content = payload if isinstance(payload, bytes) else compact_json(payload)
        protected = self._protected(header)
        if self.algorithm == "ES256":
            return self._sign_es256(base64url(compact_json(protected)), content)
        if self.algorithm in ("EdDSA", "Ed25519"):
            return self._sign_ed25519(compact_json(protected), content)
        registry = FixedRegistry(algorithms=[self.algorithm], strict_check_header=False)
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
    check_fits(key.private_jwk, key.algorithm)
    return key
