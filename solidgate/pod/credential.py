"""Access requests, grants and denials as Enterprise Solid Server writes them: credentials, read strictly.

Servers and clients spell the same thing in many ways: a value or a list of one, a short name, a prefix or a
whole address, ``true`` or ``"true"``. All are JSON-LD under a few contexts whose terms are fixed, so a
credential with another context is refused and the terms are told apart by name here, with no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from solidgate.errors import AccessGrantInvalid

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
_NAMESPACES = (
    "https://www.w3.org/2018/credentials#",
    "https://w3id.org/GConsent#",
    "http://www.w3.org/ns/solid/vc#",
    "http://www.w3.org/ns/auth/acl#",
    "http://www.w3.org/ns/solid/terms#",
    "https://w3id.org/vc-revocation-list-2020#",
)
_PREFIXES = ("vc:", "gc:", "acl:", "cred:", "solid:")
_MOST_VALUES = 4096
_ADDRESS = re.compile(r"https?://[^\s<>\"{}|\\^`]{1,2000}")
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
    issuer = _iri(_one(document, "issuer"), "issuer")
    _check_contexts(document, issuer)
    kind = _kind(document)
    subject = _object(_one(document, "credentialSubject"), "credentialSubject")
    asks = kind is CredentialKind.REQUEST
    consent = _object(_one(subject, "hasConsent" if asks else "providedConsent"), "the consent")
    person = _iri(_one(subject, "id"), "the subject")
    other = _iri(_one(consent, "isConsentForDataSubject"), "owner") if asks else _requestor(consent)
    return AccessCredential(
        id=_iri(_one(document, "id"), "id"),
        kind=kind,
        issuer=issuer,
        owner=other if asks else person,
        requestor=person if asks else other,
        modes=_modes(consent),
        resources=tuple(_iri(one, "a resource") for one in _values(consent, "forPersonalData")),
        purposes=tuple(_iri(one, "a purpose") for one in _values(consent, "forPurpose")),
        inherit=_inherit(consent),
        issued=_time(_one(document, "issuanceDate"), "issuanceDate"),
        expires=_optional_time(document, "expirationDate"),
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
    types = {_short(one) for one in _values(document, "type") if isinstance(one, str)}
    kinds = [kind for kind in CredentialKind if kind.value in types]
    if len(kinds) != 1:
        raise AccessGrantInvalid("its type is not one of request, grant and denial")
    return kinds[0]


def _requestor(consent: Mapping[str, Any]) -> str:
    found = {_iri(one, "requestor") for name in _TO for one in _values(consent, name)}
    if len(found) != 1:
        raise AccessGrantInvalid("not exactly one that it is for")
    return found.pop()


def _request(consent: Mapping[str, Any]) -> str | None:
    found = {
        _iri(one, "request") for name in ("verifiedRequest", "request") for one in _values(consent, name)
    }
    if len(found) > 1:
        raise AccessGrantInvalid("it answers two requests")
    return found.pop() if found else None


def _modes(consent: Mapping[str, Any]) -> frozenset[AccessMode]:
    try:
        return frozenset(AccessMode(_short(_text(one, "mode"))) for one in _values(consent, "mode"))
    except ValueError as unknown:
        raise AccessGrantInvalid("a mode of access that is not known") from unknown


def _inherit(consent: Mapping[str, Any]) -> bool:
    said = {str(_plain(one)).lower() for one in _values(consent, "inherit")}
    if not said <= {"true", "false"} or len(said) > 1:
        raise AccessGrantInvalid("inherit is neither true nor false")
    return said != {"false"}


def _revocation(document: Mapping[str, Any]) -> RevocationEntry | None:
    found = _values(document, "credentialStatus")
    if not found:
        return None
    status = _object(_one(document, "credentialStatus"), "credentialStatus")
    if _short(_text(_one(status, "type"), "type")) != "RevocationList2020Status":
        raise AccessGrantInvalid("its revocation is published in a way that is not known")
    index = str(_plain(_one(status, "revocationListIndex")))
    if not re.fullmatch(r"[0-9]{1,9}", index):
        raise AccessGrantInvalid("revocationListIndex is not a number")
    return RevocationEntry(_iri(_one(status, "revocationListCredential"), "revocation list"), int(index))


# --- JSON-LD by name ----------------------------------------------------------------------------------


def _short(name: str) -> str:
    """The local name of a term, whichever way it is spelled; any other name is left as it is."""
    for start in (*_NAMESPACES, *_PREFIXES):
        if name.startswith(start):
            return name[len(start) :]
    return name


def _values(node: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """All values of a property, under each of its spellings."""
    aliases = {"id": ("id", "@id"), "type": ("type", "@type")}.get(name)
    found: list[Any] = []
    for key, value in node.items():
        if key in aliases if aliases else _short(key) == name:
            found += value if isinstance(value, list) else [value]
    if len(found) > _MOST_VALUES:
        raise AccessGrantInvalid(f"more than {_MOST_VALUES} values of {name}")
    return tuple(found)


def _one(node: Mapping[str, Any], name: str) -> Any:
    found = _values(node, name)
    if len(found) != 1:
        raise AccessGrantInvalid(f"not exactly one {name}")
    return found[0]


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise AccessGrantInvalid(f"{what} is not an object")
    return value


def _plain(value: Any) -> Any:
    """The value of a node or of a literal that is written out."""
    if isinstance(value, dict):
        return next((value[key] for key in ("@value", "@id", "id") if key in value), None)
    return value


def _text(value: Any, what: str) -> str:
    found = _plain(value)
    if not isinstance(found, str):
        raise AccessGrantInvalid(f"{what} is not text")
    return found


def _iri(value: Any, what: str) -> str:
    found = _text(value, what)
    if not _ADDRESS.fullmatch(found):
        raise AccessGrantInvalid(f"{what} is not a web address")
    return found


def _time(value: Any, what: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value, what))
    except ValueError as broken:
        raise AccessGrantInvalid(f"{what} is not a time") from broken
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _optional_time(document: Mapping[str, Any], name: str) -> datetime | None:
    found: Iterable[Any] = _values(document, name)
    return _time(_one(document, name), name) if found else None
