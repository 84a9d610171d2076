"""A gate whose pods are one awkward pod over real HTTP, and Alice, who lives there and said yes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.pods import Pods
from solidgate.adapters.solid_pod import PodLimits
from solidgate.flow import invite, space
from solidgate.flow.record import ConsentView
from solidgate.testing.gate import Browser, TestGate, open_gate
from solidgate.testing.pod import AwkwardPod, Resident
from solidgate.testing.space import join
from solidgate.testing.terms import sample_agreement


@dataclass(frozen=True)
class PodBehind:
    """Everything that stands; ``browser`` is Alice's and ``view`` her consent."""

    gate: TestGate
    server: AwkwardPod
    pods: Pods
    alice: Resident
    browser: Browser
    view: ConsentView


@asynccontextmanager
async def open_pod_behind(
    url: str, folder: Path, control: str, prepare: Callable[[AwkwardPod], None] = lambda server: None
) -> AsyncIterator[PodBehind]:
    """With this access control; ``prepare`` is called before anybody is asked."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(AwkwardPod(control=control))
        fetcher = GuardedFetcher(FetchPolicy(allow_private_addresses=True), SystemClock())
        stack.push_async_callback(fetcher.aclose)
        pods = Pods(fetcher, SystemClock(), PodLimits(first_pause=0.01))
        gate = await stack.enter_async_context(open_gate(url, folder, pods))
        alice = server.add_person("alice")
        server.put(f"{alice.pod}energy/2025.ttl", b"<> <x:p> 1 .")
        prepare(server)
        browser = await stack.enter_async_context(gate.browser(alice.webid, server.access(alice.webid)))
        assert browser.session
        await space.create(gate.world, sample_agreement())
        token = await invite.invite(gate.world, None, "home-energy", uses=0, days=1)
        (view,) = await join(gate.world, browser.session, token)
        yield PodBehind(gate, server, pods, alice, browser, view)
