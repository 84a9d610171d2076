"""One entry of the audit log: what happened, as ids and digests; never a value, an address or a WebID."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from solidgate.errors import InternalFault
from solidgate.space.canonical import canonical_text

SALT_BYTES = 16
_LEAF = b"\x00"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Action(StrEnum):
    """``source:subject:action``, past tense: who did it, to what, what was done.

    The words are stored for ever: add, never change.
    """

    SPACE_CREATED = "organisation:space:created"
    SPACE_CLOSED = "organisation:space:closed"
    AGREEMENT_PUBLISHED = "organisation:agreement:published"
    ALGORITHM_SUBMITTED = "organisation:algorithm:submitted"
    ALGORITHM_APPROVED = "organisation:algorithm:approved"
    ALGORITHM_REJECTED = "organisation:algorithm:rejected"
    INVITATION_MADE = "organisation:invitation:made"
    CONSENT_REQUESTED = "organisation:consent:requested"
    CONSENT_GIVEN = "person:consent:given"
    CONSENT_RENEWED = "person:consent:renewed"
    CONSENT_REFUSED = "person:consent:refused"
    CONSENT_DEFERRED = "person:consent:deferred"
    CONSENT_WITHDRAWN = "person:consent:withdrawn"
    CONSENT_REVOKED = "organisation:consent:revoked"
    CONSENT_EXPIRED = "system:consent:expired"
    CONSENT_INVALIDATED = "organisation:consent:invalidated"
    DOOR_OPENED = "person:door:opened"
    DOOR_CLOSED = "person:door:closed"
    RUN_STARTED = "organisation:run:started"
    RUN_CANCELLED = "organisation:run:cancelled"
    RUN_ENDED = "enclave:run:ended"
    RESOURCES_PULLED = "enclave:resources:pulled"
    RESOURCES_COMPARED = "enclave:resources:compared"
    RESULT_WRITTEN = "enclave:result:written"
    RESULT_KEPT = "enclave:result:kept"
    RESULT_REFUSED = "enclave:result:refused"
    RESULT_REMOVED = "system:result:removed"
    RESULT_DELETED = "system:result:deleted"
    RESULT_UNPUBLISHED = "system:result:unpublished"
    AGGREGATE_RELEASED = "enclave:aggregate:released"
    AGGREGATE_REFUSED = "enclave:aggregate:refused"
    AGGREGATE_DELETED = "system:aggregate:deleted"
    QUERY_ADMITTED = "organisation:query:admitted"
    QUERY_REFUSED = "organisation:query:refused"
    ERASURE_DONE = "system:person:erased"


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that happened. ``actor`` is a role or a pseudonym; ``objects`` are ids, digests and codes.

    Raises ``InternalFault`` for a time that is not UTC, and for anything that could be an address, a WebID
    or a value: a fault of our own, found before the entry is kept.
    """

    action: Action
    at: datetime
    actor: str
    objects: tuple[str, ...]
    outcome: Outcome

    def __post_init__(self) -> None:
        if self.at.utcoffset() != timedelta(0):
            raise InternalFault("an audit entry needs a time in UTC")
        if not all(_NAME.fullmatch(name) for name in (self.actor, *self.objects)):
            raise InternalFault("an audit entry holds ids, digests and codes only")


def canonical(entry: AuditEntry) -> bytes:
    """The entry's RFC 8785 JSON: the bytes that a leaf commits to."""
    return canonical_text(
        {
            "action": entry.action.value,
            "actor": entry.actor,
            "at": entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "objects": list(entry.objects),
            "outcome": entry.outcome.value,
        }
    )


def leaf_digest(entry: AuditEntry, salt: bytes) -> bytes:
    """The leaf hash of RFC 9162 section 2.1.1 over salt and entry: 32 bytes.

    The salt (16 bytes or more, secret, one for each entry) lets an entry be erased: without it the leaf
    that stays in the tree can be linked to nothing. Raises ``InternalFault`` for a shorter salt.
    """
    if len(salt) < SALT_BYTES:
        raise InternalFault(f"an audit salt has at least {SALT_BYTES} bytes")
    # The salt's length is bound, so that no other salt and entry make the same bytes.
    return sha256(_LEAF + len(salt).to_bytes(2, "big") + salt + canonical(entry)).digest()
