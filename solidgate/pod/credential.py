"""Access requests, grants and denials as Enterprise Solid Server writes them: credentials, read strictly.

Servers and clients spell the same thing in many ways: a value or a list of one, a short name, a prefix or a
whole address, ``true`` or ``"true"``. All are JSON-LD under a few contexts whose terms are fixed, so a
credential with another context is refused and the terms are told apart by name here, with no network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from solidgate.errors import AccessGrantInvalid
from solidgate.pod.credential_names import (
    address_of,
    node,
    one_of,
    optional_time,
    plain_value,
    short_name,
    text_of,
    time_of,
    values_of,
)

CREDENTIALS = "https://www.w3.org/2018/credentials/v1"
INRUPT = (
    "https://schema.inrupt.com/credentials/v2.jsonld",
    "https://schema.inrupt.com/credentials/v1.jsonld",
)
_CONTEXTS = frozenset(
    {
        CREDENTIALS,
        *INRUPT,
        "https://w3id.org/security/suites/ed25519-2020/v1",
        "https://w3id.org/security/suites/jws-2020/v1",
        "https://w3id.org/security/data-integrity/v1",
        "https://w3id.org/vc-revocation-list-2020/v1",
        "https://w3id.org/vc/status-list/2021/v1",
    }
)
_SELF_HOSTED = "/credentials/v1"
_TO = ("isProvidedTo", "isProvidedToPerson", "isProvidedToController")


class CredentialKind(StrEnum):
    """What a credential says: somebody asks, the owner gives, the owner says no."""

    REQUEST = "SolidAccessRequest"
    GRANT = "SolidAccessGrant"
    DENIAL = "SolidAccessDenial"


class AccessMode(StrEnum):
    """What may be done with a resource."""

    READ = "Read"
    WRITE = "Write"
    APPEND = "Append"


@dataclass(frozen=True, slots=True)
class RevocationEntry:
    """Where the revocation of a credential shows (RevocationList2020): a bit in a published list."""

    list_url: str
    index: int


@dataclass(frozen=True, slots=True)
class AccessCredential:
    """One request, grant or denial. ``document`` is the credential as it came, for presenting it.

    ``request`` is the request that a grant or a denial answers. ``inherit`` is true when nothing is said:
    that is the servers' own reading since 2.1.
    """

    id: str
    kind: CredentialKind
    issuer: str
    owner: str
    requestor: str
    modes: frozenset[AccessMode]
    resources: tuple[str, ...]
    purposes: tuple[str, ...]
    inherit: bool
    issued: datetime
    expires: datetime | None
    request: str | None
    revocation: RevocationEntry | None
    document: Mapping[str, Any] = field(repr=False)

    def __repr__(self) -> str:
        return f"AccessCredential({self.kind.name})"


def read_credential(document: Mapping[str, Any]) -> AccessCredential:
    """The credential, or ``AccessGrantInvalid`` naming what is wrong with its form. Nothing is verified."""
    issuer = address_of(one_of(document, "issuer"), "issuer")
    _check_contexts(document, issuer)
    kind = _kind(document)
    subject = node(one_of(document, "credentialSubject"), "credentialSubject")
    asks = kind is CredentialKind.REQUEST
    consent = node(one_of(subject, "hasConsent" if asks else "providedConsent"), "the consent")
    person = address_of(one_of(subject, "id"), "the subject")
    other = address_of(one_of(consent, "isConsentForDataSubject"), "owner") if asks else _requestor(consent)
    return AccessCredential(
        id=address_of(one_of(document, "id"), "id"),
        kind=kind,
        issuer=issuer,
        owner=other if asks else person,
        requestor=person if asks else other,
        modes=_modes(consent),
        resources=tuple(address_of(one, "a resource") for one in values_of(consent, "forPersonalData")),
        purposes=tuple(address_of(one, "a purpose") for one in values_of(consent, "forPurpose")),
        inherit=_inherit(consent),
        issued=time_of(one_of(document, "issuanceDate"), "issuanceDate"),
        expires=optional_time(document, "expirationDate"),
        request=None if asks else _request(consent),
        revocation=_revocation(document),
        document=document,
    )


def _check_contexts(document: Mapping[str, Any], issuer: str) -> None:
    """With any other context the names below could mean anything."""
    found = document.get("@context", ())
    listed = found if isinstance(found, list) else [found]
    parts = urlsplit(issuer)
    own = f"{parts.scheme}://{parts.netloc}{_SELF_HOSTED}"
    if not listed or not all(isinstance(one, str) and one in {*_CONTEXTS, own} for one in listed):
        raise AccessGrantInvalid("a context that is not one of Enterprise Solid Server's")


def _kind(document: Mapping[str, Any]) -> CredentialKind:
    """By type and never by status: servers call a denial's status by two names."""
    types = {short_name(one) for one in values_of(document, "type") if isinstance(one, str)}
    kinds = [kind for kind in CredentialKind if kind.value in types]
    if len(kinds) != 1:
        raise AccessGrantInvalid("its type is not one of request, grant and denial")
    return kinds[0]


def _requestor(consent: Mapping[str, Any]) -> str:
    found = {address_of(one, "requestor") for name in _TO for one in values_of(consent, name)}
    if len(found) != 1:
        raise AccessGrantInvalid("not exactly one that it is for")
    return found.pop()


def _request(consent: Mapping[str, Any]) -> str | None:
    found = {
        address_of(one, "request")
        for name in ("verifiedRequest", "request")
        for one in values_of(consent, name)
    }
    if len(found) > 1:
        raise AccessGrantInvalid("it answers two requests")
    return found.pop() if found else None


def _modes(consent: Mapping[str, Any]) -> frozenset[AccessMode]:
    try:
        return frozenset(AccessMode(short_name(text_of(one, "mode"))) for one in values_of(consent, "mode"))
    except ValueError as unknown:
        raise AccessGrantInvalid("a mode of access that is not known") from unknown


def _inherit(consent: Mapping[str, Any]) -> bool:
    said = {str(plain_value(one)).lower() for one in values_of(consent, "inherit")}
    if not said <= {"true", "false"} or len(said) > 1:
        raise AccessGrantInvalid("inherit is neither true nor false")
    return said != {"false"}


def _revocation(document: Mapping[str, Any]) -> RevocationEntry | None:
    found = values_of(document, "credentialStatus")
    if not found:
        return None
    status = node(one_of(document, "credentialStatus"), "credentialStatus")
    if short_name(text_of(one_of(status, "type"), "type")) != "RevocationList2020Status":
        raise AccessGrantInvalid("its revocation is published in a way that is not known")
    index = str(plain_value(one_of(status, "revocationListIndex")))
    if not re.fullmatch(r"[0-9]{1,9}", index):
        raise AccessGrantInvalid("revocationListIndex is not a number")
    return RevocationEntry(
        address_of(one_of(status, "revocationListCredential"), "revocation list"), int(index)
    )
