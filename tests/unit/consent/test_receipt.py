"""Receipts: verified by an independent library, and every change to one refused by the check that sees it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jwcrypto import jwk, jws

from solidgate.cli.main import main
from solidgate.consent.notice import Notice
from solidgate.consent.receipt import make_receipt, verify_receipt
from solidgate.consent.receipt_claims import CLAIMS
from solidgate.consent.receipt_rdf import as_jsonld, as_turtle, check_same, receipt_triples
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentUnverifiable, ReceiptInvalid
from solidgate.identity.jose import SigningKey, generate_key
from solidgate.space.agreement import Agreement

ISSUER = "https://gate.example/"
NOW = datetime(2026, 11, 20, 10, 6, tzinfo=UTC)
LATER = NOW + timedelta(days=900)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return generate_key("EdDSA")


@pytest.fixture(scope="module")
def token(given: ConsentRecord, agreement: Agreement, notice: Notice, key: SigningKey) -> str:
    return make_receipt(given, agreement, issuer=ISSUER, key=key, now=NOW, notice=notice)


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def test_an_independent_library_verifies_it(token: str, key: SigningKey) -> None:
    independent = jws.JWS()
    independent.allowed_algs = ["EdDSA"]
    independent.deserialize(token, jwk.JWK(**key.public_jwk))
    assert independent.jose_header["typ"] == "vc+jwt"
    assert json.loads(independent.payload) == claims_of(token)


def test_it_is_a_credential_by_vc_2_0(token: str) -> None:
    claims = claims_of(token)
    assert claims["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert claims["type"] == ["VerifiableCredential", "dpv:ConsentReceipt"]
    assert claims["validFrom"] == "2026-11-20T10:06:00Z"
    assert claims["credentialSubject"]["id"] == "https://alice.pod.example/profile/card#me"


def test_it_proves_what_was_agreed(token: str, key: SigningKey, given: ConsentRecord) -> None:
    receipt = verify_receipt(token, [key.public_jwk], LATER)
    assert receipt.status is ConsentStatus.GIVEN
    assert receipt.events == given.events
    assert receipt.resources == tuple(sorted(given.resources))
    assert receipt.record_iri == given.iri
    assert (receipt.agreement_digest, receipt.notice_digest) == (given.agreement_digest, given.notice_digest)
    assert (receipt.algorithm_digest, receipt.shape_digest) == (given.algorithm_digest, given.shape_digest)
    assert "alice" not in repr(receipt)


@pytest.mark.parametrize("status", [ConsentStatus.REFUSED, ConsentStatus.WITHDRAWN])
def test_a_no_and_a_withdrawal_have_receipts_too(
    status: ConsentStatus,
    asked: ConsentRecord,
    given: ConsentRecord,
    agreement: Agreement,
    key: SigningKey,
) -> None:
    before = asked if status is ConsentStatus.REFUSED else given
    event = ConsentEvent(len(before.events) + 1, status, before.latest.at, before.data_subject, "button")
    record = with_event(before, event)
    made = make_receipt(record, agreement, issuer=ISSUER, key=key, now=NOW)
    assert verify_receipt(made, [key.public_jwk], NOW).status is status


def test_a_broken_record_is_never_signed(given: ConsentRecord, agreement: Agreement, key: SigningKey) -> None:
    forged = replace(given, events=given.events[1:])
    with pytest.raises(ConsentUnverifiable):
        make_receipt(forged, agreement, issuer=ISSUER, key=key, now=NOW)


def test_another_key_does_not_fit(token: str) -> None:
    with pytest.raises(ReceiptInvalid, match=r"^2:"):
        verify_receipt(token, [generate_key("EdDSA").public_jwk], NOW)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_changed_part_is_refused(place: int, token: str, key: SigningKey) -> None:
    parts = token.split(".")
    for at in range(0, len(parts[place]), max(1, len(parts[place]) // 40)):
        changed = "A" if parts[place][at] != "A" else "B"
        mutant = [*parts]
        mutant[place] = parts[place][:at] + changed + parts[place][at + 1 :]
        with pytest.raises(ReceiptInvalid, match=r"^[12]:"):
            verify_receipt(".".join(mutant), [key.public_jwk], NOW)


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "....", "é.é.é", "{}", "x" * 2_000_000])
def test_what_is_no_token_is_refused(text: str, key: SigningKey) -> None:
    with pytest.raises(ReceiptInvalid, match=r"^1:"):
        verify_receipt(text, [key.public_jwk], NOW)


@pytest.mark.parametrize(
    "header", [{"typ": "JWT"}, {}, {"typ": "vc+jwt", "kid": None}, {"typ": "at+jwt", "kid": "x"}]
)
def test_another_type_of_token_is_refused(header: Mapping[str, Any], token: str, key: SigningKey) -> None:
    """A token that the same key signed for another use must not pass for a receipt (RFC 8725 3.11)."""
    other = key.sign({k: v for k, v in header.items() if v is not None}, claims_of(token))
    with pytest.raises(ReceiptInvalid, match=r"^[12]:"):
        verify_receipt(other, [key.public_jwk], NOW)


def record(claims: dict[str, Any]) -> dict[str, Any]:
    embedded: dict[str, Any] = claims["dpv:hasRecordOfActivity"]
    return embedded


def nodes(claims: dict[str, Any]) -> list[dict[str, Any]]:
    included: list[dict[str, Any]] = record(claims)["@included"]
    return included


def elsewhere(embedded: dict[str, Any]) -> None:
    """The same statements, said to be of another record."""
    whole = json.dumps(embedded["@included"]).replace('{"@id": "#', f'{{"@id": "{embedded["@id"]}#')
    embedded.update({"@id": ISSUER, "@context": {"@base": ISSUER}, "@included": json.loads(whole)})


SIGNED_BUT_WRONG: dict[str, tuple[str, Change]] = {
    "another context": ("3", lambda c: c["@context"].append("https://evil.example/context")),
    "a term that means something else": ("3", lambda c: c["@context"][1].update({"dpv": "https://evil.example/"})),
    "another type": ("3", lambda c: c["type"].append("IdentityCredential")),
    "another profile": ("3", lambda c: c.update({"dct:conformsTo": "dpv-27560:record-eu-gdpr"})),
    "two issuers": ("3", lambda c: c.update(iss="https://other.example/")),
    "no issuer": ("3", lambda c: c.pop("issuer")),
    "a date that is none": ("4", lambda c: c.update(validFrom="yesterday")),
    "two dates": ("4", lambda c: c.update(iat=0)),
    "a claim too many": ("3", lambda c: c.update({"dpv:hasProcess": "x"})),
    "a publisher with a context": ("3", lambda c: c.update({"dct:publisher": [{"@context": {}}]})),
    "no publisher": ("3", lambda c: c.pop("dct:publisher")),
    "beside the record": ("5", lambda c: c["dpv:hasRecordOfActivity"].update({"dpv:x": 1})),
    "no record": ("5", lambda c: c.pop("dpv:hasRecordOfActivity")),
    "a record of another form": ("5", lambda c: c.update({"dpv:hasRecordOfActivity": {"@included": "x"}})),
    "a context inside": ("5", lambda c: nodes(c)[0].update({"@context": "https://evil.example/"})),
    "a statement left out": ("5", lambda c: nodes(c).pop()),
    "a statement added": ("5", lambda c: nodes(c).append({"@id": "x:y", "x:p": [{"@value": "z"}]})),
    "a blank node": ("5", lambda c: nodes(c).append({"@id": "_:b", "x:p": [{"@value": "z"}]})),
    "another digest": ("5", lambda c: c.update({"sg:recordDigest": "sha256:" + "0" * 64})),
    "a context further inside": ("5", lambda c: nodes(c)[0]["dct:conformsTo"].update({"@context": {}})),
    "another context of the record": ("5", lambda c: record(c)["@context"].update(dct="https://evil.example/")),
    "no context of the record": ("5", lambda c: record(c).pop("@context")),
    "a record without an address": ("5", lambda c: record(c).pop("@id")),
    "a record with another address": ("5", lambda c: record(c).update({"@id": ISSUER})),
    "a record moved": ("5", lambda c: record(c).update({"@id": ISSUER, "@context": {"@base": ISSUER}})),
    "a record that is elsewhere": ("6", lambda c: elsewhere(record(c))),
    "another person": ("7", lambda c: c.update(credentialSubject={"id": "https://bob.example/#me"})),
    "another audience": ("7", lambda c: c.update({"dct:audience": "https://bob.example/#me"})),
    "another status": ("7", lambda c: c.update({"sg:eventStatus": "dpv:ConsentWithdrawn"})),
    "another id": ("7", lambda c: c.update(id=ISSUER)),
    "another number": ("7", lambda c: c.update({"dct:identifier": "x-2"})),
    "a foreign issuer": ("7", lambda c: c.update(dict.fromkeys(("iss", "issuer", "dct:creator"), "https://o.example/"))),
}  # fmt: skip


def test_a_receipt_has_its_claims_and_no_other(token: str) -> None:
    assert set(claims_of(token)) == CLAIMS


@pytest.mark.parametrize("case", SIGNED_BUT_WRONG, ids=str)
def test_a_signature_alone_proves_nothing(case: str, token: str, key: SigningKey) -> None:
    number, change = SIGNED_BUT_WRONG[case]
    claims = claims_of(token)
    change(claims)
    forged = key.sign({"typ": "vc+jwt", "kid": key.kid}, claims)
    with pytest.raises(ReceiptInvalid, match=f"^{number}:"):
        verify_receipt(forged, [key.public_jwk], NOW)


def test_a_receipt_from_the_future_is_refused(token: str, key: SigningKey) -> None:
    with pytest.raises(ReceiptInvalid, match=r"^4:"):
        verify_receipt(token, [key.public_jwk], NOW - timedelta(minutes=5))


def test_the_command_says_so_offline(
    token: str, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "receipt.jwt").write_text(token + "\n")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [dict(key.public_jwk)]}))
    arguments = ["receipt", "verify", str(tmp_path / "receipt.jwt"), "--jwks", str(tmp_path / "keys.json")]
    assert main([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["valid"], said["status"], said["issuer"]) == (True, "given", ISSUER)
    assert main(arguments) == 0
    assert "The receipt is valid: consent given" in capsys.readouterr().out


def unsigned(folder: Path, token: str, suffix: str) -> Path:
    triples = receipt_triples(token)
    content = as_turtle(triples) if suffix == ".ttl" else as_jsonld(triples)
    path = folder / f"receipt{suffix}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", [".ttl", ".jsonld"])
def test_the_other_forms_are_held_against_the_signed_one(
    suffix: str, token: str, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [dict(key.public_jwk)]}))
    path = unsigned(tmp_path, token, suffix)
    arguments = ["receipt", "verify", str(path), "--jwks", str(tmp_path / "keys.json")]
    assert main(arguments) == 2
    assert "only the .jwt is signed" in capsys.readouterr().err
    (tmp_path / "receipt.jwt").write_text(token)
    assert main(arguments) == 0
    assert "not signed; it says exactly what" in capsys.readouterr().out
    changed = path.read_bytes().replace(b"alice", b"mallory")
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    assert main(arguments) == 2
    assert "8:" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"<a> <b", b"{", b"\xff\xfe"])
def test_a_file_that_says_something_else_is_refused(content: bytes, token: str) -> None:
    for suffix in (".ttl", ".jsonld"):
        with pytest.raises(ReceiptInvalid, match=r"^8:"):
            check_same(content, suffix, token)


def test_the_other_forms_wrap_the_record(token: str, given: ConsentRecord) -> None:
    text = as_turtle(receipt_triples(token)).decode()
    for term in ("dpv:ConsentReceipt", "dpv:ConsentRecord", "dpv-27560:receipt-eu-gdpr", given.iri):
        assert term in text
