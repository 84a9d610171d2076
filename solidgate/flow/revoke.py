"""Revoke: consents that a changed agreement, a closed space or a recalled program leaves without ground.

The change itself is one transaction, which also defers the job that revokes; the caller then revokes at once.
So a crash in between costs time only, and the job finds nothing left to do when there was none.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action
from solidgate.consent.record import ConsentEvent, ConsentRecord, Reason
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentRevoked
from solidgate.flow.ending import Ending, end_all
from solidgate.flow.world import World
from solidgate.space.agreement import Agreement, controller

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

REVOKE_TASK = "solidgate.revoke"
BATCH = 100


async def promise(
    world: World, tx: Transaction, space_id: str, reason: Reason, *, digest: str | None = None
) -> None:
    """Make sure, in the transaction of the change, that the consents will be revoked."""
    payload = {"space_id": space_id, "reason": reason.value, "digest": digest}
    await tx.jobs.defer(REVOKE_TASK, payload | {"before": world.clock.now().isoformat()})


async def revoke(
    world: World,
    space_id: str,
    reason: Reason,
    *,
    digest: str | None = None,
    before: datetime | None = None,
) -> int:
    """Revoke every consent of the space that the reason reaches; how many.

    ``TERMS_CHANGED`` spares those under the agreement that holds now; ``digest`` names the one agreement
    whose consents are meant; none given after ``before`` is touched. Runs are stopped, derived data leaves
    all queries. The doors are the persons' own to close: they are closed at their next login.
    """
    before, revoked = before or world.clock.now(), 0
    while count := await _batch(world, space_id, reason, digest, before):
        revoked += count
    return revoked


async def _batch(world: World, space_id: str, reason: Reason, digest: str | None, before: datetime) -> int:
    async with world.store.transaction() as tx:
        space = await tx.spaces.one(space_id)
        keep = space.agreement_digest if reason is Reason.TERMS_CHANGED else None
        found = await tx.consents.revocable(space_id, before, BATCH, digest=digest, keep=keep)
        locked = [await tx.consents.one(consent_id, lock="update") for consent_id in found]
        # Somebody may have withdrawn while we waited for the row: what has ended stays as it ended.
        held = [one for one in locked if one.record.latest.status.valid_for_processing]
        if held:
            await end_all(world, tx, ending(world, reason), held)
    return len(found)


def ending(world: World, reason: Reason) -> Ending:
    """How the organisation's own change ends a consent."""

    def event(record: ConsentRecord, agreement: Agreement) -> ConsentEvent:
        before = record.latest
        at = max(world.clock.now(), before.at)
        who = controller(agreement).webid
        return ConsentEvent(before.sequence + 1, ConsentStatus.REVOKED, at, who, reason=reason)

    return Ending(event, ConsentRevoked, Action.CONSENT_REVOKED, "controller")
