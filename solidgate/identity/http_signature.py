"""HTTP message signatures (RFC 9421), verified: what the delivery service of ESS signs its messages with.

Which components that service covers is not published, so any cover is accepted that holds the method, the
address, the digest of the body and the time. Keys come from the recorded key set and from nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from yarl import URL

from solidgate.errors import MessageUnsigned, SignatureInvalid
from solidgate.identity import jose
from solidgate.identity.structured import InnerList, byte_sequences, inner_lists

NEEDED = frozenset({"@method", "content-digest"})
ADDRESS = frozenset({"@target-uri", "@path"})
DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_SKEW = timedelta(seconds=60)
_CURVES = {"ecdsa-p256-sha256": (32, hashes.SHA256), "ecdsa-p384-sha384": (48, hashes.SHA384)}
_OF_KEY: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("EC", "P-256"): ("ecdsa-p256-sha256",),
    ("EC", "P-384"): ("ecdsa-p384-sha384",),
    ("OKP", "Ed25519"): ("ed25519",),
    ("RSA", ""): ("rsa-pss-sha512", "rsa-v1_5-sha256"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """One request as it came. ``url`` is our own public address of it, never taken from ``Host``.

    ``headers`` gives all values of each header, by its name in lower case.
    """

    method: str
    url: str
    headers: Mapping[str, Sequence[str]]
    content: bytes

    def __repr__(self) -> str:
        return f"Message({self.method}, {len(self.content)} bytes)"


@dataclass(frozen=True, slots=True)
class VerifiedMessage:
    """A message that its key signed. ``signature_id`` is what a replay store keeps until ``replay_until``."""

    key_id: str
    signature_id: str
    replay_until: datetime


def key_id(message: Message) -> str:
    """The key that the message claims: to choose keys by, never a right. Raises ``MessageUnsigned``."""
    return _key_id(_chosen(message)[0])


def verify_message(
    message: Message, keys: Sequence[Mapping[str, Any]], *, now: datetime, max_age: timedelta
) -> VerifiedMessage:
    """Check a signed message in the order of RFC 9421 section 3.2. Raises ``MessageUnsigned``."""
    # 1. and 2. one signature that covers what must be covered
    cover, signature = _chosen(message)
    # 3. its times
    created = _created(cover, now, max_age)
    # 4. the body is the one that was digested (RFC 9530 section 2)
    _check_digest(message)
    # 5. the one key of the recorded set that it names
    named = _key_id(cover)
    key = _key(keys, named)
    # 6. an algorithm that is the key's own
    algorithm = _algorithm(cover, key)
    # 7. the signature over the signature base
    check_signature(key, algorithm, signature, signature_base(message, cover))
    return VerifiedMessage(named, hashlib.sha256(signature).hexdigest(), created + max_age + _SKEW)


def signature_base(message: Message, cover: InnerList) -> bytes:
    """What is signed (RFC 9421 section 2.5). Raises ``MessageUnsigned`` for a component that is not there."""
    lines = [f'"{name}": {_component(message, name)}' for name in cover.names]
    return "\n".join([*lines, f'"@signature-params": {cover.text}']).encode("utf-8")


def content_digest(content: bytes) -> str:
    """The ``Content-Digest`` of a body, with SHA-256."""
    return "sha-256=:" + base64.b64encode(hashlib.sha256(content).digest()).decode() + ":"


def _chosen(message: Message) -> tuple[InnerList, bytes]:
    try:
        covers = inner_lists(message.headers.get("signature-input", ()))
        signatures = byte_sequences(message.headers.get("signature", ()))
    except ValueError as broken:
        raise MessageUnsigned(f"Signature-Input or Signature: {broken}") from broken
    for label, cover in covers.items():
        if label in signatures and _covers_enough(cover):
            return cover, signatures[label]
    raise MessageUnsigned("no signature covers @method, @target-uri or @path, and content-digest")


def _covers_enough(cover: InnerList) -> bool:
    names = frozenset(cover.names)
    return names >= NEEDED and bool(ADDRESS & names) and len(names) == len(cover.names)


def _created(cover: InnerList, now: datetime, max_age: timedelta) -> datetime:
    created, expires = cover.parameters.get("created"), cover.parameters.get("expires")
    if not _is_instant(created):
        raise MessageUnsigned("created is missing or not a time")
    at = datetime.fromtimestamp(int(created), UTC)  # type: ignore[arg-type]
    if at > now + _SKEW or at < now - max_age:
        raise MessageUnsigned("created is not within the time that is accepted")
    if expires is not None and not (
        _is_instant(expires) and now < datetime.fromtimestamp(int(expires), UTC) + _SKEW
    ):
        raise MessageUnsigned("expired")
    return at


def _is_instant(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**33


def _check_digest(message: Message) -> None:
    try:
        found = byte_sequences(message.headers.get("content-digest", ()))
    except ValueError as broken:
        raise MessageUnsigned("Content-Digest cannot be read") from broken
    known = {name: value for name, value in found.items() if name in DIGESTS}
    fits = [
        hmac.compare_digest(DIGESTS[name](message.content).digest(), value) for name, value in known.items()
    ]
    if not fits or not all(fits):
        raise MessageUnsigned("the body is not the one that was digested")


def _key_id(cover: InnerList) -> str:
    named = cover.parameters.get("keyid")
    if not isinstance(named, str) or not named:
        raise MessageUnsigned("keyid is missing")
    return named


def _key(keys: Sequence[Mapping[str, Any]], named: str) -> Mapping[str, Any]:
    fitting = [key for key in keys if key.get("kid") == named and key.get("use", "sig") == "sig"]
    if len(fitting) != 1:
        raise MessageUnsigned("no key of the recorded set, or more than one, has this keyid")
    return fitting[0]


def _algorithm(cover: InnerList, key: Mapping[str, Any]) -> str:
    own = _OF_KEY.get((str(key.get("kty")), str(key.get("crv", ""))), ())
    said = cover.parameters.get("alg", _by_jwk(key, own))
    if said not in own:
        raise MessageUnsigned("the algorithm is not one of the key's")
    return str(said)


def _by_jwk(key: Mapping[str, Any], own: Sequence[str]) -> str:
    """RFC 9421 section 3.3.7: an RSA key must say which of its two algorithms is meant; others have one."""
    if len(own) == 1:
        return own[0]
    return {"RS256": "rsa-v1_5-sha256", "PS512": "rsa-pss-sha512"}.get(str(key.get("alg")), "")


def _component(message: Message, name: str) -> str:
    if name.startswith("@"):
        return _derived(message, name)
    values = message.headers.get(name, ())
    if not values or name != name.lower():
        raise MessageUnsigned("a covered header is not there")
    return ", ".join(value.strip(" \t") for value in values)


def _derived(message: Message, name: str) -> str:
    """RFC 9421 section 2.2."""
    url = URL(message.url, encoded=True)
    found = {
        "@method": message.method,
        "@target-uri": message.url,
        "@path": url.raw_path or "/",
        "@query": f"?{url.raw_query_string}",
        "@scheme": url.scheme,
        "@authority": _authority(url),
        "@request-target": url.raw_path_qs,
    }
    if name not in found:
        raise MessageUnsigned("a component that is not understood here")
    return found[name]


def _authority(url: URL) -> str:
    host = (url.raw_host or "").lower()
    return host if url.is_default_port() else f"{host}:{url.port}"


def check_signature(key: Mapping[str, Any], algorithm: str, signature: bytes, base: bytes) -> None:
    """That this is the signature of ``base`` by this JWK and an algorithm of its kind (RFC 9421 section 3.3).

    Raises ``MessageUnsigned``.
    """
    try:
        public = jose.public_key(key)
        if isinstance(public, Ed25519PublicKey):
            public.verify(signature, base)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            size, kind = _CURVES[algorithm]
            if len(signature) != 2 * size:
                raise MessageUnsigned("the signature has the wrong length")
            r, s = (int.from_bytes(half) for half in (signature[:size], signature[size:]))
            public.verify(encode_dss_signature(r, s), base, ec.ECDSA(kind()))
        else:
            _check_rsa(public, algorithm, signature, base)
    except (InvalidSignature, SignatureInvalid) as broken:
        raise MessageUnsigned("the signature does not fit") from broken


def _check_rsa(public: rsa.RSAPublicKey, algorithm: str, signature: bytes, base: bytes) -> None:
    if algorithm == "rsa-pss-sha512":
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)
        public.verify(signature, base, pss, hashes.SHA512())
    else:
        public.verify(signature, base, padding.PKCS1v15(), hashes.SHA256())
