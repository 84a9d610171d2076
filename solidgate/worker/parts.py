"""The parts of runs under way in this worker: a batch of people, each to an end, or stopped at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
import structlog

from solidgate.errors import SolidgateError, StoreUnavailable
from solidgate.flow import space
from solidgate.flow.fair import FairPlaces
from solidgate.flow.finish import finish
from solidgate.flow.groups import Groups
from solidgate.flow.in_time import until_ended
from solidgate.flow.journey import Enclave, Job, part
from solidgate.flow.run import STOP_CHANNEL
from solidgate.run.state import PartState, RunState

_log = structlog.get_logger()


@dataclass(slots=True)
class Parts:
    """The parts under way in this process, so that a withdrawal or a cancelled run can end them at once."""

    enclave: Enclave
    tasks: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    limit: FairPlaces = field(default_factory=lambda: FairPlaces(1))
    groups: Groups = field(default_factory=Groups)

    async def carry(self, job: Job, consents: Sequence[str]) -> None:
        """All parts of a batch, each to its end, whatever becomes of the others; then the first fault."""
        ended = await asyncio.gather(*(self._one(job, one) for one in consents), return_exceptions=True)
        for fault in ended:
            if isinstance(fault, BaseException):
                raise fault

    async def _one(self, job: Job, consent_id: str) -> None:
        key = (job.run.run_id, consent_id)
        async with self.limit.place(job.run.space_id):
            if (task := self.tasks.get(key)) is not None:
                await asyncio.wait([task])  # the job was handed out twice: its first holder carries the part
            else:
                task = self.tasks[key] = asyncio.create_task(part(self.enclave, job, consent_id))
                await self._ended(key, task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            raise fault

    async def _ended(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        try:
            await until_ended(task)
        finally:
            self.tasks.pop(key, None)

    def stop(self, run_id: str, consent_id: str) -> None:
        """End the matching parts; ``*`` is any run. The sandboxed process is killed with its task.

        Told once: a second cancel would tear a part out of waiting for what it has on the wire.
        """
        self.groups.stop(consent_id)
        for (run, consent), task in list(self.tasks.items()):
            if consent == consent_id and run_id in ("*", run) and not task.cancelling():
                task.cancel()

    async def sweep(self) -> None:
        """End the parts that were stopped while no notice reached us."""
        if not self.tasks:
            return
        world = self.enclave.world
        async with world.store.transaction() as tx:
            ended = await tx.runs.over(list(self.tasks), world.clock.now())
        for run_id, consent_id in ended:
            self.stop(run_id, consent_id)

    async def look(self) -> None:
        """Sweep again and again, for as long as the worker runs: what ends a consent may not be heard.

        A notice comes at once, but by a connection that may be silent; without this, a part would begin new
        requests until its lease's heartbeat asks.
        """
        while True:
            await asyncio.sleep(self.enclave.world.settings.worker.look_seconds)
            try:
                await self.sweep()
            except SolidgateError as fault:
                _log.warning("look.failed", code=fault.code)


async def run_batch(parts: Parts, run_id: str, consents: Sequence[str]) -> None:
    """One job: the parts of some people in one run. Repeating it repeats no effect."""
    world = parts.enclave.world
    async with world.store.transaction() as tx:
        if await tx.runs.begin(run_id, world.clock.now()) is not RunState.RUNNING:
            return
        run = await tx.runs.one(run_id)
    try:
        async with world.store.transaction() as tx:
            agreement = await tx.spaces.agreement(run.agreement_digest)
            program = await space.approved_program(tx, run.space_id, run.agreement_digest)
        async with world.store.at_once() as steps:
            found = await steps.found(consents)
    except StoreUnavailable:
        raise
    except SolidgateError as fault:
        await _refuse_all(parts.enclave, run_id, consents, fault.code)
        return
    await parts.carry(Job(run, agreement, program, found), consents)
    async with world.store.transaction() as tx:
        await finish(world, tx, run_id)


async def _refuse_all(enclave: Enclave, run_id: str, consents: Sequence[str], code: str) -> None:
    world = enclave.world
    async with world.store.transaction() as tx:
        for consent_id in sorted(consents):
            await tx.runs.advance(run_id, consent_id, PartState.REFUSED, world.clock.now(), code)
        await finish(world, tx, run_id)


async def listen(url: str, parts: Parts) -> None:
    """Hear of withdrawals and cancelled runs, for as long as the worker runs.

    A missed notice costs time only: each step decides anew, and each connection begins by looking what it
    missed. A connection that died without a word shows when it is asked something, once a heartbeat.
    """
    patience = parts.enclave.world.settings.worker.heartbeat_seconds
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                url, autocommit=True, connect_timeout=10
            ) as connection:
                await connection.execute(f"LISTEN {STOP_CHANNEL}")
                while True:
                    await parts.sweep()
                    async for notice in connection.notifies(timeout=patience):
                        run_id, _, consent_id = notice.payload.partition(":")
                        parts.stop(run_id, consent_id)
                    async with asyncio.timeout(patience):
                        await connection.execute("SELECT 1")
        except (psycopg.Error, SolidgateError, TimeoutError):
            _log.warning("listener.lost")
            await asyncio.sleep(1)
