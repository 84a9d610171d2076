"""RFC 9421: the examples of the specification itself, and every way in which a message is not signed."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from solidgate.errors import MessageUnsigned
from solidgate.identity import jose, strict_json
from solidgate.identity.http_signature import (
    Message,
    content_digest,
    key_id,
    signature_base,
    verify_message,
)
from solidgate.identity.structured import byte_sequences, inner_lists

# Appendix B.1.2, B.1.4 and B.2 of RFC 9421.
RFC_PSS = {
    "kty": "RSA",
    "kid": "test-key-rsa-pss",
    "e": "AQAB",
    "n": "r4tmm3r20Wd_PbqvP1s2-QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct-Lh1GH45x28Rw3Ry53mm-oAXjyQ86OnDkZ5N"
    "8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL-Wokqltd11nqqzi-bJ9cvSKADYdUAAN"
    "5WUtzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4aOT9v6d-nb4bnNkQVklLQ3fVAvJm-xdDOp9LCNCN4"
    "8V2pnDOkFV6-U9nV5oyc6XI2w",
    "alg": "PS512",
}
RFC_ED25519 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "test-key-ed25519",
    "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
}
RFC_HEADERS = {
    "date": ("Tue, 20 Apr 2021 02:07:55 GMT",),
    "content-type": ("application/json",),
    "content-digest": (
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
    "content-length": ("18",),
}
RFC_URL = "https://example.com/foo?param=Value&Pet=dog"
RFC_NOW = datetime.fromtimestamp(1618884473, UTC)
COVERS_ALL = (
    'sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" '
    '"content-length")'
    ';created=1618884473;keyid="test-key-rsa-pss"'
)
SIGNED_ALL = (
    "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp7"
    "68ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW"
    "91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxp"
    "JyoEZAFL2FUo5fTIztsDZKEgM4cUA==:"
)
DAY = timedelta(days=1)

KEY = jose.generate_key("ES256")
OTHER = jose.generate_key("ES256")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
URL = "https://gate.example/notifications/secret?x=1"
BODY = b'{"id": "1", "type": "ResourceUpdated"}'
KEYS = [{**KEY.public_jwk, "kid": "one"}, {**OTHER.public_jwk, "kid": "two"}]


def rfc_message(cover: str, signature: str) -> Message:
    headers = {**RFC_HEADERS, "signature-input": (cover,), "signature": (signature,)}
    return Message("POST", RFC_URL, headers, b'{"hello": "world"}')


def test_the_example_of_the_specification_that_covers_everything() -> None:
    message = rfc_message(COVERS_ALL, SIGNED_ALL)
    assert verify_message(message, [RFC_PSS], now=RFC_NOW, max_age=DAY).key_id == "test-key-rsa-pss"


def test_the_base_and_key_of_the_specifications_ed25519_example() -> None:
    cover = (
        'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    signature = base64.b64decode(
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )
    message = rfc_message(cover, "sig-b26=:AA==:")
    jose.public_key(RFC_ED25519).verify(signature, signature_base(message, inner_lists([cover])["sig-b26"]))  # type: ignore[call-arg, arg-type]
    with pytest.raises(MessageUnsigned, match="covers"):
        # It does not cover the body, so here it is worth nothing.
        verify_message(message, [RFC_ED25519], now=RFC_NOW, max_age=DAY)


def signed(
    cover: str = '("@method" "@target-uri" "content-digest")',
    more: str = "",
    *,
    key: jose.SigningKey = KEY,
    keyid: str = "one",
    created: datetime | None = NOW,
    **changes: str,
) -> Message:
    """A message of our own, signed with the other library's primitives."""
    times = f";created={int(created.timestamp())}" if created else ""
    cover = f'a={cover}{times};keyid="{keyid}"{more}'
    headers = {"content-digest": (content_digest(BODY),), "signature-input": (cover,), "x": ("1", " 2 ")}
    message = Message("POST", URL, headers, BODY)
    private = _private(key)
    base = signature_base(replace(message, **changes), inner_lists([cover])["a"])  # type: ignore[arg-type]
    r, s = decode_dss_signature(private.sign(base, ec.ECDSA(hashes.SHA256())))
    value = base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()
    return replace(message, headers={**headers, "signature": (f"a=:{value}:",)})


def _private(key: jose.SigningKey) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(strict_json.decode_base64url(key.private_jwk["d"]))
    return ec.derive_private_key(number, ec.SECP256R1())


def check(message: Message, now: datetime = NOW) -> str:
    return verify_message(message, KEYS, now=now, max_age=timedelta(minutes=2)).key_id


GOOD: dict[str, Callable[[], Message]] = {
    "least": signed,
    "path instead": lambda: signed('("@method" "@path" "content-digest")'),
    "more": lambda: signed('("@method" "@path" "@query" "@authority" "@scheme" "x" "content-digest")'),
    "algorithm named": lambda: signed(more=';alg="ecdsa-p256-sha256"'),
    "expires later": lambda: signed(more=f";expires={int(NOW.timestamp()) + 5}"),
    "another parameter": lambda: signed(more=';nonce="abc";tag="x"'),
    "the other key": lambda: signed(key=OTHER, keyid="two"),
}
BAD: dict[str, tuple[Callable[[], Message], str]] = {
    "method not covered": (lambda: signed('("@target-uri" "content-digest")'), "covers"),
    "address not covered": (lambda: signed('("@method" "content-digest")'), "covers"),
    "body not covered": (lambda: signed('("@method" "@target-uri")'), "covers"),
    "a component twice": (lambda: signed('("@method" "@method" "@path" "content-digest")'), "covers"),
    "no time": (lambda: signed(created=None), "created"),
    "old": (lambda: signed(created=NOW - timedelta(minutes=3)), "created"),
    "of the future": (lambda: signed(created=NOW + timedelta(minutes=3)), "created"),
    "expired": (lambda: signed(more=f";expires={int(NOW.timestamp()) - 61}"), "expired"),
    "another method": (lambda: signed(method="PUT"), "does not fit"),
    "another address": (lambda: signed(url="https://gate.example/notifications/other"), "does not fit"),
    "another key": (lambda: signed(key=OTHER), "does not fit"),
    "an unknown key": (lambda: signed(keyid="three"), "keyid"),
    "another algorithm": (lambda: signed(more=';alg="ed25519"'), "algorithm"),
    "a shared secret": (lambda: signed(more=';alg="hmac-sha256"'), "algorithm"),
    "another body": (lambda: replace(signed(), content=BODY + b" "), "digested"),
    "no digest": (lambda: _without(signed(), "content-digest"), "Content-Digest"),
    "only a weak digest": (
        lambda: _with(signed(), "content-digest", "md5=:AAAAAAAAAAAAAAAAAAAAAA==:"),
        "digested",
    ),
    "no signature": (lambda: _without(signed(), "signature"), "Signature"),
    "no input": (lambda: _without(signed(), "signature-input"), "Signature"),
    "another label": (lambda: _with(signed(), "signature", "b=:AAAA:"), "covers"),
    "half a signature": (lambda: _with(signed(), "signature", "a=:AAAA:"), "length"),
    "a covered header that is not there": (
        lambda: _without(signed('("@method" "@path" "content-digest" "x")'), "x"),
        "not there",
    ),
    "a parameter of a component": (
        lambda: _with(
            signed(), "signature-input", 'a=("@method";req "@path" "content-digest");created=1;keyid="one"'
        ),
        "plain name",
    ),
    "an unknown component": (
        lambda: _with(
            signed(),
            "signature-input",
            f'a=("@method" "@path" "@status" "content-digest");created={int(NOW.timestamp())};keyid="one"',
        ),
        "not understood",
    ),
}


def _with(message: Message, name: str, value: str) -> Message:
    return replace(message, headers={**message.headers, name: (value,)})


def _without(message: Message, name: str) -> Message:
    return replace(message, headers={key: value for key, value in message.headers.items() if key != name})


@pytest.mark.parametrize("name", GOOD)
def test_a_signed_message_passes(name: str) -> None:
    message = GOOD[name]()
    assert check(message) == key_id(message)


@pytest.mark.parametrize("name", BAD)
def test_an_unsigned_message_is_refused(name: str) -> None:
    build, reason = BAD[name]
    with pytest.raises(MessageUnsigned, match=reason):
        check(build())


def test_a_key_that_stands_twice_is_none() -> None:
    with pytest.raises(MessageUnsigned, match="more than one"):
        verify_message(signed(), [*KEYS, KEYS[0]], now=NOW, max_age=DAY)


@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_no_text_is_read_in_two_ways(text: str) -> None:
    """Whatever comes, it is a dictionary or a refusal; nothing else is raised."""
    for reads in (inner_lists, byte_sequences):
        try:
            assert reads([text])
        except ValueError:
            continue
