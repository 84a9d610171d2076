"""Verifying: every check of form first, then the signature with exactly the key that the caller chose."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from solidgate.errors import SignatureInvalid
from solidgate.identity import strict_json
from solidgate.identity.jose.algorithms import FixedRegistry
from solidgate.identity.jose.keys import bare_public, check_fits, choose_key, imported
from solidgate.identity.strict_json import decode_base64url


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
    check_fits(jwk, algorithm)
    registry = FixedRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(unverified.compact, imported(bare_public(jwk)), registry=registry)
    except (JoseError, ValueError, TypeError) as broken:
        raise SignatureInvalid("the signature does not fit") from broken
    return Verified(unverified.header, unverified.payload)


def verify_with_keys(
    unverified: Unverified, jwks: Sequence[Mapping[str, Any]], algorithms: Collection[str]
) -> Verified:
    """Check with the key that the header's ``kid`` names, or the only one that fits when it names none."""
    return verify(unverified, choose_key(unverified.header, jwks), algorithms)


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
