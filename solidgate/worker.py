"""The enclave worker: takes batches of people off the queue and carries each person's part to its end.

It has no listening socket. It alone holds the spaces' keys, and raw documents pass through its memory as
bytes on their way into the sandbox.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import procrastinate
import psycopg
import structlog
from procrastinate import RetryStrategy

from solidgate.adapters.postgres import shared_postgres
from solidgate.adapters.sql.engine import plain_url
from solidgate.adapters.sql.logins import SqlLogins
from solidgate.compose import open_enclave
from solidgate.consent.record import Reason
from solidgate.errors import SolidgateError, StoreUnavailable
from solidgate.flow import aggregate, erase, expire, reclaim, space, withdraw
from solidgate.flow.journey import Enclave, Job, part
from solidgate.flow.revoke import REVOKE_TASK, revoke
from solidgate.flow.run import AGGREGATE_TASK, BATCH_TASK, STOP_CHANNEL
from solidgate.run.state import FINAL, PartState, RunState
from solidgate.settings import Settings

_log = structlog.get_logger()
_EVERY_MINUTE = "* * * * *"


@dataclass(slots=True)
class Parts:
    """The parts under way in this process, so that a withdrawal or a cancelled run can end them at once."""

    enclave: Enclave
    tasks: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def carry(self, job: Job, consents: Sequence[str]) -> None:
        """All parts of a batch; a stopped part does not stop the others."""
        async with asyncio.TaskGroup() as group:
            for consent_id in consents:
                group.create_task(self._one(job, consent_id))

    async def _one(self, job: Job, consent_id: str) -> None:
        key = (job.run.run_id, consent_id)
        async with self.limit:
            task = asyncio.create_task(part(self.enclave, job, consent_id))
            self.tasks[key] = task
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                task.cancel()
                await asyncio.wait([task])
                raise
            finally:
                del self.tasks[key]
        if not task.cancelled() and (fault := task.exception()) is not None:
            raise fault

    def stop(self, run_id: str, consent_id: str) -> None:
        """End the matching parts; ``*`` is any run. The sandboxed process is killed with its task.

        Told once: a second cancel would tear a part out of waiting for what it has on the wire.
        """
        for (run, consent), task in list(self.tasks.items()):
            if consent == consent_id and run_id in ("*", run) and not task.cancelling():
                task.cancel()

    async def sweep(self) -> None:
        """End the parts that were stopped while no notice reached us."""
        async with self.enclave.world.store.transaction() as tx:
            ended = [key for key in list(self.tasks) if (await tx.runs.part(*key)).state in FINAL]
        for run_id, consent_id in ended:
            self.stop(run_id, consent_id)


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
    except StoreUnavailable:
        raise
    except SolidgateError as fault:
        await _refuse_all(parts.enclave, run_id, consents, fault.code)
        return
    await parts.carry(Job(run, agreement, program), consents)


async def _refuse_all(enclave: Enclave, run_id: str, consents: Sequence[str], code: str) -> None:
    world = enclave.world
    async with world.store.transaction() as tx:
        for consent_id in consents:
            await tx.runs.advance(run_id, consent_id, PartState.REFUSED, world.clock.now(), code)
        await tx.runs.finish_if_done(run_id, world.clock.now())


def make_jobs(url: str, settings: Settings, parts: Parts) -> procrastinate.App:
    """The job application: what the worker can be asked to do."""
    jobs = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    retry = RetryStrategy(max_attempts=settings.worker.attempts, exponential_wait=2)

    @jobs.task(name=BATCH_TASK, queue="runs", retry=retry)
    async def _run_batch(run_id: str, consents: list[str]) -> None:
        await run_batch(parts, run_id, consents)

    @jobs.task(name=AGGREGATE_TASK, queue="runs", retry=retry)
    async def _aggregate(run_id: str) -> None:
        await aggregate.aggregate(parts.enclave, run_id)

    @jobs.task(name=REVOKE_TASK, queue="runs", retry=retry)
    async def _revoke(space_id: str, reason: str, digest: str | None, before: str) -> None:
        until = datetime.fromisoformat(before)
        await revoke(parts.enclave.world, space_id, Reason(reason), digest=digest, before=until)

    @jobs.periodic(cron=_EVERY_MINUTE)
    @jobs.task(name="solidgate.keep_house", queue="house", queueing_lock="house")
    async def _keep_house(timestamp: int) -> None:
        await keep_house(parts.enclave)

    return jobs


async def keep_house(enclave: Enclave) -> None:
    """What time alone brings: ended consents are marked, ended logins and dead leases removed."""
    world = enclave.world
    await erase.finish_erasures(world, patience=2 * world.settings.consent.withdraw_wait_seconds)
    await expire.expire(world)
    async with world.store.transaction() as tx:
        await tx.leases.drop_stale()
    await withdraw.prove_owed(world)
    await read_back_doubts(enclave)
    if isinstance(world.logins, SqlLogins):
        await world.logins.purge()


async def read_back_doubts(enclave: Enclave) -> None:
    """Look again at writes in doubt after withdrawals, where a pod still lets the space in."""
    world, now = enclave.world, enclave.world.clock.now()
    since = now - timedelta(hours=world.settings.consent.doubt_hours)
    async with world.store.transaction() as tx:
        left = await tx.withdrawals.doubtful(since, now, reclaim.BATCH)
        spaces = {one: (await tx.consents.one(one)).space_id for one in left}
    for consent_id, space_id in spaces.items():
        access = await enclave.keys.access_for(space_id)
        async with asyncio.timeout(world.settings.worker.lease_seconds):
            await reclaim.read_back(world, access, consent_id)


async def retry_stalled(jobs: procrastinate.App, settings: Settings) -> None:
    """Take over the jobs of workers that are gone; effects are exactly once by our own tables."""
    stalled = await jobs.job_manager.get_stalled_jobs(seconds_since_heartbeat=settings.worker.stalled_seconds)
    for job in stalled:
        await jobs.job_manager.retry_job(job)


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
        except (psycopg.OperationalError, SolidgateError, TimeoutError):
            _log.warning("listener.lost")
            await asyncio.sleep(1)


async def serve(settings: Settings, url: str, stopping: asyncio.Event) -> None:
    """Work until ``stopping`` is set, then give back what is under way and return."""
    async with open_enclave(settings, url) as enclave:
        await erase.finish_erasures(enclave.world)
        parts = Parts(enclave, limit=asyncio.Semaphore(settings.worker.concurrency))
        jobs = make_jobs(url, settings, parts)
        async with jobs.open_async():
            background = [
                asyncio.create_task(_watch(jobs, settings, enclave, secrets.token_hex(8))),
                asyncio.create_task(listen(url, parts)),
            ]
            working = asyncio.create_task(_work(jobs, settings))
            stopped = asyncio.create_task(stopping.wait())
            _log.info("worker.ready", level_achieved=enclave.world.sandbox.level.name)
            await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in (*background, working, stopped):
                task.cancel()
            await asyncio.gather(*background, working, stopped, return_exceptions=True)


async def _work(jobs: procrastinate.App, settings: Settings) -> None:
    await jobs.run_worker_async(
        concurrency=settings.worker.concurrency,
        install_signal_handlers=False,
        shutdown_graceful_timeout=settings.server.shutdown_seconds,
        update_heartbeat_interval=settings.worker.heartbeat_seconds,
        stalled_worker_timeout=settings.worker.stalled_seconds,
        delete_jobs="successful",
    )


def main(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT; a second one ends it at once."""
    with shared_postgres(settings.database.url.get_secret_value(), settings.server.data_folder) as url:
        asyncio.run(_main(settings, plain_url(url)))


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
