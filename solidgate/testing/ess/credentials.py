"""The credentials of one issuer: requests, grants and denials, really signed, with their revocation list."""

from __future__ import annotations

import base64
import gzip
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from solidgate.testing.ess import jsonld, proofs
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.consents import Asked, listed, written
from solidgate.testing.ess.ground import Ground

TYPES = {"request": "SolidAccessRequest", "grant": "SolidAccessGrant", "denial": "SolidAccessDenial"}
LIST_BITS = 131_072
STRANGER = "https://stranger.example/somebody"


@dataclass(slots=True)
class Held:
    """One credential as the issuer keeps it; ``creator`` is its subject, ``party`` the other side."""

    id: str
    kind: str
    document: Mapping[str, Any]
    creator: str
    asked: Asked
    issued: datetime
    expires: datetime | None
    index: int
    revoked: datetime | None = None

    @property
    def requestor(self) -> str:
        """Who asked."""
        return self.creator if self.kind == "request" else self.asked.party

    @property
    def owner(self) -> str:
        """Whose resources it is about."""
        return self.asked.party if self.kind == "request" else self.creator


@dataclass(slots=True)
class Vault:
    """See the module; ``origin`` is the issuer, without a slash at its end."""

    ground: Ground
    origin: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    key_name: str = field(default_factory=lambda: secrets.token_hex(8))
    list_name: str = field(default_factory=lambda: secrets.token_urlsafe(3).replace("-", "a"))
    _held: dict[str, Held] = field(default_factory=dict)
    _indexes: count[int] = field(default_factory=lambda: count(secrets.randbelow(1000)))

    @property
    def method(self) -> str:
        """Where the public key stands."""
        return f"{self.origin}/key/{self.key_name}"

    @property
    def list_url(self) -> str:
        """Where the revocation list stands."""
        return f"{self.origin}/status/{self.list_name}"

    def get(self, identifier: str) -> Held | None:
        """The credential of that address."""
        return self._held.get(identifier)

    def all(self) -> list[Held]:
        """Every credential, the newest last."""
        return list(self._held.values())

    def answers_to(self, request: str) -> list[Held]:
        """The grants and denials that answer a request."""
        return [one for one in self.all() if one.kind != "request" and one.asked.request == request]

    def issue(
        self,
        kind: str,
        creator: str,
        asked: Asked,
        *,
        issued: datetime | None = None,
        expires: datetime | None = None,
        inbox: str = "",
    ) -> Held:
        """A new credential. Behaviours of the 2xx bend the answers to requests, and shapes of all three."""
        identifier = f"{self.origin}/vc/{secrets.token_hex(4)}-{secrets.token_hex(8)}"
        issued, index = issued or self.ground.now(), next(self._indexes)
        if kind != "request":
            creator, asked, issued, expires = self._bent(creator, asked, issued, expires)
        document = self._unsigned(kind, identifier, creator, asked, issued, expires, index, inbox)
        held = Held(identifier, kind, self.sign(document), creator, asked, issued, expires, index)
        self._held[identifier] = held
        return held

    def revoke(self, held: Held) -> None:
        """It is no longer good; for a request: it is cancelled."""
        held.revoked = held.revoked or self.ground.now()

    def is_revoked(self, identifier: str) -> bool:
        """Whether the credential of that address was revoked; one that is not ours counts as revoked."""
        held = self.get(identifier)
        return held is None or held.revoked is not None

    def sign(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document with a proof of ours; 216: of a stranger's."""
        forged = self.ground.odd.strikes(Odd.FORGED_PROOF)
        key = Ed25519PrivateKey.generate() if forged else self.key
        bare = bool(self.ground.odd.strikes(Odd.BARE_PROOF_VALUE))
        whole = proofs.signed(document, key, self.method, moment(self.ground.now()), bare=bare)
        if self.ground.odd.strikes(Odd.LONG_PROOF_VALUE):
            whole["proof"][proofs.LONG_PROOF_VALUE] = whole["proof"].pop("proofValue")
        return whole

    def errors(self, document: Mapping[str, Any]) -> list[str]:
        """What is wrong with a credential that somebody shows; empty: it is good."""
        found: list[str] = []
        now, issued = self.ground.now(), _time(document.get("issuanceDate"))
        expires = _time(document.get("expirationDate"))
        if issued is None or issued > now + timedelta(seconds=60):
            found.append("issuanceDate validation has failed: credential is not yet valid")
        if document.get("issuer") != self.origin or not proofs.holds(document, self.key.public_key()):
            found.append("proof validation has failed: the signature does not match the issuer's key")
        if "expirationDate" in document and (expires is None or expires <= now):
            found.append("expirationDate validation has failed: credential has expired")
        if self.is_revoked(str(document.get("id"))):
            found.append("credentialStatus validation has failed: credential has been revoked")
        return found

    def revocation_list(self) -> dict[str, Any]:
        """The list as a credential: one bit for each index, 1 is revoked (RevocationList2020)."""
        bits = bytearray(LIST_BITS // 8)
        for held in self.all():
            if held.revoked is not None or self.ground.odd.strikes(Odd.LIST_LIES):
                bits[held.index // 8] |= 0x80 >> held.index % 8
        encoded = base64.b64encode(gzip.compress(bytes(bits), mtime=0)).decode()
        document = {
            "@context": [jsonld.CREDENTIALS, jsonld.REVOCATION_LIST_2020, jsonld.ED25519_2020],
            "id": self.list_url,
            "type": ["VerifiableCredential", "RevocationList2020Credential"],
            "issuer": self.origin,
            "issuanceDate": moment(self.ground.now()),
            "credentialSubject": {
                "id": f"{self.list_url}#list",
                "type": "RevocationList2020",
                "encodedList": encoded,
            },
        }
        return proofs.signed(document, self.key, self.method, moment(self.ground.now()))

    def verification_key(self) -> dict[str, Any]:
        """The public key's document."""
        return {
            "@context": [jsonld.ED25519_2020],
            "id": self.method,
            "type": "Ed25519VerificationKey2020",
            "controller": self.origin,
            "publicKeyMultibase": proofs.public_multibase(self.key.public_key()),
        }

    # --- making one --------------------------------------------------------------------------------------

    def _bent(
        self, creator: str, asked: Asked, issued: datetime, expires: datetime | None
    ) -> tuple[str, Asked, datetime, datetime | None]:
        """An answer that is not what was asked for, as the behaviours say."""
        odd = self.ground.odd
        if other := odd.strikes(Odd.OTHER_REQUESTOR):
            asked = replace(asked, party=other.text or STRANGER)
        if other := odd.strikes(Odd.OTHER_OWNER):
            creator = other.text or STRANGER
        if other := odd.strikes(Odd.OTHER_REQUEST):
            asked = replace(asked, request=other.text or f"{self.origin}/vc/another")
        if other := odd.strikes(Odd.OTHER_PURPOSE):
            asked = replace(asked, purposes=(other.text or "https://stranger.example/purpose",))
        if other := odd.strikes(Odd.WIDENED):
            more = other.text or f"{self.ground.origins.storage}/"
            asked = replace(asked, modes=("Read", "Write", "Append"), resources=(*asked.resources, more))
        if odd.strikes(Odd.EXPIRED):
            issued, expires = issued - timedelta(days=2), issued - timedelta(days=1)
        if odd.strikes(Odd.NOT_YET):
            issued = issued + timedelta(days=1)
        if odd.strikes(Odd.WITHOUT_EXPIRY):
            expires = None
        return creator, asked, issued, expires

    def _unsigned(
        self,
        kind: str,
        identifier: str,
        creator: str,
        asked: Asked,
        issued: datetime,
        expires: datetime | None,
        index: int,
        inbox: str,
    ) -> dict[str, Any]:
        odd = self.ground.odd
        other = odd.strikes(Odd.OTHER_ISSUER)
        consent = "hasConsent" if kind == "request" else "providedConsent"
        subject = {"id": creator, **({"inbox": inbox} if inbox else {}), consent: written(asked, kind, odd)}
        document = {
            "@context": self.contexts(),
            "id": identifier,
            "type": ["VerifiableCredential", self._type(kind)],
            "issuer": (other.text or "https://vc.stranger.example") if other else self.origin,
            "issuanceDate": moment(issued),
            "credentialStatus": self._status(index),
            "credentialSubject": subject,
        }
        return document | ({"expirationDate": moment(expires)} if expires else {})

    def contexts(self) -> list[str]:
        """What documents of this issuer name."""
        inrupt = jsonld.INRUPT_V1 if self.ground.odd.strikes(Odd.OLD_CONTEXT) else jsonld.INRUPT_V2
        if self.ground.odd.strikes(Odd.SELF_HOSTED_CONTEXT):
            inrupt = f"{self.origin}/credentials/v1"
        return [jsonld.CREDENTIALS, jsonld.ED25519_2020, jsonld.REVOCATION_LIST_2020, inrupt]

    def _type(self, kind: str) -> str:
        prefixed = kind == "denial" and self.ground.odd.strikes(Odd.PREFIXED_DENIAL)
        return f"vc:{TYPES[kind]}" if prefixed else TYPES[kind]

    def _status(self, index: int) -> dict[str, str]:
        return {
            "id": f"{self.list_url}#{index}",
            "revocationListCredential": self.list_url,
            "revocationListIndex": str(index),
            "type": "RevocationList2020Status",
        }


def moment(when: datetime) -> str:
    """``2026-11-27T18:00:00.000Z``."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


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
