"""Two jobs may ask for the same access at once; the owner is asked once, and no request is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from solidgate.adapters.sql.tables import leases
from solidgate.flow import access_request, cancel_access
from solidgate.identity.login import Session
from solidgate.pod.access_request import RequestedAccess
from solidgate.pod.grant import AskedAccess
from solidgate.pod.platform import ServerKind
from solidgate.ports import Access
from solidgate.testing.ground import Ground, open_ground
from solidgate.testing.space import SPACE


@dataclass
class Asked:
    """A pod that asks its owner: what it was asked and what was cancelled; ``go`` lets the first one end."""

    ground: Ground
    session: Session
    consent_id: str
    issued: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def issue(self) -> None:
        access = await self.ground.enclave.keys.access_for(SPACE)
        await access_request.issue(self.ground.enclave.world, access, self.consent_id)

    async def known(self) -> RequestedAccess:
        async with self.ground.world.store.transaction() as tx:
            found = await tx.access_requests.of(self.session.person_id, self.consent_id)
        assert found
        return found

    async def jobs(self, task: str) -> int:
        query = sa.text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :task")
        async with self.ground.world.store.transaction() as tx:
            return int((await tx.connection.execute(query, {"task": task})).scalar_one())


@pytest.fixture
async def asked(database_url: str, tmp_path: Path) -> AsyncIterator[Asked]:
    async with open_ground(database_url, tmp_path) as ground:

        async def kind_of(storage: str) -> ServerKind:
            return ServerKind.ESS_2

        async def request_access(access: Access, storage: str, wanted: AskedAccess) -> str:
            number = len(found.issued)
            found.issued.append(f"https://anna.example/vc/{number}")
            if number == 0:
                found.begun.set()
                await found.go.wait()
            return f"https://anna.example/vc/{number}"

        async def cancel_request(access: Access, storage: str, request_id: str) -> None:
            found.cancelled.append(request_id)

        ground.pods.kind_of = kind_of  # type: ignore[method-assign]
        ground.pods.request_access = request_access  # type: ignore[method-assign]
        ground.pods.cancel_request = cancel_request  # type: ignore[method-assign]
        session = await ground.arrive("anna")
        found = Asked(ground, session, (await ground.say_yes(session))["advice"])
        yield found


async def test_two_jobs_at_once_ask_once(asked: Asked) -> None:
    before = await asked.jobs(access_request.ACCESS_TASK)
    first = asyncio.create_task(asked.issue())
    await asked.begun.wait()
    await asked.issue()
    assert len(asked.issued) == 1, "the second one waits for its turn"
    assert await asked.jobs(access_request.ACCESS_TASK) == before + 1, "and comes back"
    asked.go.set()
    await first
    parts = (await asked.known()).parts
    assert [one.request_id for one in parts] == asked.issued
    await asked.issue()
    assert len(asked.issued) == len(parts), "when it comes, everything is asked"


async def test_a_request_that_came_second_is_cancelled(asked: Asked) -> None:
    """A worker stood still for longer than its lease; another one asked meanwhile."""
    first = asyncio.create_task(asked.issue())
    await asked.begun.wait()
    async with asked.ground.world.store.transaction() as tx:
        await tx.connection.execute(leases.delete())
    await asked.issue()
    stands = [one.request_id for one in (await asked.known()).parts]
    asked.go.set()
    await first
    known = await asked.known()
    surplus = [one for one in asked.issued if one not in stands]
    assert [one.request_id for one in known.parts] == stands
    assert known.replaced == tuple(surplus)
    assert surplus
    assert await asked.jobs(cancel_access.CANCEL_TASK) == 1
    await cancel_access.cancel(asked.ground.enclave.world, asked.ground.enclave.keys, asked.consent_id)
    assert asked.cancelled == surplus, "what waits for its owner is left alone while the consent holds"
    assert (await asked.known()).waiting == tuple(stands)
