"""The ground for pods that call back: the composed worker and a served gate on a real PostgreSQL, and an
awkward pod whose people said yes to a space that runs on change.

Jobs are done when a test says so (``work``), by the worker's own job application.
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from solidgate.adapters.sql.engine import plain_url
from solidgate.compose import open_enclave
from solidgate.flow.fair import FairPlaces
from solidgate.flow.journey import Enclave
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.run.state import RunRow
from solidgate.run.watch import ChannelRow
from solidgate.settings import Http, Notifications, Sandbox, Server, Settings
from solidgate.testing.css import free_port
from solidgate.testing.energy import energy_documents
from solidgate.testing.pod import AwkwardPod, Resident
from solidgate.testing.space import SPACE, agreement_of, join, open_space
from solidgate.testing.watched import SleepySandbox
from solidgate.web.app import make_app, make_runner
from solidgate.worker.jobs import make_jobs
from solidgate.worker.parts import Parts

SETTLE = 0.05
DOCUMENTS = 2


@dataclass
class Called:
    """Everything that stands. ``pod`` is the awkward one."""

    enclave: Enclave
    pod: AwkwardPod
    token: str
    jobs: Any
    settings: Settings

    @property
    def world(self) -> World:
        """The worker's and the gate's."""
        return self.enclave.world

    async def say_yes(self, name: str) -> tuple[Session, str, tuple[str, ...]]:
        """Somebody with a pod who says yes: session, consent, and the addresses of their documents."""
        person = self.pod.add_person(name)
        documents = dict(list(energy_documents(1).items())[:DOCUMENTS])
        for path, content in documents.items():
            self.pod.put(person.pod + path, content)
        session = await self._log_in(person)
        (view,) = await join(self.world, session, self.token)
        return session, view.record.consent_id, tuple(person.pod + path for path in documents)

    async def _log_in(self, person: Resident) -> Session:
        now = self.world.clock.now()
        issuer = self.pod.base_url
        person_id = await self.world.logins.person_for(person.webid, issuer, person.webid, now)
        access = self.pod.access(person.webid, lifetime=timedelta(hours=1))
        ends = now + timedelta(hours=1)
        session = Session(secrets.token_urlsafe(32), person_id, person.webid, issuer, access, now, ends)
        await self.world.logins.put_session(session)
        return session

    async def work(self) -> None:
        """Do every job that is due or becomes due within the time to settle, and what follows from it."""
        await self.pod.notifications.told()
        while await self._waiting():
            await asyncio.sleep(SETTLE)
            await self.jobs.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)

    async def _waiting(self) -> bool:
        jobs = await self.jobs.job_manager.list_jobs_async(status="todo")
        soon = self.world.clock.now() + timedelta(seconds=10 * SETTLE)
        return any(job.scheduled_at is None or job.scheduled_at <= soon for job in jobs)

    async def runs(self) -> tuple[RunRow, ...]:
        """The runs of the space, newest first."""
        async with self.world.store.transaction() as tx:
            return await tx.runs.of_space(SPACE, 1000)

    async def channels(self, consent_id: str) -> tuple[ChannelRow, ...]:
        """What the worker subscribed to for a consent."""
        async with self.world.store.transaction() as tx:
            return await tx.watches.channels(consent_id)

    def looks(self, mark: int) -> int:
        """How often documents were looked at since the mark, by the pod's own log."""
        found = self.pod.requests_since(mark)
        return len([one for one in found if one.method == "HEAD" and one.path.endswith(".ttl")])

    async def change(self, url: str, value: int) -> None:
        """The person writes something else there; whoever subscribed is told."""
        self.pod.put(url, f"<> <x:n> {value} .".encode())
        await self.pod.notifications.told()


@asynccontextmanager
async def open_called(
    url: str, folder: Path, *, rerun: str = "on-change", control: str = "wac", **notifications: Any
) -> AsyncIterator[Called]:
    """A ground on a migrated database; ``notifications`` are settings of that section."""
    port = free_port()
    settings = Settings(
        server=Server(public_url=f"http://localhost:{port}/", data_folder=folder, port=port),
        http=Http(allow_private_addresses=True),
        sandbox=Sandbox(minimum_level=0),
        notifications=Notifications(**{"settle_seconds": SETTLE, **notifications}),
    )
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_enclave(settings, url))
        world = dataclasses.replace(opened.world, sandbox=SleepySandbox())
        enclave = dataclasses.replace(opened, world=world)
        runner = make_runner(make_app(world))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "localhost", port).start()
        pod = await stack.enter_async_context(AwkwardPod(control=control))
        jobs = make_jobs(plain_url(url), settings, Parts(enclave, limit=FairPlaces(4)))
        await stack.enter_async_context(jobs.open_async())
        agreement = dataclasses.replace(agreement_of("advice", documents=DOCUMENTS), rerun=rerun)
        token = await open_space(world, agreement)
        yield Called(enclave, pod, token, jobs, settings)
