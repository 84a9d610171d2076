"""The report of an erasure: what was removed, and what cannot be recalled; signed, and kept by nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from solidgate.consent.events_rdf import moment
from solidgate.consent.receipt import MAX_BYTES, check_dates, check_signed
from solidgate.consent.receipt_claims import CONTEXT
from solidgate.errors import ReceiptInvalid, SignatureInvalid
from solidgate.identity.jose import SigningKey, parse
from solidgate.vocab import DPV, EU_GDPR, SG

_TYPES = ["VerifiableCredential", "dpv:RightExerciseActivity"]


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the person's data had gone, beyond this server.

    ``pods`` are results and receipts in the person's own pod; ``doors`` the agents that a pod may still let
    in; ``in_doubt`` addresses to which a result was on its way, or a document that leads to results, a note
    beside one, or the copy of a receipt; ``readers`` who could ask queries of a space while a result was in
    it; ``aggregates`` the runs whose released result about a group counted the person; ``channels`` by which
    a pod may go on telling of changes until they lapse; ``requests`` for access that a pod's service still
    holds.
    """

    pods: tuple[str, ...] = ()
    doors: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What an erasure did. ``removed`` counts rows by table; ``left`` are parts of the database's files that
    the operator has to see to; ``token`` is the signed report. In a rehearsal that is empty, and ``closes``
    are the agents whose doors the erasure will close itself; ``reach.doors`` are then those left to the
    person."""

    erasure_id: str
    at: datetime
    removed: Mapping[str, int]
    leaves_kept: int
    reach: Reach
    left: tuple[str, ...]
    token: str = ""
    closes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ErasureReport({self.erasure_id})"


def sign_report(report: ErasureReport, webid: str, *, issuer: str, key: SigningKey) -> str:
    """The report as ``vc+jwt``, to be checked like a receipt with the keys at ``<issuer>jwks``."""
    claims = {
        "@context": [CONTEXT, {"dpv": DPV.iri, "eu-gdpr": EU_GDPR.iri, "sg": SG.iri}],
        "id": f"urn:uuid:{report.erasure_id}",
        "type": _TYPES,
        "issuer": issuer,
        "validFrom": moment(report.at).value,
        "credentialSubject": {
            "id": webid,
            "dpv:hasRight": "eu-gdpr:A17",
            "removed": dict(report.removed),
            "leavesKept": report.leaves_kept,
            "notRecalled": asdict(report.reach),
            "leftToTheOperator": list(report.left),
        },
        "iss": issuer,
        "iat": int(report.at.timestamp()),
    }
    return key.sign({"typ": "vc+jwt", "cty": "vc", "kid": key.kid}, claims)


def is_report(jwt: str) -> bool:
    """Whether this calls itself the report of an erasure; nothing of it is checked."""
    try:
        return parse(jwt.strip(), max_bytes=MAX_BYTES).claims.get("type") == _TYPES
    except SignatureInvalid:
        return False


def verify_report(jwt: str, jwks: Sequence[Mapping[str, object]], now: datetime) -> Mapping[str, Any]:
    """What a report says, once its signature, type, issuer and date are checked; pure, so it works offline.

    Raises ``ReceiptInvalid`` whose detail begins with the number of the check that failed, as for a receipt.
    """
    claims = check_signed(jwt.strip(), jwks).claims
    subject = claims.get("credentialSubject")
    if claims.get("type") != _TYPES or claims.get("iss") != claims.get("issuer"):
        raise ReceiptInvalid("3: the types or the issuer are not those of a report of an erasure")
    if not isinstance(subject, dict) or subject.get("dpv:hasRight") != "eu-gdpr:A17":
        raise ReceiptInvalid("3: it is not about the right to erasure")
    check_dates(claims, now)
    return claims
