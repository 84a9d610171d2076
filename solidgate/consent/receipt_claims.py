"""The claims of a receipt: a credential around the whole record, as RDF without blank nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from solidgate.consent.events_rdf import STATUS_CLASS, utc
from solidgate.consent.notice import Notice
from solidgate.consent.rdf import Asked, asked_needs, named_purpose, statements_of
from solidgate.consent.receipt_nodes import PREFIXES, nodes_of, record_node
from solidgate.consent.record import ConsentRecord
from solidgate.space.agreement import Agreement
from solidgate.space.canonical import sha256_digest
from solidgate.space.participant import Role
from solidgate.space.purpose import Purpose
from solidgate.space.statements import lines_of
from solidgate.vocab import curie

# The names beside the W3C context, inline, so that nobody has to fetch a context of ours.
_TERMS: Mapping[str, Any] = {
    **PREFIXES,
    "dct:conformsTo": {"@type": "@id"},
    "dct:publisher": {"@type": "@id"},
    "dct:creator": {"@type": "@id"},
    "dct:audience": {"@type": "@id"},
    "sg:eventStatus": {"@type": "@id"},
}
CONTEXT = "https://www.w3.org/ns/credentials/v2"
CONTEXTS = [CONTEXT, dict(_TERMS)]
TYPES = ["VerifiableCredential", "dpv:ConsentReceipt"]
PROFILE = "dpv-27560:receipt-eu-gdpr"
CLAIMS = frozenset(
    ("@context", "id", "type", "issuer", "validFrom", "credentialSubject", "dct:identifier", "dct:conformsTo",
     "dct:publisher", "dct:creator", "dct:audience", "sg:eventStatus", "sg:recordDigest",
     "dpv:hasRecordOfActivity", "iss", "iat")
)  # fmt: skip
"""All of them, and no other: what a verifier does not look at, somebody else might read."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one receipt is made from; ``asked`` are the documents with the needs that they answer."""

    record: ConsentRecord
    agreement: Agreement
    purpose: Purpose
    issuer: str
    notice: Notice | None
    asked: Asked


def plain_json(
    record: ConsentRecord, agreement: Agreement, issuer: str, now: datetime, notice: Notice | None = None
) -> bytes:
    """The claims of a receipt as JSON, made from the beginning. Raises as ``said_of``."""
    return plain(said_of(record, agreement, issuer, notice), now)


def said_of(record: ConsentRecord, agreement: Agreement, issuer: str, notice: Notice | None) -> Said:
    """The record with what it names. Raises ``ConsentUnverifiable`` when something is not what it names."""
    purpose = named_purpose(record, agreement, notice)
    return Said(record, agreement, purpose, issuer, notice, asked_needs(record, purpose))


def plain(said: Said, now: datetime) -> bytes:
    """``plain_json`` of what was held against each other before."""
    lines, nodes = rendered(said)
    digest = sha256_digest("".join(sorted(lines)).encode())
    return to_json({**credential(said, utc(now), digest, nodes), "iat": int(now.timestamp())})


def rendered(said: Said) -> tuple[Iterable[str], list[dict[str, Any]]]:
    """The lines of N-Triples and the nodes of JSON-LD of the record."""
    lines = lines_of(statements_of(said.record, said.agreement, said.purpose, said.notice, said.asked))
    return lines, nodes_of(lines.values(), said.record.iri)


def credential(said: Said, valid_from: str, digest: str, nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """All claims but the last, ``iat``."""
    record, latest = said.record, said.record.latest
    return {
        "@context": CONTEXTS,
        "id": f"{record.iri}/receipt#{latest.sequence}",
        "type": TYPES,
        "issuer": said.issuer,
        "validFrom": valid_from,
        "credentialSubject": {"id": record.data_subject},
        "dct:identifier": f"{record.consent_id}-{latest.sequence}",
        "dct:conformsTo": PROFILE,
        "dct:publisher": [party.webid for party in said.agreement.with_role(Role.CONTROLLER)],
        "dct:creator": said.issuer,
        "dct:audience": record.data_subject,
        "sg:eventStatus": curie(STATUS_CLASS[latest.status].value),
        "sg:recordDigest": digest,
        "dpv:hasRecordOfActivity": record_node(record.iri, nodes),
        "iss": said.issuer,
    }
