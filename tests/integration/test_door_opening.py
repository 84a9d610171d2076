"""A door is opened list by list: a withdrawal from another window comes in between, or a crash does."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from solidgate.adapters.solid_requests import SolidRequests
from solidgate.flow import door, withdraw
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.container import ancestors
from solidgate.pod.door import DoorState
from solidgate.ports import Access, Reply
from tests.integration.pod_behind import PodBehind, open_pod_behind

SUFFIX = {"wac": ".acl", "acp": ".acr"}
SPACE = "home-energy"


async def nothing() -> None:
    """What happens after a list was written, usually."""


@dataclass
class Lists:
    """Alice's closed door, and every list that is written from now on: whether it lets the space in."""

    behind: PodBehind
    world: World
    session: Session
    suffix: str
    written: list[bool] = field(default_factory=list)
    then: Callable[[], Awaitable[None]] = nothing

    @property
    def consent_id(self) -> str:
        return self.behind.view.record.consent_id

    def names_the_space(self) -> bool:
        record, agent = self.behind.view.record, self.world.agent(SPACE).encode()
        listed = (*record.resources, record.result_container)
        places = {place for one in listed for place in (one, *ancestors(one, 9))}
        return any(agent in (self.behind.server.content(place + self.suffix) or b"") for place in places)

    async def kept(self) -> DoorState:
        async with self.world.store.transaction() as tx:
            found = await tx.doors.one(self.consent_id)
        assert found
        return found.state


@pytest.fixture(params=["wac", "acp"])
async def lists(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Lists]:
    async with open_pod_behind(database_url, tmp_path, request.param) as behind:
        settings, session = behind.gate.world.settings, behind.browser.session
        short = settings.consent.model_copy(update={"withdraw_wait_seconds": 0.5})
        world = dataclasses.replace(
            behind.gate.world, settings=settings.model_copy(update={"consent": short})
        )
        assert session
        await door.close_for(world, session, behind.view.record, SPACE)
        found = Lists(behind, world, session, SUFFIX[request.param])
        assert (await found.kept(), found.names_the_space()) == (DoorState.CLOSED, False)
        really, agent = SolidRequests.write, world.agent(SPACE).encode()

        async def write(
            self: SolidRequests,
            method: str,
            access: Access,
            url: str,
            headers: Mapping[str, str],
            content: bytes | None = None,
        ) -> Reply:
            if not url.endswith(found.suffix):
                return await really(self, method, access, url, headers, content)
            lets_in = agent in (content or b"")
            found.written.append(lets_in)
            reply = await really(self, method, access, url, headers, content)
            if lets_in:
                await found.then()
            return reply

        monkeypatch.setattr(SolidRequests, "write", write)
        yield found


async def test_a_withdrawal_in_the_middle_is_followed_by_the_closing_alone(lists: Lists) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await go.wait()

    lists.then = slow
    opening = asyncio.create_task(door.open_for(lists.world, lists.session, lists.consent_id))
    await begun.wait()
    assert await lists.kept() is DoorState.PARTIAL, "the intent comes first"
    found = await withdraw.withdraw(lists.world, lists.session, lists.consent_id)
    assert not found.quiescent, "a list is on the wire"
    mark = len(lists.written)
    go.set()
    assert await opening == (DoorState.CLOSED, None)
    assert not any(lists.written[mark:])
    assert lists.written.count(True) == 1
    assert await lists.kept() is DoorState.CLOSED
    assert not lists.names_the_space()


async def test_what_breaks_in_the_middle_leaves_a_door_that_may_be_open(lists: Lists) -> None:
    async def breaks() -> None:
        raise RuntimeError("the process ends here")

    lists.then = breaks
    with pytest.raises(RuntimeError):
        await door.open_for(lists.world, lists.session, lists.consent_id)
    assert lists.names_the_space()
    assert await lists.kept() is DoorState.PARTIAL
    async with lists.world.store.transaction() as tx:
        assert await tx.leases.open([lists.consent_id]), "what it sent last was not answered"
    lists.then = nothing
    assert (await door.open_for(lists.world, lists.session, lists.consent_id))[0] is DoorState.OPEN
    assert await lists.kept() is DoorState.OPEN
