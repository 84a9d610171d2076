"""The credentials of one issuer: requests, grants and denials, really signed, with their revocation list."""

from __future__ import annotations

import base64
import gzip
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from solidgate.testing.ess import jsonld, proofs
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.consents import Asked
from solidgate.testing.ess.ground import Ground
from solidgate.testing.ess.statements import Statement, bent, moment, unsigned

LIST_BITS = 131_072


@dataclass(slots=True)
class Held:
    """One credential as the issuer keeps it."""

    id: str
    statement: Statement
    document: Mapping[str, Any]
    index: int
    revoked: datetime | None = None

    @property
    def kind(self) -> str:
        """``request``, ``grant`` or ``denial``."""
        return self.statement.kind

    @property
    def creator(self) -> str:
        """The subject: whoever asks, or whose resources it is about."""
        return self.statement.creator

    @property
    def asked(self) -> Asked:
        """What is asked, granted or denied, and to whom."""
        return self.statement.asked

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
    list_name: str = field(default_factory=lambda: secrets.token_hex(2))
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

    def issue(self, statement: Statement) -> Held:
        """A new credential, bent by the behaviours."""
        odd, index = self.ground.odd, next(self._indexes)
        identifier = f"{self.origin}/vc/{secrets.token_hex(4)}-{secrets.token_hex(8)}"
        said = bent(statement, odd, self.ground.origins)
        document = unsigned(said, self.origin, odd, identifier, self._status(index))
        held = Held(identifier, said, self._sign(document), index)
        self._held[identifier] = held
        return held

    def revoke(self, held: Held) -> None:
        """It is no longer good; for a request: it is cancelled."""
        held.revoked = held.revoked or self.ground.now()

    def is_revoked(self, identifier: str) -> bool:
        """Whether the credential of that address was revoked; one that is not ours counts as revoked."""
        held = self.get(identifier)
        return held is None or held.revoked is not None

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

    def _sign(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document with a proof of ours; 216: of a stranger's."""
        odd = self.ground.odd
        key = Ed25519PrivateKey.generate() if odd.strikes(Odd.FORGED_PROOF) else self.key
        bare = odd.strikes(Odd.BARE_PROOF_VALUE) is not None
        whole = proofs.signed(document, key, self.method, moment(self.ground.now()), bare=bare)
        if odd.strikes(Odd.LONG_PROOF_VALUE):
            whole["proof"][proofs.LONG_PROOF_VALUE] = whole["proof"].pop("proofValue")
        return whole

    def _status(self, index: int) -> dict[str, str]:
        return {
            "id": f"{self.list_url}#{index}",
            "revocationListCredential": self.list_url,
            "revocationListIndex": str(index),
            "type": "RevocationList2020Status",
        }


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
