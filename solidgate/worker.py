"""The enclave worker: takes batches of people off the queue and carries each person's part to its end.

It has no listening socket. It alone holds the spaces' keys, and raw documents pass through its memory as
bytes on their way into the sandbox.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate import RetryStrategy

from solidgate.adapters.postgres import shared_postgres
from solidgate.adapters.sql.engine import plain_url
from solidgate.adapters.sql.logins import SqlLogins
from solidgate.adapters.sql.store import Transaction
from solidgate.compose import open_enclave
from solidgate.consent.record import Reason
from solidgate.errors import InternalFault, RunNotFound, SolidgateError, StoreUnavailable
from solidgate.flow import (
    access_request,
    aggregate,
    erase,
    expire,
    in_doubt,
    look,
    lost,
    reclaim,
    reconcile,
    rerun,
    retain,
    space,
    subscribe,
    withdraw,
)
from solidgate.flow.access_request import ACCESS_TASK
from solidgate.flow.each import each
from solidgate.flow.fair import FairPlaces
from solidgate.flow.finish import RERUN_TASK, finish
from solidgate.flow.granted import granted
from solidgate.flow.groups import Groups
from solidgate.flow.journey import Enclave, Job, part
from solidgate.flow.listen import Listener
from solidgate.flow.look import LOOK_TASK
from solidgate.flow.revoke import REVOKE_TASK, revoke
from solidgate.flow.run import AGGREGATE_TASK, BATCH_TASK, STOP_CHANNEL
from solidgate.flow.watching import WATCH_TASK
from solidgate.flow.world import World
from solidgate.run.state import FINAL, PartState, RunState
from solidgate.settings import Settings

_log = structlog.get_logger()
_EVERY_MINUTE = "* * * * *"


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
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
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
        async with self.enclave.world.store.transaction() as tx:
            ended = [key for key in list(self.tasks) if await _is_over(tx, *key)]
        for run_id, consent_id in ended:
            self.stop(run_id, consent_id)


async def _is_over(tx: Transaction, run_id: str, consent_id: str) -> bool:
    """Whether a part has ended, or was erased with its person."""
    try:
        return (await tx.runs.part(run_id, consent_id)).state in FINAL
    except RunNotFound:
        return True


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


def make_jobs(url: str, settings: Settings, parts: Parts) -> procrastinate.App:
    """The job application: what the worker can be asked to do."""
    jobs = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    retry = RetryStrategy(max_attempts=settings.worker.attempts, exponential_wait=2)

    @jobs.task(name=BATCH_TASK, queue="runs", retry=retry)
    async def _run_batch(run_id: str, consents: list[str]) -> None:
        await run_batch(parts, run_id, consents)

    @jobs.task(name=AGGREGATE_TASK, queue="runs", retry=retry)
    async def _aggregate(run_id: str) -> None:
        await aggregate.aggregate(parts.enclave, run_id, parts.groups)

    @jobs.task(name=REVOKE_TASK, queue="runs", retry=retry)
    async def _revoke(space_id: str, reason: str, digest: str | None, before: str) -> None:
        until = datetime.fromisoformat(before)
        await revoke(parts.enclave.world, space_id, Reason(reason), digest=digest, before=until)

    @jobs.task(name=ACCESS_TASK, queue="runs", retry=retry)
    async def _request_access(consents: list[str]) -> None:
        await request_access(parts.enclave, consents)

    @jobs.task(name=WATCH_TASK, queue="looks", retry=retry)
    async def _watch(consents: list[str]) -> None:
        for consent_id in consents:
            await subscribe.watch(parts.enclave, consent_id)

    @jobs.task(name=LOOK_TASK, queue="looks", retry=retry)
    async def _look(consents: list[str]) -> None:
        for consent_id in consents:
            await look.look(parts.enclave.world, parts.enclave.keys, consent_id)

    @jobs.task(name=RERUN_TASK, queue="runs", retry=retry)
    async def _rerun(space_id: str) -> None:
        await rerun.again(parts.enclave.world, space_id)

    @jobs.periodic(cron=_EVERY_MINUTE)
    @jobs.task(name="solidgate.keep_house", queue="house", queueing_lock="house")
    async def _keep_house(timestamp: int) -> None:
        await keep_house(parts.enclave)

    return jobs


async def request_access(enclave: Enclave, consents: Sequence[str]) -> None:
    """Ask the owners of some pods, each as the space of their consent."""
    world = enclave.world
    for consent_id in consents:
        async with world.store.transaction() as tx:
            space_id = (await tx.consents.one(consent_id)).space_id
        await access_request.issue(world, await enclave.keys.access_for(space_id), consent_id)


async def keep_house(enclave: Enclave) -> None:
    """What time alone brings: ended consents are marked, lost runs ended, dead leases and logins removed.

    A step that fails is logged and done again at the next turn; it holds up none of the others.
    """
    world = enclave.world
    patience = 2 * world.settings.consent.withdraw_wait_seconds
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "erasures": lambda: erase.finish_erasures(world, patience=patience),
        "ends": lambda: expire.expire(world),
        "retention": lambda: retain.delete_old(world),
        "leases": lambda: _drop_stale(world),
        "lost-runs": lambda: lost.end_lost(world),
        "proofs": lambda: withdraw.prove_owed(world),
        "withdrawn-writes": lambda: read_back_doubts(enclave),
        "planned-writes": lambda: settle_planned(enclave),
        "standing-results": lambda: reconcile_results(enclave),
        "signposts": lambda: reconcile_signposts(enclave),
        "logins": lambda: _purge(world),
        "watches": lambda: subscribe.see_to(world),
        "sweep": lambda: look.sweep(world),
        "reruns": lambda: rerun.see_to(world),
    }
    await each(steps, lambda name: steps[name](), "house.failed")


async def _drop_stale(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.leases.drop_stale()


async def _purge(world: World) -> None:
    if isinstance(world.logins, SqlLogins):
        await world.logins.purge()


async def read_back_doubts(enclave: Enclave) -> None:
    """Look again at writes in doubt after withdrawals, where a pod still lets the space in."""
    world, now = enclave.world, enclave.world.clock.now()
    since = now - timedelta(hours=world.settings.consent.doubt_hours)
    async with world.store.transaction() as tx:
        left = await tx.withdrawals.doubtful(since, now, reclaim.BATCH)
        spaces = {one: (await tx.consents.one(one)).space_id for one in left}

    async def look(consent_id: str) -> None:
        access = await granted(world, await enclave.keys.access_for(spaces[consent_id]), consent_id)
        async with asyncio.timeout(world.settings.worker.lease_seconds):
            await reclaim.read_back(world, access, consent_id)

    await each(spaces, look, "house.doubt-left")


async def settle_planned(enclave: Enclave) -> None:
    """Look again at writes whose part ended without knowing how they did."""
    world, now = enclave.world, enclave.world.clock.now()
    since = now - timedelta(hours=world.settings.consent.doubt_hours)
    async with world.store.transaction() as tx:
        left = {one.key: one for one in await tx.results.unresolved(since, now, reclaim.BATCH)}

    async def look(key: str) -> None:
        run_id, consent_id = left[key].run_id, left[key].consent_id
        access = await granted(world, await enclave.keys.access_for(left[key].space_id), consent_id)
        async with asyncio.timeout(world.settings.worker.lease_seconds):
            await in_doubt.look_again(world, access, run_id, consent_id)

    await each(left, look, "house.doubt-left")


async def reconcile_results(enclave: Enclave) -> None:
    """Hold what was recorded against what pods hold, a batch of results at a turn."""
    left = {one.key: one for one in await reconcile.results_due(enclave.world)}

    async def look(key: str) -> None:
        access = await enclave.keys.access_for(left[key].space_id)
        async with asyncio.timeout(enclave.world.settings.worker.lease_seconds):
            await reconcile.look(enclave.world, access, left[key].run_id, left[key].consent_id)

    await each(left, look, "house.not-reconciled")


async def reconcile_signposts(enclave: Enclave) -> None:
    """End what a fault left undone at the documents that lead to results, and look whether they stand."""
    left = {one.key: one for one in await reconcile.signposts_due(enclave.world)}

    async def look(key: str) -> None:
        access = await enclave.keys.access_for(left[key].space_id)
        async with asyncio.timeout(enclave.world.settings.worker.lease_seconds):
            await reconcile.look_at_signposts(enclave.world, access, left[key])

    await each(left, look, "house.not-reconciled")


async def retry_stalled(jobs: procrastinate.App, settings: Settings) -> None:
    """Take over the jobs of workers that are gone; effects are exactly once by our own tables."""
    stalled = await jobs.job_manager.get_stalled_jobs(seconds_since_heartbeat=settings.worker.stalled_seconds)
    for job in stalled:
        try:
            await jobs.job_manager.retry_job(job)
        except procrastinate.exceptions.UniqueViolation:
            # Its successor waits already (housekeeping): there is nothing to take over.
            await jobs.job_manager.finish_job(job, procrastinate.jobs.Status.FAILED, delete_job=True)


async def _watch(jobs: procrastinate.App, settings: Settings, enclave: Enclave, worker_id: str) -> None:
    """Signs of life, and takeover of stalled jobs, for as long as the worker runs."""
    world = enclave.world
    while True:
        try:
            async with world.store.transaction() as tx:
                await tx.runs.heartbeat(worker_id, int(world.sandbox.level), world.clock.now())
            await retry_stalled(jobs, settings)
        except SolidgateError as fault:
            _log.warning("heartbeat.failed", code=fault.code)
        except procrastinate.exceptions.ConnectorException:
            _log.warning("heartbeat.failed", code=StoreUnavailable.code)
        except Exception as fault:  # noqa: BLE001 - whatever it was, the next beat may succeed
            _log.error("heartbeat.failed", code=InternalFault.code, exc_info=fault)
        await asyncio.sleep(settings.worker.heartbeat_seconds)


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


async def serve(settings: Settings, url: str, stopping: asyncio.Event) -> None:
    """Work until ``stopping`` is set, then give back what is under way and return.

    Raises ``InternalFault`` when a part of the worker ended by itself: half a worker is none.
    """
    async with open_enclave(settings, url) as enclave:
        await erase.finish_erasures(enclave.world)
        parts = Parts(enclave, limit=FairPlaces(settings.worker.concurrency))
        jobs = make_jobs(url, settings, parts)
        async with jobs.open_async():
            tasks = {
                "jobs": asyncio.create_task(_work(jobs, settings)),
                "heartbeat": asyncio.create_task(_watch(jobs, settings, enclave, secrets.token_hex(8))),
                "listener": asyncio.create_task(listen(url, parts)),
                "sockets": asyncio.create_task(Listener(enclave).run()),
                "stop": asyncio.create_task(stopping.wait()),
            }
            _log.info("worker.ready", level_achieved=enclave.world.sandbox.level.name)
            await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
            ended = [name for name, task in tasks.items() if task.done()]
            for task in tasks.values():
                task.cancel()
            faults = await asyncio.gather(*tasks.values(), return_exceptions=True)
    if "stop" not in ended:
        _tell(ended, dict(zip(tasks, faults, strict=True)))
        raise InternalFault(f"the worker ended by itself: {', '.join(ended)}")


def _tell(ended: Sequence[str], faults: Mapping[str, object]) -> None:
    for name in ended:
        fault = faults[name]
        _log.error("worker.failed", task=name, exc_info=fault if isinstance(fault, BaseException) else None)


async def _work(jobs: procrastinate.App, settings: Settings) -> None:
    await jobs.run_worker_async(
        concurrency=settings.worker.concurrency,
        install_signal_handlers=False,
        shutdown_graceful_timeout=settings.server.shutdown_seconds,
        update_heartbeat_interval=settings.worker.heartbeat_seconds,
        stalled_worker_timeout=settings.worker.stalled_seconds,
        delete_jobs="successful",
    )


def main(settings: Settings) -> int:
    """Run a worker until SIGTERM or SIGINT; a second one ends it at once. 1 when it ended by itself."""
    with shared_postgres(settings.database.url.get_secret_value(), settings.server.data_folder) as url:
        try:
            _run(_main(settings, plain_url(url)))
        except InternalFault:
            return 1  # what ended, and why, is in the log
    return 0


def _run(work: Coroutine[Any, Any, None]) -> None:
    """On the faster loop where there is one."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def _main(settings: Settings, url: str) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await serve(settings, url, stopping)
