"""The lease of a step: taken with the part, renewed by a heartbeat, and given back at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from solidgate.errors import EpochPassed, PartTimedOut, SolidgateError, StoreUnavailable
from solidgate.flow.fenced import OWN_SHARE, TAKE_OVER_SECONDS, clock
from solidgate.flow.step import Step, decided
from solidgate.flow.world import World
from solidgate.run.held import Held
from solidgate.run.state import RunRow
from solidgate.space.agreement import Agreement

_log = structlog.get_logger()


@asynccontextmanager
async def leased(
    world: World, run: RunRow, agreement: Agreement, consent_id: str, held: Held | None = None
) -> AsyncIterator[Step]:
    """A step under a lease, with the part begun; ``held`` is the consent, if somebody has just read it.

    The lease is one which a heartbeat renews and which is given back at the end, whatever happens.

    Work that outlives its lease is ended by its own clock first: a withdrawal that finds the lease past its
    deadline may rely on nobody working under it. That clock needs no database.
    """
    world.brake.check()
    step = await _taken(world, run, agreement, consent_id, held)
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
        if not step.unanswered and not step.given_back:
            await asyncio.shield(_release(step))


async def _taken(world: World, run: RunRow, agreement: Agreement, consent_id: str, held: Held | None) -> Step:
    """The step, once nobody else works for the part: a worker that died holds it until its lease lapses."""
    while True:
        taking = asyncio.ensure_future(_take(world, run, agreement, consent_id, held))
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
        held = None  # read anew: much may have happened


async def _take(
    world: World, run: RunRow, agreement: Agreement, consent_id: str, held: Held | None
) -> Step | None:
    """The step; none while somebody else holds the lease."""
    if held is None:
        held = await _read(world, consent_id)
    while True:
        active, begin = decided(world, held.stored, agreement, run), clock()
        async with world.store.at_once() as steps:
            seconds = world.settings.worker.lease_seconds
            found = await steps.enter(run.run_id, held, seconds, world.clock.now())
        if found.held:
            break
        again = await _read(world, consent_id)
        if again.stored.record.epoch == active.epoch:
            raise EpochPassed()
        held = again
    if found.fence is None:
        if not found.still_open:
            raise EpochPassed()
        return None
    step = Step(world, run, agreement, held, found.fence, active, begin + seconds * OWN_SHARE)
    step.planned, step.door_problem = found.planned, found.door_problem
    step.asks = found.asks
    if not found.moved:
        await _release(step)
        raise EpochPassed()  # it was ended in this very moment
    return step


async def _read(world: World, consent_id: str) -> Held:
    async with world.store.at_once() as steps:
        return await steps.one(consent_id)


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
        async with step.world.store.at_once() as steps:
            await steps.give_back(step.fence)
