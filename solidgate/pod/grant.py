"""What we ask of a pod's owner, and what an answer leaves of it: every check of a grant, in order."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from solidgate.errors import AccessGrantEnded, AccessGrantInvalid
from solidgate.pod.container import is_container
from solidgate.pod.credential import (
    CREDENTIALS,
    AccessCredential,
    AccessMode,
    CredentialKind,
    read_credential,
)
from solidgate.pod.origin import same_origin

LARGEST_LIST = 1024 * 1024
_SKEW = timedelta(minutes=5)
_REQUESTED = "https://w3id.org/GConsent#ConsentStatusRequested"
_TO_STANDARD = str.maketrans("-_", "+/")
_ACL = "http://www.w3.org/ns/auth/acl#"


@dataclass(frozen=True, slots=True)
class AskedAccess:
    """One access request: these modes on these resources, for one agent, from their owner, until then.

    ``inherit`` is true only where members are meant: the result container. Addresses are those that the
    server calls canonical.
    """

    requestor: str
    owner: str
    modes: frozenset[AccessMode]
    resources: tuple[str, ...]
    purposes: tuple[str, ...]
    inherit: bool
    until: datetime | None

    def __repr__(self) -> str:
        return f"AskedAccess({len(self.resources)} resources)"


@dataclass(frozen=True, slots=True)
class Grant:
    """What the owner gave, within what was asked; ``document`` is the credential that proves it."""

    id: str
    issuer: str
    modes: frozenset[AccessMode]
    resources: tuple[str, ...]
    inherit: bool
    expires: datetime | None
    document: Mapping[str, Any] = field(repr=False)

    def covers(self, url: str, *modes: AccessMode) -> bool:
        """Whether the grant allows at least one of ``modes`` on ``url``."""
        if self.modes.isdisjoint(modes):
            return False
        return any(url == one or (self.inherit and _is_below(url, one)) for one in self.resources)

    def __repr__(self) -> str:
        return f"Grant({len(self.resources)} resources)"


def renamed(grant: Grant, names: Mapping[str, str]) -> Grant:
    """The grant with our addresses for its resources; ``names`` has the server's for each of ours."""
    ours = {theirs: url for url, theirs in names.items()}
    return replace(grant, resources=tuple(ours.get(one, one) for one in grant.resources))


def request_document(asked: AskedAccess, context: str, now: datetime) -> dict[str, Any]:
    """The body of ``POST /issue`` for an access request; ``context`` is the one that the issuer lists."""
    consent: dict[str, Any] = {
        "mode": [_ACL + mode.value for mode in sorted(asked.modes)],
        "hasStatus": _REQUESTED,
        "isConsentForDataSubject": asked.owner,
        "forPersonalData": list(asked.resources),
        "forPurpose": list(asked.purposes),
        "inherit": asked.inherit,
    }
    credential: dict[str, Any] = {
        "@context": [CREDENTIALS, context],
        "type": ["SolidAccessRequest"],
        "issuanceDate": _written(now),
        "credentialSubject": {"hasConsent": consent},
    }
    if asked.until is not None:
        credential["expirationDate"] = _written(asked.until)
    return {"credential": credential}


def check_request(document: Mapping[str, Any], asked: AskedAccess, issuer: str) -> str:
    """The id of the request that the issuer made, once it says what was asked and nothing else."""
    found = read_credential(document)
    if found.kind is not CredentialKind.REQUEST:
        raise AccessGrantInvalid("the issuer made something else than a request")
    _check_issuer(found, issuer)
    if (found.requestor, found.owner) != (asked.requestor, asked.owner):
        raise AccessGrantInvalid("the issuer made a request of or to somebody else")
    same = (found.modes, set(found.resources)) == (asked.modes, set(asked.resources))
    if not same or (found.inherit and not asked.inherit):
        raise AccessGrantInvalid("the issuer made a request for something else")
    _check_purposes(found, asked)
    return found.id


def check_answer(
    document: Mapping[str, Any], asked: AskedAccess, request_id: str, issuer: str, now: datetime
) -> Grant | None:
    """The grant that answers this request; none for a denial that does. Whether the signature holds, and
    whether it was revoked, is the issuer's to say.

    Raises ``AccessGrantInvalid`` for the first check that fails, ``AccessGrantEnded`` past its end.
    """
    found = read_credential(document)
    # 1. an answer, made by the service that signed our request
    if found.kind is CredentialKind.REQUEST:
        raise AccessGrantInvalid("it is a request, not an answer")
    _check_issuer(found, issuer)
    # 2. between us and the person who is asked
    if found.requestor != asked.requestor:
        raise AccessGrantInvalid("it is for somebody else")
    if found.owner != asked.owner:
        raise AccessGrantInvalid("it is of somebody else")
    # 3. to this request
    if found.request != request_id:
        raise AccessGrantInvalid("it answers another request")
    # 4. in force
    if found.issued > now + _SKEW:
        raise AccessGrantInvalid("it was issued in the future")
    if found.kind is CredentialKind.DENIAL:
        return None
    if found.expires is not None and found.expires <= now:
        raise AccessGrantEnded()
    # 5. for what was asked: with other purposes it answers another question
    _check_purposes(found, asked)
    # 6. within what was asked; less is the owner's right
    _check_within(found, asked)
    return Grant(
        found.id, found.issuer, found.modes, found.resources, found.inherit, found.expires, found.document
    )


def _check_issuer(found: AccessCredential, issuer: str) -> None:
    if found.issuer.rstrip("/") != issuer.rstrip("/") or not same_origin(found.id, issuer):
        raise AccessGrantInvalid("another service issued it")
    if found.revocation is not None and not same_origin(found.revocation.list_url, issuer):
        raise AccessGrantInvalid("its revocations are published elsewhere")


def _check_purposes(found: AccessCredential, asked: AskedAccess) -> None:
    if set(found.purposes) != set(asked.purposes):
        raise AccessGrantInvalid("its purposes are not those that were asked")


def _check_within(found: AccessCredential, asked: AskedAccess) -> None:
    if not found.modes <= asked.modes:
        raise AccessGrantInvalid("it gives modes that were not asked for")
    if not set(found.resources) <= set(asked.resources):
        raise AccessGrantInvalid("it gives resources that were not asked for")
    # A document has no members, so inherit adds nothing to it; on a container it would.
    if found.inherit and not asked.inherit and any(is_container(one) for one in found.resources):
        raise AccessGrantInvalid("it reaches further down than was asked")
    if not found.modes or not found.resources:
        raise AccessGrantInvalid("it gives nothing")


def is_revoked(encoded_list: str, index: int) -> bool:
    """Whether the bit of a RevocationList2020 is set: base64 of a gzip of bits, the first bit highest.

    Raises ``AccessGrantInvalid`` for what is no such list, or is larger than 1 MiB.
    """
    plain = encoded_list.translate(_TO_STANDARD).rstrip("=")
    try:
        packed = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as broken:
        raise AccessGrantInvalid("the revocation list is not base64") from broken
    bits = _unpacked(packed)
    if index >= len(bits) * 8:
        raise AccessGrantInvalid("the revocation list is too short")
    return bool(bits[index // 8] >> (7 - index % 8) & 1)


def _unpacked(packed: bytes) -> bytes:
    """Both gzip and zlib headers are met; never more than the limit is unpacked."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        bits = unpacker.decompress(packed, LARGEST_LIST)
    except zlib.error as broken:
        raise AccessGrantInvalid("the revocation list does not unpack") from broken
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise AccessGrantInvalid(f"the revocation list is longer than {LARGEST_LIST} bytes, or cut off")
    return bits


def _is_below(url: str, container: str) -> bool:
    return is_container(container) and url.startswith(container) and not {"..", "."} & set(url.split("/"))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
