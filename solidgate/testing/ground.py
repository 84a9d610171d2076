"""The ground for races: a real PostgreSQL and the real flow, an approved space, and a worker beside it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from solidgate.adapters.sql.engine import make_engine, plain_url
from solidgate.flow.fair import FairPlaces
from solidgate.flow.journey import Enclave
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.ports import Sandbox as SandboxPort
from solidgate.settings import Consent, Sandbox, Worker
from solidgate.space.purpose import ResourceNeed
from solidgate.testing.energy import energy_documents
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.space import ALL_DOCUMENTS, agreement_of, enclave_of, join, open_space, program_of
from solidgate.testing.watched import SleepySandbox, WatchedPods
from solidgate.worker.parts import Parts, listen

FEW_DOCUMENTS = 2


@dataclass
class Ground:
    """Everything of a race: the gate's world, the worker's own, its parts, the pods and what they logged."""

    gate: TestGate
    world: World
    enclave: Enclave
    parts: Parts
    pods: WatchedPods
    sandbox: SandboxPort
    token: str
    chance: Random
    documents: int

    async def arrive(self, name: str) -> Session:
        """Somebody with a pod, logged in."""
        webid = f"https://{name}.example/profile#me"
        documents = dict(list(energy_documents(1).items())[: self.documents])
        self.pods.give(webid, f"https://{name}.example/", documents)
        return await self.gate.log_in(webid)

    async def say_yes(self, session: Session, *purposes: str) -> dict[str, str]:
        """The consents of somebody who said yes, by purpose."""
        views = await join(self.world, session, self.token, purposes or None)
        return {one.record.purpose: one.record.consent_id for one in views}


@asynccontextmanager
async def open_ground(
    url: str,
    folder: Path,
    *,
    seed: int = 1,
    pause: float = 0.0,
    real_sandbox: bool = False,
    purposes: tuple[str, ...] = ("advice",),
    worker: Worker | None = None,
    wait: float = 10.0,
    needs: tuple[ResourceNeed, ...] = (),
    uses_now: bool = True,
    **more: Any,
) -> AsyncIterator[Ground]:
    """A ground on a migrated database; the worker listens as a real one does. ``more`` are settings."""
    changes: dict[str, Any] = {
        "sandbox": Sandbox(minimum_level=0),
        "consent": Consent(withdraw_wait_seconds=wait, posts_per_minute=100_000, pod_wait_seconds=30),
        "worker": worker or Worker(),
        **more,
    }
    chance = Random(seed)
    # The real program wants a whole year; the fixed result does not look.
    documents = ALL_DOCUMENTS if real_sandbox else FEW_DOCUMENTS
    async with AsyncExitStack() as stack:
        gate = await stack.enter_async_context(open_gate(url, folder, None, **changes))
        pods = WatchedPods(chance=chance, pause=pause)
        sandbox = gate.world.sandbox if real_sandbox else SleepySandbox(chance=chance, pause=pause)
        world = dataclasses.replace(gate.world, pods=pods, sandbox=sandbox)
        engine = make_engine(url, pool_size=10)
        stack.push_async_callback(engine.dispose)
        working = dataclasses.replace(world, store=dataclasses.replace(world.store, engine=engine))
        enclave = enclave_of(working)
        parts = Parts(enclave, limit=FairPlaces(working.settings.worker.concurrency))
        listening = asyncio.create_task(listen(plain_url(url), parts))
        stack.callback(listening.cancel)
        program = program_of(uses_now=uses_now)
        terms = agreement_of(*purposes, documents=documents, program=program, needs=needs)
        token = await open_space(world, terms, program)
        yield Ground(gate, world, enclave, parts, pods, sandbox, token, chance, documents)
