"""Signed receipts, and where their copies stand in people's pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import receipts
from solidgate.adapters.sql.together import Executes
from solidgate.consent.stored import StoredReceipt
from solidgate.errors import ConsentNotFound

_PUT = sa.insert(receipts)


@dataclass(frozen=True, slots=True)
class Receipts:
    """The receipts of one transaction."""

    connection: Executes
    people: People

    async def put(self, person_id: str, tokens: Sequence[tuple[str, int, str]]) -> None:
        """Keep the signed receipts of events: (consent, sequence, token)."""
        rows = [
            {
                "consent_id": consent_id,
                "sequence": sequence,
                "receipt_sealed": await self.people.seal(
                    person_id, token.encode(), f"receipt:{consent_id}:{sequence}"
                ),
            }
            for consent_id, sequence, token in tokens
        ]
        await self.connection.execute(_PUT, rows)

    async def pushed(
        self, person_id: str, consent_id: str, sequence: int, pod_url: str | None, problem: str | None
    ) -> None:
        """Remember where the copy stands in the pod, or why it does not."""
        context = f"receipt-url:{consent_id}:{sequence}"
        sealed = None if pod_url is None else await self.people.seal(person_id, pod_url.encode(), context)
        await self.connection.execute(
            sa.update(receipts)
            .where(receipts.c.consent_id == consent_id, receipts.c.sequence == sequence)
            .values(pod_url_sealed=sealed, problem=problem)
        )

    async def newest(self, person_id: str, consent_id: str) -> StoredReceipt:
        """The newest receipt. Raises ``ConsentNotFound`` when there is none."""
        query = (
            sa.select(receipts)
            .where(receipts.c.consent_id == consent_id)
            .order_by(receipts.c.sequence.desc())
            .limit(1)
        )
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise ConsentNotFound()
        return await stored_receipt(self.people, person_id, row)


async def stored_receipt(people: People, person_id: str, row: sa.Row[Any]) -> StoredReceipt:
    """A row of ``receipts``, opened."""
    key = f"{row.consent_id}:{row.sequence}"
    token = (await people.unseal(person_id, row.receipt_sealed, f"receipt:{key}")).decode()
    url = None
    if row.pod_url_sealed is not None:
        url = (await people.unseal(person_id, row.pod_url_sealed, f"receipt-url:{key}")).decode()
    return StoredReceipt(row.sequence, token, url, row.problem)
