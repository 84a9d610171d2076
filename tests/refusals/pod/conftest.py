"""A pod with an owner and an agent, and an impatient way to it: an awkward one, and one on the double."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.solid_pod import PodLimits, SolidPod
from solidgate.consent.decide import ActiveConsent
from solidgate.flow.world import World
from solidgate.pod.door import Door
from solidgate.ports import Access
from solidgate.settings import Settings
from solidgate.testing.ess import EssDouble
from solidgate.testing.pod import AwkwardPod, Resident
from tests.refusals.pod.grant_scene import Scene, scene_on

SECONDS = 2.0
POLICY = FetchPolicy(
    allow_private_addresses=True,
    connect_timeout=SECONDS,
    total_timeout=SECONDS,
    rate_grace=0.5,
    patience=5,
    breaker_rest=1.0,
)
LIMITS = PodLimits(
    attempts=2,
    first_pause=0.01,
    longest_pause=5.0,
    write_rounds=2,
    control_seconds=SECONDS,
    control_bytes=60_000,
)


@dataclass(frozen=True)
class Visit:
    """The server, the people's tokens, and the adapter under test."""

    server: AwkwardPod
    fetcher: GuardedFetcher
    pods: SolidPod
    alice: Resident
    owner: Access
    agent: Access

    @property
    def document(self) -> str:
        return f"{self.alice.pod}energy/a.ttl"

    @property
    def path(self) -> str:
        """The document's path, where it misbehaves."""
        return "/alice/energy/a.ttl"

    @asynccontextmanager
    async def anew(self, seconds: float = SECONDS) -> AsyncIterator[SolidPod]:
        """The same server through a way out that has met nobody yet, and waits so long for each answer."""
        policy = replace(POLICY, connect_timeout=seconds, total_timeout=seconds)
        fetcher = GuardedFetcher(policy, SystemClock())
        yield SolidPod(fetcher, SystemClock(), LIMITS)
        await fetcher.aclose()

    @property
    def door(self) -> Door:
        return Door(self.agent.webid, self.owner.webid, (self.document,), f"{self.alice.pod}results/")

    def world(self, **pull: Any) -> World:
        """As much of the world as a pull reaches."""
        settings = Settings.model_validate({"pull": pull}) if pull else Settings()
        nothing = cast(Any, None)
        return World(
            settings=settings,
            clock=SystemClock(),
            fetcher=self.fetcher,
            pods=self.pods,
            issuers=nothing,
            sandbox=nothing,
            store=nothing,
            logins=nothing,
            receipt_key={},
        )

    def active(self, *resources: str) -> ActiveConsent:
        """A consent that lists these resources and holds."""
        now = datetime.now(UTC)
        return ActiveConsent(
            consent_id="c1",
            epoch=3,
            data_subject=self.alice.webid,
            purpose="p",
            resources=resources,
            result_container=f"{self.alice.pod}results/",
            until=now + timedelta(days=1),
            decided_at=now,
        )


@asynccontextmanager
async def a_visit(control: str) -> AsyncIterator[Visit]:
    """A document at ``energy/a.ttl`` of alice, whose door is closed, on a pod with this access control."""
    fetcher = GuardedFetcher(POLICY, SystemClock())
    async with AwkwardPod(control=control) as server:
        alice, space = server.add_person("alice"), server.add_agent("space")
        pods = SolidPod(fetcher, SystemClock(), LIMITS)
        found = Visit(server, fetcher, pods, alice, server.access(alice.webid), server.access(space.webid))
        server.put(found.document, b"<> <x:p> 1 .")
        yield found
        await fetcher.aclose()


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    """With Web Access Control."""
    async with a_visit("wac") as found:
        yield found


@pytest.fixture
async def acp_visit() -> AsyncIterator[Visit]:
    """With Access Control Policy."""
    async with a_visit("acp") as found:
        yield found


@pytest.fixture(params=["wac", "acp"])
async def either_visit(request: pytest.FixtureRequest) -> AsyncIterator[Visit]:
    """Once with each."""
    async with a_visit(request.param) as found:
        yield found


@pytest.fixture
async def fetcher() -> AsyncIterator[GuardedFetcher]:
    """The product's own way out."""
    guarded = GuardedFetcher(FetchPolicy(allow_private_addresses=True), SystemClock())
    yield guarded
    await guarded.aclose()


@pytest.fixture(params=["2.x", "3.x"])
async def scene(request: pytest.FixtureRequest, fetcher: GuardedFetcher) -> AsyncIterator[Scene]:
    """Once on each generation."""
    async with EssDouble(request.param) as ess:
        yield await scene_on(request.param, fetcher, ess)


@pytest.fixture
async def uma(fetcher: GuardedFetcher) -> AsyncIterator[Scene]:
    """Where tokens come by tickets."""
    async with EssDouble("2.x") as ess:
        yield await scene_on("2.x", fetcher, ess)
