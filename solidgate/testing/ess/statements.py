"""What a credential says before it is signed; the behaviours that change what is said are applied here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from solidgate.testing.ess import jsonld
from solidgate.testing.ess.behaviours import Odd, Oddities
from solidgate.testing.ess.consents import MODES, Asked, listed, written
from solidgate.testing.ess.ground import Origins

TYPES = {"request": "SolidAccessRequest", "grant": "SolidAccessGrant", "denial": "SolidAccessDenial"}
STRANGER = "https://stranger.example/somebody"


@dataclass(frozen=True, slots=True)
class Statement:
    """One request, grant or denial: who says what to whom, from when to when."""

    kind: str
    creator: str
    asked: Asked
    issued: datetime
    expires: datetime | None = None
    inbox: str = ""


def bent(statement: Statement, odd: Oddities, origins: Origins) -> Statement:
    """An answer that is not what was asked for, as the behaviours say; a request stays as it is."""
    if statement.kind == "request":
        return statement
    asked = _bent_consent(statement.asked, odd, origins)
    if other := odd.strikes(Odd.OTHER_OWNER):
        statement = replace(statement, creator=other.text or STRANGER)
    day, issued = timedelta(days=1), statement.issued
    if odd.strikes(Odd.EXPIRED):
        statement = replace(statement, issued=issued - 2 * day, expires=issued - day)
    if odd.strikes(Odd.NOT_YET):
        statement = replace(statement, issued=issued + day)
    if odd.strikes(Odd.WITHOUT_EXPIRY):
        statement = replace(statement, expires=None)
    return replace(statement, asked=asked)


def _bent_consent(asked: Asked, odd: Oddities, origins: Origins) -> Asked:
    if other := odd.strikes(Odd.OTHER_REQUESTOR):
        asked = replace(asked, party=other.text or STRANGER)
    if other := odd.strikes(Odd.OTHER_REQUEST):
        asked = replace(asked, request=other.text or f"{origins.vc}/vc/another")
    if other := odd.strikes(Odd.OTHER_PURPOSE):
        asked = replace(asked, purposes=(other.text or "https://stranger.example/purpose",))
    if other := odd.strikes(Odd.WIDENED):
        more = other.text or f"{origins.storage}/"
        asked = replace(asked, modes=MODES, resources=(*asked.resources, more))
    return asked


def unsigned(
    statement: Statement, issuer: str, odd: Oddities, identifier: str, status: Mapping[str, str]
) -> dict[str, Any]:
    """The document without its proof; ``status`` is its place in the revocation list."""
    other = odd.strikes(Odd.OTHER_ISSUER)
    part = "hasConsent" if statement.kind == "request" else "providedConsent"
    inbox = {"inbox": statement.inbox} if statement.inbox else {}
    consent = written(statement.asked, statement.kind, odd)
    document = {
        "@context": contexts(issuer, odd),
        "id": identifier,
        "type": ["VerifiableCredential", _type(statement.kind, odd)],
        "issuer": (other.text or "https://vc.stranger.example") if other else issuer,
        "issuanceDate": moment(statement.issued),
        "credentialStatus": dict(status),
        "credentialSubject": {"id": statement.creator, **inbox, part: consent},
    }
    return document | ({"expirationDate": moment(statement.expires)} if statement.expires else {})


def contexts(issuer: str, odd: Oddities) -> list[str]:
    """What documents of this issuer name."""
    inrupt = jsonld.INRUPT_V1 if odd.strikes(Odd.OLD_CONTEXT) else jsonld.INRUPT_V2
    if odd.strikes(Odd.SELF_HOSTED_CONTEXT):
        inrupt = f"{issuer}/credentials/v1"
    return [jsonld.CREDENTIALS, jsonld.ED25519_2020, jsonld.REVOCATION_LIST_2020, inrupt]


def _type(kind: str, odd: Oddities) -> str:
    prefixed = kind == "denial" and odd.strikes(Odd.PREFIXED_DENIAL)
    return f"vc:{TYPES[kind]}" if prefixed else TYPES[kind]


def moment(when: datetime) -> str:
    """``2026-11-27T18:00:00.000Z``."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"


def kind_of(credential: Mapping[str, Any]) -> str | None:
    """Which of the three a client means: by its type, else by what it says of the consent."""
    types = {one.removeprefix("vc:") for one in listed(credential.get("type"))}
    named = [kind for kind, name in TYPES.items() if name in types]
    subject = credential.get("credentialSubject")
    if named or not isinstance(subject, Mapping):
        return named[0] if named else None
    if "hasConsent" in subject:
        return "request"
    consent = subject.get("providedConsent")
    if not isinstance(consent, Mapping):
        return None
    denied = str(consent.get("hasStatus", "")).endswith(("Denied", "Refused"))
    return "denial" if denied else "grant"
