"""The jobs: what a worker can be asked to do, and how the jobs of one that is gone are taken over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import procrastinate
from procrastinate import RetryStrategy

from solidgate.consent.record import Reason
from solidgate.flow import access_request, aggregate, look, rerun, subscribe
from solidgate.flow.access_request import ACCESS_TASK
from solidgate.flow.cancel_access import CANCEL_TASK, cancel_all
from solidgate.flow.finish import RERUN_TASK
from solidgate.flow.journey import Enclave
from solidgate.flow.look import LOOK_TASK
from solidgate.flow.revoke import REVOKE_TASK, revoke
from solidgate.flow.run import AGGREGATE_TASK, BATCH_TASK
from solidgate.flow.watching import WATCH_TASK
from solidgate.settings import Settings
from solidgate.worker.house import keep_house
from solidgate.worker.parts import Parts, run_batch

_EVERY_MINUTE = "* * * * *"


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

    @jobs.task(name=CANCEL_TASK, queue="runs", retry=retry)
    async def _cancel_access(consents: list[str], tries: int = 0) -> None:
        await cancel_all(parts.enclave.world, parts.enclave.keys, consents, tries)

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


async def retry_stalled(jobs: procrastinate.App, settings: Settings) -> None:
    """Take over the jobs of workers that are gone; effects are exactly once by our own tables."""
    stalled = await jobs.job_manager.get_stalled_jobs(seconds_since_heartbeat=settings.worker.stalled_seconds)
    for job in stalled:
        try:
            await jobs.job_manager.retry_job(job)
        except procrastinate.exceptions.UniqueViolation:
            # Its successor waits already (housekeeping): there is nothing to take over.
            await jobs.job_manager.finish_job(job, procrastinate.jobs.Status.FAILED, delete_job=True)
