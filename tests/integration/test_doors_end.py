"""The door at a pod is undone when a consent ends, by the person or by the clock, in either form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from solidgate.consent.record import ConsentRecord
from solidgate.consent.status import ConsentStatus
from solidgate.flow import record, withdraw
from solidgate.flow.settle import settle
from solidgate.identity.login import Session
from solidgate.pod.container import ancestors
from solidgate.pod.door import DoorState
from solidgate.testing.gate import TestGate
from solidgate.testing.pod import AwkwardPod, Resident
from tests.integration.pod_behind import open_pod_behind

SUFFIX = {"wac": ".acl", "acp": ".acr"}


@dataclass(frozen=True)
class Opened:
    """A consent that holds, whose door was seen open at the pod."""

    gate: TestGate
    server: AwkwardPod
    alice: Resident
    session: Session
    record: ConsentRecord
    suffix: str

    def names_the_space(self) -> bool:
        """Whether anything in the pod still lets the space in."""
        agent = self.gate.world.agent("home-energy").encode()
        listed = (*self.record.resources, self.record.result_container)
        places = {place for one in listed for place in (one, *ancestors(one, 9))}
        return any(agent in (self.server.content(place + self.suffix) or b"") for place in places)


@pytest.fixture(params=["wac", "acp"])
async def opened(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    async with open_pod_behind(database_url, tmp_path, request.param) as behind:
        made, session = behind.view, behind.browser.session
        assert session
        assert (made.door, made.door_problem) == (DoorState.OPEN, None)
        suffix = SUFFIX[request.param]
        found = Opened(behind.gate, behind.server, behind.alice, session, made.record, suffix)
        assert found.names_the_space()
        yield found


async def test_a_withdrawal_closes_the_door(opened: Opened) -> None:
    ended = await withdraw.withdraw(opened.gate.world, opened.session, opened.record.consent_id)
    assert ended.door is DoorState.CLOSED
    assert not opened.names_the_space()


async def test_the_door_of_an_expired_consent_closes_when_its_person_comes_back(opened: Opened) -> None:
    opened.gate.clock.ahead += timedelta(days=800)
    assert await settle(opened.gate.world, opened.session) >= 1
    view = await record.view(opened.gate.world, opened.session, opened.record.consent_id)
    assert (view.status, view.door) == (ConsentStatus.EXPIRED, DoorState.CLOSED)
    assert not opened.names_the_space()
