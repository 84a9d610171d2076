"""The play: a gate with an approved space on a real PostgreSQL, and a worker whose jobs the test carries.

The sandbox and the program are the real ones; pods are in memory, and can be told to fail.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from solidgate.flow import aggregate, query, run
from solidgate.flow.journey import Enclave
from solidgate.flow.record import ConsentView
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.query.results import ResultFormat
from solidgate.run.delivery import Delivery
from solidgate.settings import Consent
from solidgate.testing.energy import energy_documents
from solidgate.testing.gate import TestGate, open_gate
from solidgate.testing.space import CONSUMER, SPACE, agreement_of, enclave_of, join, open_space
from solidgate.worker.parts import Parts, run_batch

EVERYTHING = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"


@dataclass
class Play:
    """The gate, the worker beside it with its parts, and the token of an invitation."""

    gate: TestGate
    enclave: Enclave
    parts: Parts
    token: str

    @property
    def world(self) -> World:
        """The gate's and the worker's."""
        return self.gate.world

    async def arrive(self, name: str, *, documents: bool = True) -> Session:
        """Somebody with a pod, logged in; in the pod is a year of readings."""
        webid = f"https://{name}.example/profile#me"
        held = energy_documents(sum(name.encode())) if documents else {}
        self.gate.pods.give(webid, f"https://{name}.example/", held)
        return await self.gate.log_in(webid)

    async def say(self, session: Session, *, yes: bool = True) -> ConsentView:
        """The consent of somebody who was asked and answered."""
        (view,) = await join(self.world, session, self.token, None if yes else ())
        return view

    async def person(self, name: str, *, yes: bool = True) -> ConsentView:
        """Somebody with a pod, who answered."""
        return await self.say(await self.arrive(name), yes=yes)

    async def run(self) -> str:
        """A whole run, as the worker's jobs would carry it."""
        run_id = await run.start(self.world, CONSUMER, SPACE)
        await self.work(run_id)
        await aggregate.aggregate(self.enclave, run_id, self.parts.groups)
        return run_id

    async def work(self, run_id: str) -> None:
        """The parts of everybody whose consent holds."""
        async with self.world.store.transaction() as tx:
            people = await tx.consents.holding(SPACE, self.world.clock.now())
        await run_batch(self.parts, run_id, [consent_id for consent_id, _ in people])

    async def outcome(self, run_id: str, view: ConsentView) -> tuple[str, str | None]:
        """How somebody's part ended."""
        async with self.world.store.transaction() as tx:
            part = await tx.runs.part(run_id, view.record.consent_id)
        return part.state.value, part.outcome

    async def leave_planned(self, run_id: str, view: ConsentView) -> None:
        """A write that reached the pod, and whose outcome nobody recorded."""
        target, content = f"{view.record.result_container}x.ttl", b"<a:a> <b:b> <c:c> .\n"
        delivery = Delivery(target, content, "text/turtle", "https://gate.example/g", content)
        consent_id, epoch = view.record.consent_id, view.record.epoch
        sha256, now = hashlib.sha256(content).hexdigest(), self.world.clock.now()
        async with self.world.store.transaction() as tx:
            person = (await tx.consents.one(consent_id)).person_id
            await tx.results.plan(person, run_id, consent_id, epoch, delivery, sha256, now)
        session = await self.gate.log_in(view.record.data_subject)
        await self.gate.pods.create(session.access, target, content, "text/turtle")

    async def alter(self, change: str, **values: object) -> None:
        """A statement in the database."""
        async with self.world.store.transaction() as tx:
            await tx.connection.execute(sa.text(change), values)

    async def rows(self) -> int:
        """How many rows the consumer gets who asks for everything."""
        return (await query.query(self.world, CONSUMER, SPACE, EVERYTHING, [ResultFormat.JSON])).rows


@asynccontextmanager
async def open_play(url: str, folder: Path, **more: Any) -> AsyncIterator[Play]:
    """A play on a migrated database; ``more`` is as for ``open_gate``."""
    async with open_gate(url, folder, **{"consent": Consent(withdraw_wait_seconds=5), **more}) as gate:
        token = await open_space(gate.world, agreement_of("advice"))
        enclave = enclave_of(gate.world)
        yield Play(gate, enclave, Parts(enclave), token)
