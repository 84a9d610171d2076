"""Withdrawal: what one reached, as its person is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog

from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import StoredConsent, StoredDoor
from solidgate.errors import ConsentNotGiven, InternalFault, PodFault
from solidgate.flow import may_land
from solidgate.flow.in_time import in_time
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.door import DoorState
from solidgate.run.delivery import DeliveryRow, DeliveryState

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

_LISTED = 20
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A resource whose door is the person's to close, and its access control, if the pod names one."""

    resource: str
    access_control: str | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal reached. ``stopped`` counts parts of runs that were under way or queued.

    It and ``results_removed`` are what the withdrawal itself ended, however often it is asked for.

    ``in_doubt`` are the effects whose outcome is not known: ``results_in_doubt`` among them, and else our
    last changes, which say that it was withdrawn. ``unresolved`` are those in doubt for longer than
    ``consent.doubt_hours``. ``under_way`` says that something that had begun has not ended yet. ``results_*``
    are addresses in the person's pod: kept and marked as invalid, still to be removed as the person asked,
    removed, or no longer ours to touch.
    """

    consent_id: str
    at: datetime
    quiescent: bool
    in_doubt: tuple[str, ...]
    unresolved: tuple[str, ...]
    doubt_hours: int
    door: DoorState | None
    door_problem: str | None
    to_close: tuple[LeftOpen, ...]
    results_removed: int
    results_kept: tuple[str, ...]
    results_removed_from_pod: tuple[str, ...]
    results_disputed: tuple[str, ...]
    stopped: int
    receipt: str
    results_in_doubt: tuple[str, ...] = ()
    results_to_remove: tuple[str, ...] = ()
    under_way: bool = False

    @property
    def last_changes(self) -> tuple[str, ...]:
        """What else is in doubt: copies of the receipt, notes beside results, and what leads to them."""
        return tuple(url for url in self.in_doubt if url not in self.results_in_doubt)


class Counts(NamedTuple):
    """Results that left the queries, and parts of runs that stopped, with the withdrawal itself."""

    removed: int
    stopped: int


async def counted(tx: Transaction, consent_id: str) -> Counts:
    """What a withdrawal ended, as it was stored with it."""
    row = await tx.withdrawals.one(consent_id)
    return Counts(row.results_removed, row.stopped)


async def found(
    world: World, session: Session, consent_id: str
) -> tuple[StoredConsent, StoredDoor | None, Counts]:
    """Raises ``ConsentNotFound``, and ``ConsentNotGiven`` for a consent that was not withdrawn."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        if stored.record.latest.status is not ConsentStatus.WITHDRAWN:
            raise ConsentNotGiven("this consent was not withdrawn")
        return stored, await tx.doors.one(consent_id), await counted(tx, consent_id)


async def told(world: World, session: Session, consent_id: str, until: float) -> Withdrawal:
    """How it stands now; ``until``, by the loop's clock, a pod may be asked where its lists are.

    Raises as ``found``.
    """
    stored, _, counts = await found(world, session, consent_id)
    async with world.store.transaction() as tx:
        # First the leases, then the deliveries: a holder may record an outcome just before it gives back.
        leases = await tx.leases.open([consent_id])
        on_its_way = await tx.leases.announced(consent_id) or world.after.is_under_way(consent_id)
        seen = await tx.doors.one(consent_id)
        rows = await tx.results.of_consent(stored.person_id, consent_id)
        newest = await tx.receipts.newest(stored.person_id, consent_id)
        waiting = await tx.signposts.waiting(stored.person_id, consent_id)
        landing = await may_land.addresses(world, tx, stored, rows) if on_its_way else ()
        remove = (await tx.withdrawals.one(consent_id)).remove_results
    planned, there = _targets(rows, DeliveryState.PLANNED), _targets(rows, DeliveryState.WRITTEN)
    doubts = (*planned, *waiting, *landing)
    long_ago = world.clock.now() - timedelta(hours=world.settings.consent.doubt_hours)
    is_old = stored.record.latest.at < long_ago
    is_open = seen is not None and seen.state is not DoorState.CLOSED
    return Withdrawal(
        consent_id=consent_id,
        at=stored.record.latest.at,
        quiescent=not doubts and not leases and not on_its_way,
        in_doubt=doubts,
        unresolved=doubts if is_old else (),
        doubt_hours=world.settings.consent.doubt_hours,
        door=None if seen is None else seen.state,
        door_problem=None if seen is None else seen.problem,
        to_close=await _left_open(world, session, stored, until) if is_open else (),
        results_removed=counts.removed,
        results_kept=() if remove else there,
        results_removed_from_pod=_targets(rows, DeliveryState.REMOVED),
        results_disputed=_targets(rows, DeliveryState.DISPUTED),
        stopped=counts.stopped,
        receipt=newest.token,
        results_in_doubt=planned,
        results_to_remove=there if remove else (),
        under_way=bool(leases) or on_its_way,
    )


async def told_or_stored(
    world: World, session: Session, stored: StoredConsent, removed: int, stopped: int, until: float
) -> Withdrawal:
    """The same; where it cannot be learned now, what is sure: stored, and not known to be quiescent."""
    late = until + world.settings.consent.store_seconds
    telling = told(world, session, stored.record.consent_id, until)
    try:
        return await in_time(telling, max(0.0, late - asyncio.get_running_loop().time()))
    except Exception as fault:  # noqa: BLE001 - whoever is told that it failed believes that nothing is stored
        _log.warning("withdrawal.not-told", code=getattr(fault, "code", InternalFault.code))
    return Withdrawal(
        consent_id=stored.record.consent_id,
        at=stored.record.latest.at,
        quiescent=False,
        in_doubt=(),
        unresolved=(),
        doubt_hours=world.settings.consent.doubt_hours,
        door=DoorState.OPEN,  # as far as anybody knows
        door_problem=None,
        to_close=tuple(LeftOpen(url, None) for url in stored.record.resources[:_LISTED]),
        results_removed=removed,
        results_kept=(),
        results_removed_from_pod=(),
        results_disputed=(),
        stopped=stopped,
        receipt="",
    )


def _targets(rows: Sequence[DeliveryRow], state: DeliveryState) -> tuple[str, ...]:
    return tuple(row.delivery.target for row in rows if row.state is state)


async def _left_open(
    world: World, session: Session, stored: StoredConsent, until: float
) -> tuple[LeftOpen, ...]:
    """What the person can close without us; the addresses alone when the pod does not answer in time."""
    async with world.store.transaction() as tx:
        granted = await tx.access_requests.of(stored.person_id, stored.record.consent_id)
    if granted is not None:  # grants end on the owner's access page, all at one place
        return tuple(LeftOpen(url, granted.page or None) for one in granted.grants for url in one.resources)
    listed = (*stored.record.resources, stored.record.result_container)[:_LISTED]
    lists: dict[str, str | None] = {}
    with suppress(PodFault, TimeoutError):
        async with asyncio.timeout_at(until):
            for url in listed:
                lists[url] = (await world.pods.state(session.access, url)).access_control
    return tuple(LeftOpen(url, lists.get(url)) for url in listed)
