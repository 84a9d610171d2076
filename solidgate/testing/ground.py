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

from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.adapters.sql.engine import make_engine, plain_url
from solidgate.algorithm.digest import digest
from solidgate.algorithm.manifest import MANIFEST, Program
from solidgate.algorithm.pack import pack
from solidgate.assets import asset
from solidgate.flow import ask, consent, invite
from solidgate.flow import space as spaces
from solidgate.flow.fair import FairPlaces
from solidgate.flow.journey import Enclave
from solidgate.flow.world import World
from solidgate.identity.login import Caller, Session
from solidgate.ports import Sandbox as SandboxPort
from solidgate.run.signpost import Kind
from solidgate.sdk.folder import read_algorithm
from solidgate.settings import Consent, Sandbox, Worker
from solidgate.space.agreement import Agreement
from solidgate.space.canonical import sha256_digest
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.testing.energy import energy_documents
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.terms import OWNER, sample_agreement
from solidgate.testing.watched import SleepySandbox, WatchedPods
from solidgate.worker import Parts, listen

CONSUMER = Caller("https://grid.example/profile#org")
SPACE = "home-energy"
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
        request = await ask.ask(self.world, session, self.token)
        shown = await consent.review(self.world, session, request, "en")
        asked = [one.id for one in shown.agreement.purposes]
        views = await consent.answer(
            self.world,
            session,
            request,
            shown=shown.notice.digest,
            language="en",
            answers={one: not purposes or one in purposes for one in asked},
        )
        return {one.record.purpose: one.record.consent_id for one in views}


def program_of(*, uses_now: bool = True) -> Program:
    """The example's program; one that says ``uses_now = false`` is another program."""
    program = read_algorithm(asset("examples", "home-energy", "algorithm"))
    if uses_now:
        return program
    manifest = dataclasses.replace(program.manifest, uses_now=False)
    files = {**program.files, MANIFEST: b"uses_now = false\n" + program.files[MANIFEST]}
    return Program(digest(manifest, files), manifest, files, program.executables)


def is_signpost(url: str) -> bool:
    """Whether this is one of the documents that lead to the results of the example space."""
    return any(url.endswith(f"/{kind.value}-{SPACE}.ttl") for kind in Kind)


def agreement_of(
    *purposes: str,
    documents: int,
    program: Program | None = None,
    needs: tuple[ResourceNeed, ...] = (),
) -> Agreement:
    """Terms of the example space with these purposes, all with these needs, or on the same few documents."""
    program = program or program_of()
    manifest = program.manifest
    needs = needs or tuple(
        ResourceNeed(path, {"en": path}, ("https://w3id.org/dpv/pd#Household",))
        for path in list(energy_documents(1))[:documents]
    )
    kind = "https://w3id.org/dpv#ServicePersonalisation"
    return dataclasses.replace(
        sample_agreement(SPACE),
        purposes=tuple(Purpose(one, {"en": one}, {"en": "to compare"}, kind, needs) for one in purposes),
        languages=("en",),
        algorithm=program.digest,
        output_shape=sha256_digest(program.files[manifest.output_shapes]),
        aggregate_shape=sha256_digest(program.files[manifest.aggregate_shapes]),
        parameters=dict(manifest.parameters),
        min_group_size=2,
        parties=(
            Party(OWNER, "Owner", frozenset({Role.OWNER, Role.CODE_PROVIDER, Role.CONTROLLER})),
            Party(CONSUMER.webid, "Consumer", frozenset({Role.DATA_CONSUMER})),
        ),
    )


async def approve(world: World, program: str) -> None:
    """Both parties approve the program under the terms that hold now."""
    view = await spaces.show(world, SPACE)
    for caller in (Caller(OWNER), CONSUMER):
        await spaces.approve(world, caller, SPACE, view.agreement_digest, program, "approve")


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
    documents = len(energy_documents(1)) if real_sandbox else FEW_DOCUMENTS
    async with AsyncExitStack() as stack:
        gate = await stack.enter_async_context(open_gate(url, folder, None, **changes))
        pods = WatchedPods(chance=chance, pause=pause)
        sandbox = gate.world.sandbox if real_sandbox else SleepySandbox(chance=chance, pause=pause)
        world = dataclasses.replace(gate.world, pods=pods, sandbox=sandbox)
        engine = make_engine(url, pool_size=10)
        stack.push_async_callback(engine.dispose)
        working = dataclasses.replace(world, store=dataclasses.replace(world.store, engine=engine))
        keys = SealedEnclaveKeys(working.store, b"k" * 32, working.clock, working.public_url)
        enclave = Enclave(working, keys)
        parts = Parts(enclave, limit=FairPlaces(working.settings.worker.concurrency))
        listening = asyncio.create_task(listen(plain_url(url), parts))
        stack.callback(listening.cancel)
        program = program_of(uses_now=uses_now)
        terms = agreement_of(*purposes, documents=documents, program=program, needs=needs)
        await spaces.create(world, terms)
        package = pack(program.files, program.executables)
        submitted = await spaces.submit_algorithm(world, Caller(OWNER), SPACE, package)
        await approve(world, submitted)
        token = await invite.invite(world, None, SPACE, uses=0, days=1)
        yield Ground(gate, world, enclave, parts, pods, sandbox, token, chance, documents)
