"""Retain: results are kept as long as their agreement says, and then deleted.

What was written to a pod is the person's own and stays theirs; what is deleted is everything that the gate
kept of it: the graphs that queries see, the copies of what was written, the released results about groups.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.duration import after
from solidgate.flow.ending import taken_out
from solidgate.flow.world import World
from solidgate.run.delivery import Kept

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

BATCH = 200

_Look = Callable[["Transaction", str], Awaitable[tuple[Kept, ...]]]
_Drop = Callable[["Transaction", Kept, World], Awaitable[None]]


async def delete_old(world: World) -> int:
    """Delete what is kept past the retention of its agreement; how much was."""
    async with world.store.transaction() as tx:
        agreements = await tx.retention.agreements()
    return sum([await _delete(world, digest) for digest in agreements])


async def _delete(world: World, agreement_digest: str) -> int:
    return sum([await _kind(world, agreement_digest, look, drop) for look, drop in _KINDS])


async def _kind(world: World, agreement_digest: str, look: _Look, drop: _Drop) -> int:
    """One kind in one transaction; what is left over a batch comes with the next turn."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        agreement = await tx.spaces.agreement(agreement_digest)
        found = await look(tx, agreement_digest)
        past = [kept for kept in found if after(kept.since, agreement.retention) <= now]
        # One that does not open holds up none of the others.
        return sum([await tx.apart(partial(_drop, world, tx, kept, drop)) for kept in past])


async def _drop(world: World, tx: Transaction, kept: Kept, drop: _Drop) -> None:
    await drop(tx, kept, world)
    await tx.trail.append(_entry(kept, world))


async def _take_out(tx: Transaction, kept: Kept, world: World) -> None:
    await tx.retention.drop_derived(kept)
    await tx.trail.append(*taken_out(kept.consent_id, world.clock.now(), 1))


def _entry(kept: Kept, world: World) -> AuditEntry:
    action = Action.RESULT_DELETED if kept.consent_id else Action.AGGREGATE_DELETED
    objects = tuple(name for name in (kept.run_id, kept.consent_id) if name)
    return AuditEntry(action, world.clock.now(), "system", objects, Outcome.DONE)


_KINDS: tuple[tuple[_Look, _Drop], ...] = (
    (
        lambda tx, digest: tx.retention.derived(digest, BATCH),
        _take_out,
    ),
    (
        lambda tx, digest: tx.retention.deliveries(digest, BATCH),
        lambda tx, kept, world: tx.retention.empty_delivery(kept, world.clock.now()),
    ),
    (
        lambda tx, digest: tx.retention.aggregates(digest, BATCH),
        lambda tx, kept, _: tx.retention.drop_aggregate(kept),
    ),
)
