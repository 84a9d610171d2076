"""The bare work of an accept: its statements with values that are ready, one signature, and nothing else.

The statements go the same way as those of an accept, in as few round trips; they write into tables of the
same columns and indexes. It leaves out everything that is decided, read, rendered, sealed or checked.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from solidgate.adapters.sql import answers
from solidgate.adapters.sql.exchange import exchange

_COPIES = ("consents", "consent_events", "audit", "receipts")
_WRITES = """
WITH one AS (
    INSERT INTO bare_consents (consent_id, request_id, person_id, space_id, purpose, agreement_digest, epoch,
        status, until, record_sealed, created)
    VALUES (%(consent)s, %(request_id)s, %(person_id)s, 'bench', 'advice', %(shown)s, 0, 'given', %(now)s,
        %(record)s, %(now)s)
), two AS (
    INSERT INTO bare_consent_events (consent_id, sequence, event_sealed, at)
    VALUES (%(consent)s, 1, %(event)s, %(now)s), (%(consent)s, 2, %(event)s, %(now)s)
), three AS (
    INSERT INTO bare_audit (entry, salt, leaf, at) VALUES (%(entry)s, %(salt)s, %(leaf)s, %(now)s)
)
UPDATE requests SET answered = %(now)s WHERE request_id = %(request_id)s
"""
_RECEIPT = """
INSERT INTO bare_receipts (consent_id, sequence, receipt_sealed) VALUES (%(consent)s, 2, %(receipt)s)
"""


async def prepare(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """Tables like those of an accept."""
    for name in _COPIES:
        await connection.execute(f"CREATE TABLE bare_{name} (LIKE {name} INCLUDING ALL)")
    await connection.commit()


class Ready:
    """What one accept would have to make, made before it is measured."""

    def __init__(self, person_id: str, request_id: str, shown: str, receipt_bytes: int) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.receipt = secrets.token_bytes(receipt_bytes)
        self.own = {"person_id": person_id, "request_id": request_id, "shown": shown}
        self.written = {
            **self.own,
            "consent": uuid.uuid4().hex,
            "now": datetime.now(UTC),
            "record": secrets.token_bytes(1065),
            "event": secrets.token_bytes(200),
            "entry": '{"told": "' + "x" * 295 + '"}',
            "salt": secrets.token_bytes(16),
            "leaf": secrets.token_bytes(32),
        }

    async def write(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        """Lock and read, sign, write and commit."""
        await exchange(connection, (answers.LOCKED, self.own), (answers.NEWEST, self.own))
        self.key.sign(self.receipt)
        receipt = {"consent": self.written["consent"], "receipt": self.receipt}
        await exchange(connection, (_WRITES, self.written), (_RECEIPT, receipt), commit=True)
