"""May land: where in a pod something of the person's own may still arrive after a withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solidgate.consent.stored import StoredConsent
from solidgate.flow import receipt
from solidgate.flow.reclaim import note_of
from solidgate.flow.world import World
from solidgate.run.delivery import DeliveryRow, DeliveryState

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


async def addresses(
    world: World, tx: Transaction, stored: StoredConsent, rows: Sequence[DeliveryRow]
) -> tuple[str, ...]:
    """The copies of the newest receipt and the notes that no pod was seen to have; for while a row stands.

    Results and what leads to them are told of by their own state.
    """
    record = stored.record
    newest = await tx.receipts.newest(stored.person_id, record.consent_id)
    copies: tuple[str, ...] = ()
    if newest.pod_url is None:
        request, _ = await tx.requests.one(record.request_id, stored.person_id)
        copies = receipt.places(world, request, record.consent_id, newest.sequence)
    unseen = [row for row in rows if row.state is DeliveryState.WRITTEN and row.noted is None]
    return (*copies, *(note_of(row.delivery.target) for row in unseen))
