"""Four ways to read one document of each of many pods: ours, ours again, a bare client, a fixed window."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from benchmarks.pull_ground import Ground, Pod
from solidgate.errors import SolidgateError
from solidgate.flow.pull import PulledDocuments, Unchanged, pull_changed
from solidgate.ports import Access
from solidgate.testing.people import Person, client_credentials_access

AT_ONCE = 16
"""Requests at once of the bare client; more only wait inside the server."""
WINDOW = 64
KEPT_SECONDS = 4.0


@dataclass(slots=True)
class Way:
    """One measurement: seconds, and how many pods gave no document."""

    seconds: float = 0.0
    failures: int = 0
    pods: int = 0
    logins: int = 0

    @property
    def rate(self) -> float:
        """Pods a second."""
        return self.pods / self.seconds

    def __add__(self, other: Way) -> Way:
        return Way(
            self.seconds + other.seconds,
            self.failures + other.failures,
            self.pods + other.pods,
            self.logins + other.logins,
        )


@dataclass(slots=True)
class Ours:
    """The pull of the product, with its door check, as the worker calls it: so many people at once."""

    ground: Ground
    tags: dict[str, Mapping[str, str | None]] = field(default_factory=dict)

    async def first(self, pods: Sequence[Pod]) -> Way:
        """Everything is read."""
        return await self._measured(pods, lambda pod: {}, PulledDocuments)

    async def again(self, pods: Sequence[Pod]) -> Way:
        """Nothing has changed since the first pull."""
        return await self._measured(pods, lambda pod: self.tags[pod.root], Unchanged)

    async def _measured(
        self, pods: Sequence[Pod], known: Callable[[Pod], Mapping[str, str | None]], expected: type[object]
    ) -> Way:
        gate = asyncio.Semaphore(self.ground.world.settings.worker.concurrency)

        async def one(pod: Pod) -> bool:
            async with gate:
                found = await self._pull(pod, known(pod))
            return isinstance(found, expected)

        return await timed(pods, [one(pod) for pod in pods])

    async def _pull(self, pod: Pod, known: Mapping[str, str | None]) -> object:
        ground, active = self.ground, pod.active()
        door = pod.door(ground.access.webid)
        try:
            found = await pull_changed(ground.world, active, ground.access, active.resources, door, known)
        except SolidgateError:
            return None
        if isinstance(found, PulledDocuments):
            self.tags[pod.root] = {one.url: one.etag for one in found.documents}
            return None if found.wide else found
        return found


async def bare(ground: Ground, pods: Sequence[Pod]) -> Way:
    """The ceiling: an authenticated GET with the cached token, and nothing else."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE, keepalive_timeout=KEPT_SECONDS)
    async with aiohttp.ClientSession(connector=connector) as http:
        return await timed(pods, [_got(http, ground.access, pod.document) for pod in pods])


async def _got(http: aiohttp.ClientSession, access: Access, url: str) -> bool:
    headers = {"Accept": "text/turtle", **access.headers("GET", url, datetime.now(UTC))}
    try:
        async with http.get(url, headers=headers) as reply:
            return bool(await reply.read()) and reply.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def fixed_window(ground: Ground, pods: Sequence[Pod]) -> Way:
    """As published elsewhere: 64 in parallel, the next one when the oldest is done, a login after a failure.

    Our own reading of it, with this server's client credentials: logged in once, with a new token and one
    more try for every request that failed. Connections are the client's default.
    """
    reader = _Reader(ground.client)
    await reader.log_in()
    async with aiohttp.ClientSession() as http:
        way = await timed(pods, [_windowed(http, reader, pods)], whole=True)
    way.logins = reader.logins
    return way


@dataclass(slots=True)
class _Reader:
    client: Person
    logins: int = 0
    access: Access | None = None

    async def log_in(self) -> None:
        self.access = await client_credentials_access(self.client)
        self.logins += 1

    async def read(self, http: aiohttp.ClientSession, url: str) -> bool:
        assert self.access is not None
        if await _got(http, self.access, url):
            return True
        await self.log_in()
        return await _got(http, self.access, url)


async def _windowed(http: aiohttp.ClientSession, reader: _Reader, pods: Sequence[Pod]) -> int:
    """How many pods were read."""
    under_way: deque[asyncio.Task[bool]] = deque()
    done = 0
    for pod in pods:
        if len(under_way) == WINDOW:
            done += await under_way.popleft()
        under_way.append(asyncio.create_task(reader.read(http, pod.document)))
    for task in under_way:
        done += await task
    return done


async def timed(
    pods: Sequence[Pod], work: Sequence[Awaitable[bool] | Awaitable[int]], *, whole: bool = False
) -> Way:
    """Seconds and failures of all of it; with ``whole`` the one piece of work counts the pods itself."""
    begun = time.perf_counter()
    ended = await asyncio.gather(*work)
    good = int(ended[0]) if whole else sum(map(bool, ended))
    return Way(time.perf_counter() - begun, len(pods) - good, len(pods))
