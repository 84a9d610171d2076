"""One step on one consent: decide, lease, act, decide again. Nothing touches data outside a lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import structlog

from solidgate.consent.decide import ActiveConsent, Proposal, decide
from solidgate.consent.record import ConsentRecord
from solidgate.consent.stored import StoredConsent
from solidgate.errors import (
    EpochPassed,
    FetchTimedOut,
    FetchTooLarge,
    FetchUnexpected,
    FetchUnreachable,
    PartTimedOut,
    PodUnavailable,
    SolidgateError,
    StoreUnavailable,
)
from solidgate.flow.world import World
from solidgate.ports import Access
from solidgate.run.state import FINAL, PartState, RunRow
from solidgate.space.agreement import Agreement
from solidgate.space.participant import Party, Role

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

T = TypeVar("T")
_log = structlog.get_logger()
OWN_SHARE = 0.9
"""The part of a lease after which its holder stops; the rest is for ending what it has begun."""
TAKE_OVER_SECONDS = 0.5
_UNANSWERED = (FetchTimedOut, FetchTooLarge, FetchUnexpected, FetchUnreachable, PodUnavailable)


@dataclass(slots=True)
class Step:
    """What a worker holds while it works for one consent in one run, until ``until`` by its own clock."""

    world: World
    run: RunRow
    agreement: Agreement
    consent_id: str
    person_id: str
    record: ConsentRecord
    fence: int
    first: ActiveConsent
    until: float
    ended: SolidgateError | None = None
    unanswered: bool = False

    async def advance(self, state: PartState) -> ActiveConsent:
        """Go on only if the consent still holds and the part was not stopped; renews the lease."""
        begin = clock()
        async with self.world.store.transaction() as tx:
            active = await self.recheck(tx)
            if not await tx.runs.advance(self.run.run_id, self.consent_id, state, self.world.clock.now()):
                raise EpochPassed()
        self.lasts(begin)
        return active

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
        """Raises ``EpochPassed`` once the step was ended, or its lease may have lapsed. Asks nobody."""
        if self.ended is not None or clock() >= self.until:
            raise self.ended or EpochPassed()

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
    return sent.cancelled() or isinstance(sent.exception(), _UNANSWERED)


@dataclass(frozen=True, slots=True)
class Fenced:
    """A space's access that signs a request only while the step lasts: the last look before it leaves."""

    access: Access
    step: Step

    @property
    def webid(self) -> str:
        """The space's WebID."""
        return self.access.webid

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        """The signed headers. Raises ``EpochPassed``."""
        self.step.check()
        return self.access.headers(method, url, now, nonce)


def clock() -> float:
    """The monotonic clock that ends work."""
    return asyncio.get_running_loop().time()


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


@asynccontextmanager
async def leased(world: World, run: RunRow, agreement: Agreement, consent_id: str) -> AsyncIterator[Step]:
    """A step under a lease, which a heartbeat renews and which is given back at the end, whatever happens.

    Work that outlives its lease is ended by its own clock first: a withdrawal that finds the lease past its
    deadline may rely on nobody working under it. That clock needs no database.
    """
    await world.brake.admit()
    step = await _taken(world, run, agreement, consent_id)
    try:
        async with asyncio.timeout_at(step.until) as limit:
            heartbeat = asyncio.create_task(_beat(step, limit))
            try:
                yield step
            finally:
                heartbeat.cancel()
    except TimeoutError:
        step.ended = step.ended or PartTimedOut()
        raise step.ended from None
    finally:
        step.ended = step.ended or EpochPassed()
        if not step.unanswered:
            await asyncio.shield(_release(step))


async def _taken(world: World, run: RunRow, agreement: Agreement, consent_id: str) -> Step:
    """The step, once nobody else works for the part: a worker that died holds it until its lease lapses."""
    while True:
        taking = asyncio.ensure_future(_take(world, run, agreement, consent_id))
        try:
            step = await asyncio.shield(taking)
        except asyncio.CancelledError:
            # A lease that nobody knows of would hold a withdrawal up until it lapses.
            await asyncio.wait([taking])
            if taking.exception() is None and (lost := taking.result()) is not None:
                await _release(lost)
            raise
        if step is not None:
            return step
        await asyncio.sleep(TAKE_OVER_SECONDS)


async def _take(world: World, run: RunRow, agreement: Agreement, consent_id: str) -> Step | None:
    seconds, begin = world.settings.worker.lease_seconds, clock()
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="share")
        active = decided(world, stored, agreement, run)
        if (await tx.runs.part(run.run_id, consent_id)).state in FINAL:
            raise EpochPassed()
        fence = await tx.leases.take(consent_id, active.epoch, run.run_id, seconds)
    if fence is None:
        return None
    until, person = begin + seconds * OWN_SHARE, stored.person_id
    return Step(world, run, agreement, consent_id, person, stored.record, fence, active, until)


async def _beat(step: Step, limit: asyncio.Timeout) -> None:
    """Renew, and notice an end that no notice told of. Without the database, the step's own clock ends it."""
    while True:
        await asyncio.sleep(step.world.settings.worker.heartbeat_seconds)
        begin = clock()
        try:
            async with step.world.store.transaction() as tx:
                await step.recheck(tx)
        except StoreUnavailable:
            _log.warning("lease.not-renewed", code=StoreUnavailable.code)
        except SolidgateError as fault:
            step.ended = fault
            limit.reschedule(clock())
            return
        else:
            step.lasts(begin)
            limit.reschedule(step.until)


async def _release(step: Step) -> None:
    # Without the database the lease lapses by itself.
    with suppress(StoreUnavailable):
        async with step.world.store.transaction() as tx:
            await tx.leases.release(step.fence)
