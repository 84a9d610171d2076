"""The audit trail: entries with a salted leaf, in the order in which they were committed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from solidgate.adapters.sql.codec import encode
from solidgate.adapters.sql.tables import audit
from solidgate.adapters.sql.together import Executes
from solidgate.audit.entry import AuditEntry, leaf_digest

_SALT_BYTES = 16
_APPEND = sa.insert(audit).inline()


@dataclass(frozen=True, slots=True)
class Trail:
    """Appends within the transaction of the effect, so that no effect stands without its entry."""

    connection: Executes

    async def append(self, *entries: AuditEntry) -> None:
        """Add entries, in one statement. The salt makes a leaf unlinkable once its entry is erased."""
        await self.connection.execute(_APPEND, [row_of(entry) for entry in entries])


def row_of(entry: AuditEntry) -> dict[str, object]:
    """An entry as kept, with a fresh salt."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return {
        "entry": encode(entry).decode(),
        "salt": salt,
        "leaf": leaf_digest(entry, salt),
        "at": entry.at,
    }
