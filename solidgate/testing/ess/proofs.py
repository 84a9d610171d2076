"""Ed25519Signature2020: a credential is signed over its canonical triples, and checked the same way.

The hash that is signed is SHA-256 of the proof's own triples followed by SHA-256 of the document's, as the
suite says; both canonical by RDFC-1.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from solidgate.errors import SignatureInvalid
from solidgate.identity.strict_json import decode_base64url, encode_base64url
from solidgate.testing.ess.jsonld import canonical

PROOF_TYPE = "Ed25519Signature2020"
LONG_PROOF_VALUE = "https://w3id.org/security#proofValue"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_MULTICODEC = b"\xed\x01"


def signed(
    document: Mapping[str, Any], key: Ed25519PrivateKey, method: str, created: str, *, bare: bool = False
) -> dict[str, Any]:
    """The document with a proof; ``method`` is where the public key is published.

    ``bare``: the value in base64url without the multibase letter, as older servers wrote it.
    """
    proof = {
        "type": PROOF_TYPE,
        "created": created,
        "proofPurpose": "assertionMethod",
        "verificationMethod": method,
    }
    signature = key.sign(_digest(document, proof))
    value = encode_base64url(signature) if bare else multibase(signature)
    return {**document, "proof": {**proof, "proofValue": value}}


def holds(document: Mapping[str, Any], key: Ed25519PublicKey) -> bool:
    """Whether the proof fits the document and the key."""
    proof = document.get("proof")
    if not isinstance(proof, Mapping) or proof.get("type") != PROOF_TYPE:
        return False
    value = proof.get("proofValue", proof.get(LONG_PROOF_VALUE))
    options = {k: v for k, v in proof.items() if k not in ("proofValue", LONG_PROOF_VALUE)}
    bare = {k: v for k, v in document.items() if k != "proof"}
    try:
        key.verify(_signature(str(value)), _digest(bare, options))
    except (InvalidSignature, SignatureInvalid, ValueError):
        return False
    return True


def multibase(content: bytes) -> str:
    """base58btc with its letter in front."""
    number, text = int.from_bytes(content, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    zeros = len(content) - len(content.lstrip(b"\0"))
    return "z" + _BASE58[0] * zeros + text


def from_multibase(text: str) -> bytes:
    """What ``multibase`` wrote. Raises ``ValueError``."""
    digits = text[1:]
    if text[:1] != "z" or any(letter not in _BASE58 for letter in digits):
        raise ValueError("not base58btc")
    number = 0
    for letter in digits:
        number = number * 58 + _BASE58.index(letter)
    zeros = len(digits) - len(digits.lstrip(_BASE58[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def public_multibase(key: Ed25519PublicKey) -> str:
    """The public key as ``publicKeyMultibase`` has it."""
    return multibase(_ED25519_MULTICODEC + key.public_bytes_raw())


def _digest(document: Mapping[str, Any], proof: Mapping[str, Any]) -> bytes:
    options = {"@context": document.get("@context", []), **proof}
    return hashlib.sha256(canonical(options)).digest() + hashlib.sha256(canonical(document)).digest()


def _signature(value: str) -> bytes:
    # 64 bytes are 86 letters of base64url; in base58btc they are 87 or 88 and the letter z.
    return decode_base64url(value) if len(value) == 86 else from_multibase(value)
