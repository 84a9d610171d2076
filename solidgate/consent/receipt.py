"""The receipt: a W3C Verifiable Credential 2.0 as ``vc+jwt`` that carries the whole consent record.

Anyone can check it with nothing but the file and the server's public keys (VC-JOSE-COSE section 3.1). It
speaks of one moment: a later event has a later receipt, and the record's address tells what holds now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyoxigraph as ox

from solidgate.consent.events_rdf import STATUS_CLASS, index, only, read_events
from solidgate.consent.invariants import check_bound
from solidgate.consent.notice import Notice
from solidgate.consent.rdf import record_digest
from solidgate.consent.receipt_claims import CLAIMS, CONTEXTS, PROFILE, TYPES
from solidgate.consent.receipt_form import credential_json
from solidgate.consent.receipt_nodes import read_record
from solidgate.consent.record import ConsentEvent, ConsentRecord, check_events, check_record
from solidgate.consent.request import resources_digest
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentUnverifiable, ReceiptInvalid, SignatureInvalid
from solidgate.identity.jose import SigningKey, Verified, parse, verify_with_keys
from solidgate.space.agreement import Agreement
from solidgate.space.rdf import ntriples
from solidgate.vocab import DCT, DPV, RDF, SG, curie

TYPE = "vc+jwt"
MEDIA_TYPE = "application/vc+jwt"
ALGORITHMS = ("EdDSA", "Ed25519")
MAX_BYTES = 1024 * 1024
CLOCK_SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt proves. Built only by ``verify_receipt``.

    ``record`` is the record as sorted N-Triples, ``record_digest`` their ``sha256:`` digest; ``status`` is
    computed from ``events``, the last of which is what the receipt is for.
    """

    issuer: str
    kid: str
    issued: datetime
    consent_id: str
    record_iri: str
    data_subject: str
    status: ConsentStatus
    events: tuple[ConsentEvent, ...]
    agreement_digest: str
    notice_digest: str
    algorithm_digest: str
    shape_digest: str
    resources: tuple[str, ...]
    record: bytes
    record_digest: str

    def __repr__(self) -> str:
        return f"Receipt({self.consent_id}, {self.status})"


def make_receipt(
    record: ConsentRecord,
    agreement: Agreement,
    *,
    issuer: str,
    key: SigningKey,
    now: datetime,
    notice: Notice | None = None,
) -> str:
    """The signed receipt of the record's latest event, as a compact JWT.

    ``issuer`` is this server's public address; ``key`` an Ed25519 key whose public part stands at
    ``<issuer>jwks``; ``notice`` puts the text that was shown into the receipt. Raises
    ``ConsentUnverifiable`` for a record that breaks its rules: nothing wrong is ever signed.
    """
    check_record(record)
    check_bound(record, agreement)
    header = {"typ": TYPE, "cty": "vc", "kid": key.kid}
    try:
        claims = credential_json(record, agreement, issuer, now, notice)
    except ValueError as error:
        raise ConsentUnverifiable(str(error)) from error
    return key.sign(header, claims)


def verify_receipt(jwt: str, jwks: Sequence[Mapping[str, object]], now: datetime) -> Receipt:
    """Check a receipt with the issuer's public keys; pure, so it works offline.

    Raises ``ReceiptInvalid`` whose detail begins with the number of the check that failed.
    """
    verified = check_signed(jwt.strip(), jwks)
    try:
        claims = verified.claims
    except SignatureInvalid as error:
        raise ReceiptInvalid(f"3: {error.detail}") from error
    _check_kind(claims)
    issued = check_dates(claims, now)
    triples = _check_record_digest(claims)
    try:
        receipt = _read(claims, triples, str(verified.header.get("kid", "")), issued)
    except ConsentUnverifiable as error:
        raise ReceiptInvalid(f"6: {error.detail}") from error
    _check_agrees(claims, receipt)
    return receipt


def check_signed(jwt: str, jwks: Sequence[Mapping[str, object]]) -> Verified:
    """1. A compact JWS of type ``vc+jwt`` with a ``kid``. 2. Signed with the issuer's Ed25519 key."""
    try:
        unverified = parse(jwt, max_bytes=MAX_BYTES)
    except SignatureInvalid as error:
        raise ReceiptInvalid(f"1: {error.detail}") from error
    if unverified.header.get("typ") != TYPE or "kid" not in unverified.header:
        raise ReceiptInvalid(f"1: the header is not that of a {TYPE} with a key id")
    try:
        return verify_with_keys(unverified, jwks, ALGORITHMS)
    except SignatureInvalid as error:
        raise ReceiptInvalid(f"2: {error.detail}") from error


def _check_kind(claims: Mapping[str, Any]) -> None:
    """3. A VC 2.0 of the type dpv:ConsentReceipt, whose issuer is the signer (VC 2.0 sections 4.3 to 4.7)."""
    contexts, types = claims.get("@context"), claims.get("type")
    if contexts != CONTEXTS:
        raise ReceiptInvalid("3: the contexts are not those of a receipt")
    if types != TYPES or claims.get("dct:conformsTo") != PROFILE:
        raise ReceiptInvalid("3: the types are not those of a receipt")
    if not CLAIMS.issuperset(claims) or not _are_addresses(claims.get("dct:publisher")):
        raise ReceiptInvalid("3: there is a claim that is none of a receipt's")
    issuer = claims.get("issuer")
    if not isinstance(issuer, str) or issuer != claims.get("iss") or issuer != claims.get("dct:creator"):
        raise ReceiptInvalid("3: the issuer is named in different ways")


def _are_addresses(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def check_dates(claims: Mapping[str, Any], now: datetime) -> datetime:
    """4. It was valid from a moment that has come; both dates are the same second."""
    try:
        issued = datetime.fromisoformat(str(claims.get("validFrom")))
        if issued.utcoffset() is None or claims.get("iat") != int(issued.timestamp()):
            raise ValueError
    except ValueError as error:
        raise ReceiptInvalid("4: the dates cannot be read or differ") from error
    if issued > now + CLOCK_SKEW:
        raise ReceiptInvalid("4: it is not valid yet")
    return issued


def _check_record_digest(claims: Mapping[str, Any]) -> tuple[ox.Triple, ...]:
    """5. The embedded record is one graph without blank nodes, and the one of the digest."""
    try:
        quads = read_record(claims.get("dpv:hasRecordOfActivity"))
    except ValueError as error:
        raise ReceiptInvalid(f"5: {error}") from error
    plain = all(
        isinstance(quad.subject, ox.NamedNode)
        and isinstance(quad.object, ox.NamedNode | ox.Literal)
        and isinstance(quad.graph_name, ox.DefaultGraph)
        for quad in quads
    )
    triples = tuple(ox.Triple(quad.subject, quad.predicate, quad.object) for quad in quads)
    if not plain or record_digest(triples) != claims.get("sg:recordDigest"):
        raise ReceiptInvalid("5: the embedded record is not the one of the digest")
    return triples


def _read(claims: Mapping[str, Any], triples: tuple[ox.Triple, ...], kid: str, issued: datetime) -> Receipt:
    """6. The record has every part once, and its events pass the rules of the life cycle."""
    graph = index(triples)
    iri = str(claims["dpv:hasRecordOfActivity"].get("@id"))
    record = graph.get(iri, {})
    if DPV.ConsentRecord.value not in record.get(RDF.type.value, []):
        raise ConsentUnverifiable("there is no consent record at its address")
    process = graph.get(only(record, DPV.hasProcess), {})
    outcome = graph.get(only(process, DPV.hasOutcome), {})
    data = [graph.get(node, {}) for node in process.get(DPV.hasPersonalData.value, [])]
    resources = tuple(sorted(only(node, SG.resource) for node in data))
    if resources_digest(resources) != only(record, SG.resourcesDigest):
        raise ConsentUnverifiable("the resources are not those of the digest")
    subject, events = only(record, DPV.hasDataSubject), read_events(graph, iri)
    check_events(subject, events)
    if only(record, SG.latestEvent) != f"{iri}#event-{events[-1].sequence}":
        raise ConsentUnverifiable("13: the latest event is not the one with the highest sequence")
    return Receipt(
        issuer=str(claims["issuer"]),
        kid=kid,
        issued=issued,
        consent_id=only(record, DCT.identifier),
        record_iri=iri,
        data_subject=subject,
        status=events[-1].status,
        events=events,
        agreement_digest=only(record, SG.termsDigest),
        notice_digest=only(graph.get(only(record, DPV.hasNotice), {}), SG.digest),
        algorithm_digest=only(graph.get(only(process, DPV.hasAlgorithmicLogic), {}), SG.digest),
        shape_digest=only(outcome, SG.outputShape),
        resources=resources,
        record=ntriples(triples),
        record_digest=record_digest(triples),
    )


def _check_agrees(claims: Mapping[str, Any], receipt: Receipt) -> None:
    """7. What the credential says of the record is what the record says itself."""
    latest = receipt.events[-1]
    said = {
        "id": f"{receipt.record_iri}/receipt#{latest.sequence}",
        "credentialSubject": {"id": receipt.data_subject},
        "dct:audience": receipt.data_subject,
        "dct:identifier": f"{receipt.consent_id}-{latest.sequence}",
        "sg:eventStatus": curie(STATUS_CLASS[latest.status].value),
    }
    for name, value in said.items():
        if claims.get(name) != value:
            raise ReceiptInvalid(f"7: {name} is not that of the record")
    if not receipt.record_iri.startswith(receipt.issuer):
        raise ReceiptInvalid("7: the record is not one of the issuer's")
    if receipt.issued + CLOCK_SKEW < latest.at:
        raise ReceiptInvalid("7: it is older than the event that it is for")
