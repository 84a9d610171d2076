"""A profile that names storages whose servers say nothing: the one that answers is found, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.pods import Pods
from solidgate.errors import FetchTimedOut
from tests.refusals.pod.conftest import LIMITS

if TYPE_CHECKING:
    from conftest import Visit


@dataclass
class SilentHost:
    """A server that takes connections and never answers. ``together`` is told when all of them wait."""

    waiting: set[int]
    together: asyncio.Event
    of: int
    calls: list[int] = field(default_factory=list)
    port: int = 0

    @property
    def storage(self) -> str:
        return f"http://127.0.0.1:{self.port}/x/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.append(self.port)
        self.waiting.add(self.port)
        if len(self.waiting) == self.of:
            self.together.set()
        await reader.read()  # until whoever called gives up
        self.waiting.discard(self.port)
        writer.close()


@asynccontextmanager
async def silent_hosts(count: int) -> AsyncIterator[list[SilentHost]]:
    waiting: set[int] = set()
    together = asyncio.Event()
    hosts = [SilentHost(waiting, together, count) for _ in range(count)]
    async with AsyncExitStack() as stack:
        for host in hosts:
            server = await stack.enter_async_context(await asyncio.start_server(host.serve, "127.0.0.1", 0))
            host.port = server.sockets[0].getsockname()[1]
        yield hosts


def name_in_profile(visit: Visit, storages: Iterable[str]) -> None:
    webid = visit.alice.webid
    named = ", ".join(f"<{url}>" for url in storages)
    issuer = f"<http://www.w3.org/ns/solid/terms#oidcIssuer> <{visit.server.base_url}>"
    text = f"<{webid}> <http://www.w3.org/ns/pim/space#storage> {named}; {issuer} ."
    visit.server.put(webid.partition("#")[0], text.encode())


@pytest.mark.parametrize("count", [2, 6])
async def test_silent_storages_are_asked_at_the_same_time_and_once(visit: Visit, count: int) -> None:
    pods = Pods(visit.fetcher, SystemClock(), LIMITS)
    async with silent_hosts(count) as hosts:
        name_in_profile(visit, [*(host.storage for host in hosts), visit.alice.pod])
        assert await pods.storages(visit.alice.webid, visit.owner) == (visit.alice.pod,)
        assert hosts[0].together.is_set()  # while none had given up yet
        assert [len(host.calls) for host in hosts] == [1] * count


async def test_where_no_storage_answers_it_is_said_that_none_did(visit: Visit) -> None:
    pods = Pods(visit.fetcher, SystemClock(), LIMITS)
    async with silent_hosts(2) as hosts:
        name_in_profile(visit, [host.storage for host in hosts])
        with pytest.raises(FetchTimedOut):
            await pods.storages(visit.alice.webid, visit.owner)
        assert [len(host.calls) for host in hosts] == [1, 1]


async def test_control_is_asked_of_all_storages_at_the_same_time(visit: Visit) -> None:
    async with silent_hosts(2) as hosts:
        name_in_profile(visit, [*(host.storage for host in hosts), visit.alice.pod])
        assert await visit.pods.storages(visit.alice.webid, visit.owner) == (visit.alice.pod,)
        assert hosts[0].together.is_set()
