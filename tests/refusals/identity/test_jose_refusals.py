"""Faults of signed objects, by class: form, base64url, JSON, header, algorithm, key, signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from solidgate.errors import SignatureInvalid
from solidgate.identity import jose, strict_json

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KEY = jose.generate_key("ES256")
OTHER = jose.generate_key("ES256")
EDWARDS = jose.generate_key("EdDSA")
CLAIMS = {"sub": "alice", "n": 1}
GOOD = KEY.sign({"typ": "JWT", "kid": "k"}, CLAIMS)
HEADER, PAYLOAD, SIGNATURE = GOOD.split(".")
RAW = strict_json.decode_base64url(SIGNATURE)
R, S = int.from_bytes(RAW[:32], "big"), int.from_bytes(RAW[32:], "big")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def private() -> ec.EllipticCurvePrivateKey:
    numbers = {
        name: int.from_bytes(strict_json.decode_base64url(KEY.private_jwk[name]), "big") for name in "dxy"
    }
    public = ec.EllipticCurvePublicNumbers(numbers["x"], numbers["y"], ec.SECP256R1())
    return ec.EllipticCurvePrivateNumbers(numbers["d"], public).private_key()


def raw_signature(signed: str) -> bytes:
    r, s = decode_dss_signature(private().sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def with_header(header: bytes | Mapping[str, Any], payload: bytes | None = None) -> str:
    """Truly signed over any header, so that nothing but the header can be the reason of a refusal."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    signed = f"{b64(text)}.{PAYLOAD if payload is None else b64(payload)}"
    return f"{signed}.{b64(raw_signature(signed))}"


def with_signature(signature: bytes) -> str:
    return f"{HEADER}.{PAYLOAD}.{b64(signature)}"


def mac(secret: bytes, alg: str = "HS256") -> str:
    signed = f"{b64(json.dumps({'alg': alg}).encode())}.{PAYLOAD}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def next_letter(text: str) -> str:
    """Another last letter that decodes to the same bytes: only unused bits differ."""
    return text[:-1] + ALPHABET[ALPHABET.index(text[-1]) + 1]


def der() -> bytes:
    return private().sign(f"{HEADER}.{PAYLOAD}".encode(), ec.ECDSA(hashes.SHA256()))


ES = {"alg": "ES256"}
EMPTY = b"{}"
NONE, NONE_TOO = b64(b'{"alg":"none"}'), b64(b'{"alg":"None"}')
PLAIN, RS = b64(b'{"alg":"ES256"}'), b64(b'{"alg":"RS256"}')
FAULTS: dict[str, Callable[[], str]] = {
    # form
    "empty": lambda: "",
    "two parts": lambda: f"{HEADER}.{PAYLOAD}",
    "four parts": lambda: f"{GOOD}.",
    "five parts, as if encrypted": lambda: f"{GOOD}.{PAYLOAD}.{PAYLOAD}",
    "white space before": lambda: f" {GOOD}",
    "newline after": lambda: f"{GOOD}\n",
    "JSON form": lambda: json.dumps({"payload": PAYLOAD, "protected": HEADER, "signature": SIGNATURE}),
    "too long": lambda: with_header(ES, b" " * 9000),
    "not ASCII": lambda: GOOD.replace("e", "é", 1),
    # base64url
    "padded signature": lambda: f"{GOOD}==",
    "padded header": lambda: f"{HEADER}=.{PAYLOAD}.{SIGNATURE}",
    "unused bits set in the signature": lambda: f"{HEADER}.{PAYLOAD}.{next_letter(SIGNATURE)}",
    "classic alphabet": lambda: f"{HEADER}.{PAYLOAD}.{'+' + SIGNATURE[1:]}",
    "newline inside": lambda: f"{HEADER}.{PAYLOAD[:4]}\n{PAYLOAD[4:]}.{SIGNATURE}",
    "stray letter in the signature": lambda: f"{HEADER}.{PAYLOAD}.{SIGNATURE[:9]}!{SIGNATURE[9:]}",
    "impossible length": lambda: f"{HEADER}.{PAYLOAD}.{SIGNATURE}AAA",
    # JSON of the header
    "header is a list": lambda: with_header(b"[]"),
    "header is text": lambda: with_header(b'"ES256"'),
    "header is not JSON": lambda: with_header(b"{alg:ES256}"),
    "header is not UTF-8": lambda: with_header(b'{"alg":"ES256","x":"\xff"}'),
    "header with a byte order mark": lambda: with_header(b'\xef\xbb\xbf{"alg":"ES256"}'),
    "header with trailing text": lambda: with_header(b'{"alg":"ES256"}x'),
    "header with a repeated member": lambda: with_header(b'{"alg":"none","alg":"ES256"}'),
    "header with NaN": lambda: with_header(b'{"alg":"ES256","x":NaN}'),
    "header nested deeply": lambda: with_header(b'{"alg":"ES256","x":' + b"[" * 40 + b"]" * 40 + b"}"),
    # members of the header
    "no alg": lambda: with_header({"typ": "JWT"}),
    "alg is a number": lambda: with_header({"alg": 256}),
    "alg is a list": lambda: with_header({"alg": ["ES256"]}),
    "alg in other case": lambda: with_header({"alg": "es256"}),
    "alg with white space": lambda: with_header({"alg": "ES256 "}),
    "typ is a number": lambda: with_header({"alg": "ES256", "typ": 1}),
    "kid is an object": lambda: with_header({"alg": "ES256", "kid": {}}),
    "crit of an extension": lambda: with_header({"alg": "ES256", "crit": ["exp"], "exp": 1}),
    "crit that is empty": lambda: with_header({"alg": "ES256", "crit": []}),
    "b64 false": lambda: with_header({"alg": "ES256", "b64": False, "crit": ["b64"]}),
    # algorithm
    "alg none, no signature": lambda: f"{NONE}.{PAYLOAD}.",
    "alg none, signed": lambda: with_header({"alg": "none"}),
    "alg None": lambda: f"{NONE_TOO}.{PAYLOAD}.",
    "no signature": lambda: f"{HEADER}.{PAYLOAD}.",
    "HS256 with the public key": lambda: mac(strict_json.compact_json(KEY.public_jwk)),
    "HS256 with an empty secret": lambda: mac(b""),
    "ES384 on P-256": lambda: with_header({"alg": "ES384"}),
    "ES256K": lambda: with_header({"alg": "ES256K"}),
    "RS256 on an EC key": lambda: with_header({"alg": "RS256"}),
    "EdDSA on an EC key": lambda: with_header({"alg": "EdDSA"}),
    "an encryption algorithm": lambda: with_header({"alg": "ECDH-ES"}),
    # signature
    "by another key": lambda: OTHER.sign({"kid": "k"}, CLAIMS),
    "by another key in the header": lambda: OTHER.sign({"jwk": dict(OTHER.bare_jwk)}, CLAIMS),
    "over another payload": lambda: f"{HEADER}.{b64(EMPTY)}.{SIGNATURE}",
    "over another header": lambda: f"{PLAIN}.{PAYLOAD}.{SIGNATURE}",
    "one bit changed": lambda: with_signature(RAW[:-1] + bytes([RAW[-1] ^ 1])),
    "one byte too long": lambda: with_signature(RAW + b"\0"),
    "zero in front of each half": lambda: with_signature(b"\0" + RAW[:32] + b"\0" + RAW[32:]),
    "one byte too short": lambda: with_signature(RAW[:-1]),
    "as DER": lambda: with_signature(der()),
    "all zero": lambda: with_signature(bytes(64)),
    "r is zero": lambda: with_signature(bytes(32) + RAW[32:]),
    "s is zero": lambda: with_signature(RAW[:32] + bytes(32)),
    "r is the order": lambda: with_signature(P256_ORDER.to_bytes(32, "big") + RAW[32:]),
    "s is the order": lambda: with_signature(RAW[:32] + P256_ORDER.to_bytes(32, "big")),
    "r plus the order, longer": lambda: with_signature((R + P256_ORDER).to_bytes(33, "big") + RAW[32:]),
    "halves changed over": lambda: with_signature(RAW[32:] + RAW[:32]),
    "all ones": lambda: with_signature(b"\xff" * 64),
}


def check(token: str, jwk: Mapping[str, Any] = KEY.public_jwk) -> Mapping[str, Any]:
    return jose.verify(jose.parse(token), jwk, jose.SIGNATURE_ALGORITHMS).claims


@pytest.mark.parametrize("name", FAULTS)
def test_refused(name: str) -> None:
    with pytest.raises(SignatureInvalid):
        check(FAULTS[name]())


def test_good_ones_pass() -> None:
    assert check(GOOD) == CLAIMS
    assert check(EDWARDS.sign({}, CLAIMS), EDWARDS.public_jwk) == CLAIMS


def test_the_other_s_of_a_signature_is_valid_ecdsa() -> None:
    """(r, n - s) is a valid signature too (RFC 7518 asks for no low s): never key a replay store on it."""
    assert check(with_signature(RAW[:32] + (P256_ORDER - S).to_bytes(32, "big"))) == CLAIMS


PAYLOADS = {
    "not JSON": b"sub=alice",
    "a list": b"[1]",
    "repeated member": b'{"sub":"alice","sub":"bob"}',
    "repeated member, deep": b'{"cnf":{"jkt":"a","jkt":"b"}}',
    "infinity": b'{"exp":Infinity}',
    "UTF-16": '{"sub":"alice"}'.encode("utf-16"),
    "nested deeply": b'{"a":' * 40 + b"1" + b"}" * 40,
    "empty": b"",
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_claims_refused(name: str) -> None:
    with pytest.raises(SignatureInvalid):
        check(with_header(ES, PAYLOADS[name]))


def rsa_token(bits: int) -> tuple[str, dict[str, str]]:
    key = rsa.generate_private_key(65537, bits)
    signed = f"{RS}.{PAYLOAD}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": b64(numbers.n.to_bytes(bits // 8, "big")), "e": b64(b"\x01\x00\x01")}
    return f"{signed}.{b64(signature)}", jwk


def test_rsa_of_2048_bits_passes_and_of_1024_does_not() -> None:
    assert check(*rsa_token(2048)) == CLAIMS
    with pytest.raises(SignatureInvalid, match="bits"):
        check(*rsa_token(1024))


KEYS: dict[str, dict[str, Any]] = {
    "for encryption": {**KEY.public_jwk, "use": "enc"},
    "for another algorithm": {**KEY.public_jwk, "alg": "ES384"},
    "not for verifying": {**KEY.public_jwk, "key_ops": ["encrypt"]},
    "key_ops is text": {**KEY.public_jwk, "key_ops": "verify"},
    "of another curve": {**KEY.public_jwk, "crv": "P-384"},
    "of secp256k1": {**KEY.public_jwk, "crv": "secp256k1"},
    "of another type": {**KEY.public_jwk, "kty": "RSA"},
    "a shared secret": {"kty": "oct", "k": b64(b"secret")},
    "without y": {k: v for k, v in KEY.public_jwk.items() if k != "y"},
    "not on the curve": {**KEY.public_jwk, "y": KEY.public_jwk["x"]},
    "padded": {**KEY.public_jwk, "x": KEY.public_jwk["x"] + "="},
    "x is a number": {**KEY.public_jwk, "x": 1},
    "empty": {},
}


@pytest.mark.parametrize("name", KEYS)
def test_key_refused(name: str) -> None:
    with pytest.raises(SignatureInvalid):
        check(GOOD, KEYS[name])


def test_a_set_needs_exactly_one_key_that_fits() -> None:
    mine, other = {**KEY.public_jwk, "kid": "k"}, {**OTHER.public_jwk, "kid": "o"}
    unverified = jose.parse(GOOD)
    assert jose.choose_key(unverified.header, [other, mine]) == mine
    for keys in ([], [other], [mine, {**other, "kid": "k"}]):
        with pytest.raises(SignatureInvalid):
            jose.choose_key(unverified.header, keys)
    assert jose.choose_key({"alg": "ES256"}, [mine]) == mine
    with pytest.raises(SignatureInvalid):
        jose.choose_key({"alg": "ES256"}, [mine, other])


def test_the_thumbprint_of_rfc_7638() -> None:
    """The example of RFC 8037 appendix A.3."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert jose.thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_key_never_shows_its_private_part() -> None:
    assert KEY.private_jwk["d"] not in repr(KEY)
    assert "d" not in KEY.public_jwk
    assert "d" not in KEY.bare_jwk
