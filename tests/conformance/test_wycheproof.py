"""How signatures are checked (tokens, proofs, receipts, webhooks), held to Project Wycheproof's vectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from solidgate.errors import MessageUnsigned, SignatureInvalid
from solidgate.identity import jose
from solidgate.identity.http_signature import check_signature
from solidgate.identity.strict_json import decode_base64url, encode_base64url

VECTORS = Path(__file__).parent / "vectors" / "wycheproof"
SHA256 = {
    "json_web_signature": "8e687a06fe8359f4ec51480f1a9f73c8faebd6f4c01b818b843b44eee54fd5d9",
    "ed25519": "752d2ea7d7c6cf4736381b6cbacb61f8182b126ab7cd9b058f00c50084975536",
    "ecdsa_secp256r1_sha256_p1363": "c60de693930e386c3a5472d08081623ef8504decc54b38ac01ec6b2a2575c986",
}
RAW = {"ed25519": ("ed25519", 151), "ecdsa_secp256r1_sha256_p1363": ("ecdsa-p256-sha256", 262)}
"""The algorithm's name in RFC 9421, and how many vectors there are."""


def vectors(name: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each test, with its group."""
    content = (VECTORS / f"{name}_test.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256[name], "not the file that was taken over"
    for group in json.loads(content)["testGroups"]:
        yield from ((group, test) for test in group["tests"])


def is_ours(jws: object) -> bool:
    """In the compact form, and of an algorithm that is taken here."""
    try:
        assert isinstance(jws, str)
        header = json.loads(decode_base64url(jws.split(".")[0]))
        return header["alg"] in jose.SIGNATURE_ALGORITHMS
    except (AssertionError, SignatureInvalid, ValueError):
        return False


def verifies(jws: object, key: Mapping[str, Any]) -> bool:
    try:
        # What is not in the compact form is handed over as it would arrive.
        text = jws if isinstance(jws, str) else json.dumps(jws)
        jose.verify(jose.parse(text), key, jose.SIGNATURE_ALGORITHMS)
    except SignatureInvalid:
        return False
    return True


def test_a_jws_is_accepted_exactly_when_it_is_valid_and_of_an_algorithm_that_we_take() -> None:
    wrong, taken, refused = [], 0, 0
    for group, test in vectors("json_web_signature"):
        wanted = test["result"] == "valid" and is_ours(test["jws"])
        found = verifies(test["jws"], group.get("public") or group["private"])
        taken, refused = taken + found, refused + (not found)
        if found != wanted:
            wrong.append((test["tcId"], test["comment"], test["result"]))
    assert wrong == []
    assert (taken, refused) == (16, 385)


def jwk_of(group: Mapping[str, Any]) -> Mapping[str, Any]:
    """The group's key; a few groups give it as a point alone."""
    if "publicKeyJwk" in group:
        found: Mapping[str, Any] = group["publicKeyJwk"]
        return found
    point = bytes.fromhex(group["publicKey"]["uncompressed"])[1:]
    x, y = encode_base64url(point[:32]), encode_base64url(point[32:])
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def fits(group: Mapping[str, Any], test: Mapping[str, Any], algorithm: str) -> bool:
    try:
        check_signature(jwk_of(group), algorithm, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
    except MessageUnsigned:
        return False
    return True


@pytest.mark.parametrize("name", RAW)
def test_a_message_signature_fits_exactly_when_it_is_valid(name: str) -> None:
    algorithm, many = RAW[name]
    found = {
        test["tcId"]: (fits(group, test, algorithm), test["result"] == "valid")
        for group, test in vectors(name)
    }
    assert [number for number, (said, wanted) in found.items() if said != wanted] == []
    assert len(found) == many
    assert {wanted for _, wanted in found.values()} == {True, False}
