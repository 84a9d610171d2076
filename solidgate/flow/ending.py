"""Ending a consent by somebody other than its person: the same steps, whoever it is and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.stored import StoredConsent
from solidgate.errors import Refused
from solidgate.flow import cancel_access, receipt, watching
from solidgate.flow.finish import STOP_CHANNEL, finish
from solidgate.flow.world import World
from solidgate.space.agreement import Agreement

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ends: the event for a record, what stopped parts are told, and the words of the audit."""

    event: Callable[[ConsentRecord, Agreement], ConsentEvent]
    refusal: type[Refused]
    action: Action
    actor: str
    receipt: bool = True


async def end_all(world: World, tx: Transaction, ending: Ending, stored: Sequence[StoredConsent]) -> None:
    """End consents whose rows are locked: event, epoch, parts stopped, results hidden, receipt, audit.

    The locks are taken in the order of every other writer (consents, parts, runs), so that nobody waits for
    us while we wait for them.
    """
    now = world.clock.now()
    removed = {}
    for one in stored:
        removed[one.record.consent_id] = await _end(world, tx, ending, one)
        await watching.leave(tx, one.record.consent_id)
        await cancel_access.leave(tx, one.record.consent_id)
    ids = [one.record.consent_id for one in stored]
    stopped = [part for one in ids for part in await tx.runs.stop_parts(one, now, ending.refusal.code)]
    for run_id in sorted({part.run_id for part in stopped}):
        await finish(world, tx, run_id)
    await tx.jobs.notify(STOP_CHANNEL, [f"*:{consent_id}" for consent_id in ids])
    await tx.trail.append(
        *(AuditEntry(ending.action, now, ending.actor, (one,), Outcome.DONE) for one in ids),
        *(entry for one in ids for entry in taken_out(one, now, removed[one])),
    )


def taken_out(consent_id: str, at: datetime, removed: int) -> tuple[AuditEntry, ...]:
    """The entry that a consent's result left the queries; none where ``removed`` says that none was there.

    The row that queries read is gone with it, so the trail alone tells it later.
    """
    entry = AuditEntry(Action.RESULT_UNPUBLISHED, at, "system", (consent_id,), Outcome.DONE)
    return (entry,) if removed else ()


async def _end(world: World, tx: Transaction, ending: Ending, stored: StoredConsent) -> int:
    """How many results left the queries."""
    agreement = await tx.spaces.agreement(stored.record.agreement_digest)
    event = ending.event(stored.record, agreement)
    record = with_event(stored.record, event)
    await tx.consents.end(stored, event)
    removed = await tx.results.unpublish(record.consent_id)
    if ending.receipt:
        await receipt.issue(world, tx, stored.person_id, agreement, record)
    return removed
