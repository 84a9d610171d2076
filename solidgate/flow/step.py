"""One step on one consent: decide, act, decide again. Nothing touches data outside a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from solidgate.consent.decide import ActiveConsent, Proposal, decide, decide_again
from solidgate.consent.record import ConsentRecord
from solidgate.consent.stored import StoredConsent
from solidgate.errors import EpochPassed, SolidgateError
from solidgate.flow.fenced import OWN_SHARE, UNANSWERED, clock
from solidgate.flow.world import World
from solidgate.run.delivery import DeliveryRow
from solidgate.run.held import Held
from solidgate.run.place import Place
from solidgate.run.state import PartState, RunRow
from solidgate.space.agreement import Agreement
from solidgate.space.participant import Party, Role

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Steps, Transaction

T = TypeVar("T")


@dataclass(slots=True)
class Step:
    """What a worker holds while it works for one consent in one run, until ``until`` by its own clock."""

    world: World
    run: RunRow
    agreement: Agreement
    held: Held
    fence: int
    first: ActiveConsent
    until: float
    planned: DeliveryRow | None = None
    door_problem: str | None = None
    asks: bool = False
    ended: SolidgateError | None = None
    unanswered: bool = False
    given_back: bool = False
    proposed: Proposal | None = None

    @property
    def record(self) -> ConsentRecord:
        """The record, as it is for as long as its epoch is the first one's."""
        return self.held.stored.record

    @property
    def consent_id(self) -> str:
        """The consent's id."""
        return self.record.consent_id

    @property
    def person_id(self) -> str:
        """Whose it is."""
        return self.held.stored.person_id

    async def move(self, make: Callable[[Steps, Place, datetime], Awaitable[T | None]]) -> T:
        """Make one move, and go on only if the consent still holds and the part was not stopped.

        ``make`` is one statement: it asks for the epoch under the consent's shared lock,
        renews the lease and moves the part, all or nothing; nothing is told by a false value. Raises what
        ``decide`` raises, and ``EpochPassed``.
        """
        self.check()
        begin, now = clock(), self.world.clock.now()
        if self.proposed is None:
            self.proposed = proposal(self.agreement, self.record, self.run)
        # The record that the step began with is read-only; whether it still stands, the statement asks.
        active = decide_again(self.record, now, self.proposed)
        async with self.world.store.at_once() as steps:
            made = await make(steps, self._place(active.epoch), now)
        if not made:
            await self._say_why()
            raise EpochPassed()
        self.lasts(begin)
        return made

    async def advance(self, state: PartState) -> ActiveConsent:
        """Move to a state that nothing else comes with."""
        await self.move(lambda steps, place, now: steps.move(place, state, now))
        return self.first

    def _place(self, epoch: int) -> Place:
        seconds = self.world.settings.worker.lease_seconds
        return Place(self.run.run_id, self.consent_id, epoch, self.fence, seconds)

    async def _say_why(self) -> None:
        """A move was refused: the consent's own reason, if it is one."""
        async with self.world.store.transaction() as tx:
            await self.recheck(tx)

    async def recheck(self, tx: Transaction) -> ActiveConsent:
        """Decide again inside the transaction that makes an effect visible.

        The shared lock keeps a withdrawal out until that transaction ends, so the effect comes wholly before
        the withdrawal or not at all; the lease, held until then too, keeps a second worker out. Raises what
        ``decide`` raises, and ``EpochPassed``.
        """
        self.check()
        stored = await tx.consents.one(self.consent_id, lock="share")
        active = decided(self.world, stored, self.agreement, self.run)
        if active.epoch != self.first.epoch:
            raise EpochPassed()
        await tx.leases.renew(self.fence, self.world.settings.worker.lease_seconds)
        return active

    def check(self) -> None:
        """Raises ``EpochPassed`` once the step was ended, or its lease may have lapsed. Asks no store.

        Raises ``StoreUnavailable`` while a withdrawal could not be stored: the part stands where it stood.
        """
        self.world.brake.check()
        if self.ended is not None or clock() >= self.until:
            raise self.ended or EpochPassed()

    async def still(self) -> None:
        """Before each request after the part's own end. Raises as ``check``."""
        self.check()

    def lasts(self, begin: float) -> None:
        """The lease was renewed by a transaction that began at ``begin``: the database counts from later."""
        self.until = begin + self.world.settings.worker.lease_seconds * OWN_SHARE

    async def answered(self, effect: Awaitable[T]) -> T:
        """Carry an effect at a pod to its answer even when the step is ended: nobody can call it back.

        Without an answer the effect is in doubt, and the lease is left to lapse by itself.
        """
        self.unanswered = True
        sent = asyncio.ensure_future(effect)
        try:
            await asyncio.wait([sent])
        except asyncio.CancelledError:
            self.ended = self.ended or EpochPassed()
            await asyncio.wait([sent], timeout=max(0.0, self.until - clock()))
            sent.cancel()
            await asyncio.wait([sent])
            self.unanswered = _no_answer(sent)
            raise
        self.unanswered = _no_answer(sent)
        return sent.result()


def _no_answer(sent: asyncio.Future[T]) -> bool:
    return sent.cancelled() or isinstance(sent.exception(), UNANSWERED)


def decided(world: World, stored: StoredConsent, agreement: Agreement, run: RunRow) -> ActiveConsent:
    """Whether this run may use this consent now."""
    return decide(stored.record, world.clock.now(), proposal(agreement, stored.record, run))


def proposal(agreement: Agreement, record: ConsentRecord, run: RunRow) -> Proposal:
    """What a run is about to do with one person's data, as its agreement says, not as the record says."""
    return Proposal(
        purpose=record.purpose,
        agreement_digest=run.agreement_digest,
        algorithm_digest=run.algorithm_digest,
        shape_digest=agreement.output_shape,
        resources=record.resources,
        recipients=tuple(party.webid for party in recipients(agreement)),
    )


def recipients(agreement: Agreement) -> tuple[Party, ...]:
    """Who gets results: the data consumers."""
    return agreement.with_role(Role.DATA_CONSUMER)
