"""A worker as a process: its jobs, its signs of life and its ears, from the first signal to the last."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import procrastinate
import structlog

from solidgate.adapters.postgres import shared_postgres
from solidgate.adapters.sql.engine import plain_url
from solidgate.compose import open_enclave
from solidgate.errors import InternalFault, SolidgateError, StoreUnavailable
from solidgate.flow import erase
from solidgate.flow.fair import FairPlaces
from solidgate.flow.journey import Enclave
from solidgate.flow.listen import Listener
from solidgate.settings import Settings
from solidgate.worker.jobs import make_jobs, retry_stalled
from solidgate.worker.parts import Parts, listen

_log = structlog.get_logger()
_SWEPT_AFTER = 10_000


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
                "look": asyncio.create_task(parts.look()),
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
            _sweep_seldom()
            _run(_main(settings, plain_url(url)))
        except InternalFault:
            return 1  # what ended, and why, is in the log
    return 0


def _sweep_seldom() -> None:
    """Never look for garbage in what was imported, and for new garbage only when there may be some.

    Requests and statements are freed when they end; with Python's usual threshold of 700 objects the
    collector looks at those under way again and again.
    """
    gc.freeze()
    gc.set_threshold(_SWEPT_AFTER)


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
