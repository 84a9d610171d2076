"""What stands beside the consents of one person: one statement for each kind, however many consents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.codec import decode
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.receipts import stored_receipt
from solidgate.adapters.sql.results import delivery_row
from solidgate.adapters.sql.runs import step_row
from solidgate.adapters.sql.tables import deliveries, doors, receipts, steps
from solidgate.consent.stored import StoredDoor, StoredReceipt
from solidgate.pod.access_request import RequestedAccess
from solidgate.pod.door import DoorState
from solidgate.run.delivery import DeliveryRow
from solidgate.run.state import StepRow


@dataclass(frozen=True, slots=True)
class Beside:
    """For a page of consents in one transaction. A consent of which nothing is known is no key."""

    connection: AsyncConnection
    people: People

    async def doors(
        self, person_id: str, consent_ids: Sequence[str]
    ) -> Mapping[str, tuple[StoredDoor, RequestedAccess | None]]:
        """Each door as last read back; with what was asked at the pod, where its owner opens by grants."""
        found = {}
        for row in await self.connection.execute(sa.select(doors).where(doors.c.consent_id.in_(consent_ids))):
            access, context = None, f"door:{row.consent_id}"
            if row.access_sealed is not None:
                content = await self.people.unseal(person_id, row.access_sealed, context)
                access = decode(RequestedAccess, content)
            found[row.consent_id] = StoredDoor(DoorState(row.state), row.problem), access
        return found

    async def receipts(self, person_id: str, consent_ids: Sequence[str]) -> Mapping[str, StoredReceipt]:
        """The newest receipt of each."""
        query = (
            sa.select(receipts)
            .ext(distinct_on(receipts.c.consent_id))
            .where(receipts.c.consent_id.in_(consent_ids))
            .order_by(receipts.c.consent_id, receipts.c.sequence.desc())
        )
        rows = (await self.connection.execute(query)).all()
        return {row.consent_id: await stored_receipt(self.people, person_id, row) for row in rows}

    async def deliveries(
        self, person_id: str, consent_ids: Sequence[str]
    ) -> Mapping[str, Sequence[DeliveryRow]]:
        """The deliveries of each, oldest first."""
        query = (
            sa.select(deliveries)
            .where(deliveries.c.consent_id.in_(consent_ids))
            .order_by(deliveries.c.planned)
        )
        found: dict[str, list[DeliveryRow]] = {}
        for row in (await self.connection.execute(query)).all():
            made = await delivery_row(self.people, person_id, row)
            found.setdefault(row.consent_id, []).append(made)
        return found

    async def steps(self, consent_ids: Sequence[str]) -> Mapping[str, Sequence[StepRow]]:
        """Every move of the parts of each, in their order."""
        query = sa.select(steps).where(steps.c.consent_id.in_(consent_ids)).order_by(steps.c.sequence)
        found: dict[str, list[StepRow]] = {}
        for row in await self.connection.execute(query):
            found.setdefault(row.consent_id, []).append(step_row(row))
        return found
