"""Pods that write down what begins, in their own order; and a sandbox that sleeps: for races and for points.

A request that writes is not called back by whoever sent it: once sent it arrives, and lands when the pod is
done with it. That is what makes a withdrawal hard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from solidgate.algorithm.manifest import Program
from solidgate.assets import asset
from solidgate.derived.conform import Verdict
from solidgate.errors import PodUnreadable
from solidgate.pod.door import Door, DoorState
from solidgate.pod.resource import Document, ResourceState
from solidgate.ports import Access
from solidgate.query.results import Answer, ResultFormat
from solidgate.sandbox.documents import Unreadable
from solidgate.sandbox.limits import IsolationLevel, Limits, RunContext
from solidgate.sandbox.statements import canonical
from solidgate.sandbox.table import Asked, Bounds, Table
from solidgate.testing.memory_pods import MemoryPods

_SAMPLE = "urn:solidgate:sample:always-on"
Point = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Begun:
    """One thing that began at a pod: ``read``, ``create``, ``landed`` ...; by whom, and where."""

    what: str
    webid: str
    url: str


async def nothing(point: str) -> None:
    """The point where nothing happens."""


@dataclass
class WatchedPods(MemoryPods):
    """Memory pods with a log. ``at`` is called with ``before read``, ``wire create``, ``after read`` ..."""

    log: list[Begun] = field(default_factory=list)
    chance: Random = field(default_factory=Random)
    pause: float = 0.0
    at: Point = nothing

    async def read(self, access: Access, url: str, *, max_bytes: int) -> Document:
        """Read, slowly. A read that is called back ends."""
        await self._begin("read", access, url)
        await self._slow()
        document = await super().read(access, url, max_bytes=max_bytes)
        await self._after("read", access)
        return document

    async def create(self, access: Access, url: str, content: bytes, media_type: str) -> ResourceState:
        """Create: whoever waits may go away, the request arrives all the same."""
        await self._point("before create", access)
        self._signed(access, url)
        sent = asyncio.ensure_future(self._created(access, url, content, media_type))
        sent.add_done_callback(_seen)
        made = await asyncio.shield(sent)
        await self._after("create", access)
        return made

    async def _created(self, access: Access, url: str, content: bytes, media_type: str) -> ResourceState:
        await self._slow()
        self.log.append(Begun("create", access.webid, url))
        await self._point("wire create", access)
        await self._slow()
        made = await super().create(access, url, content, media_type)
        self.log.append(Begun("landed", access.webid, url))
        return made

    async def replace(
        self, access: Access, url: str, content: bytes, media_type: str, etag: str | None
    ) -> ResourceState:
        """Replace, as ``create``: once sent it arrives."""
        await self._point("before replace", access)
        self._signed(access, url)
        sent = asyncio.ensure_future(self._replaced(access, url, content, media_type, etag))
        sent.add_done_callback(_seen)
        made = await asyncio.shield(sent)
        await self._after("replace", access)
        return made

    async def _replaced(
        self, access: Access, url: str, content: bytes, media_type: str, etag: str | None
    ) -> ResourceState:
        await self._slow()
        self.log.append(Begun("replace", access.webid, url))
        await self._slow()
        made = await super().replace(access, url, content, media_type, etag)
        self.log.append(Begun("landed", access.webid, url))
        return made

    async def door_state(self, access: Access, door: Door) -> DoorState:
        """Look at the door."""
        await self._begin("door", access, door.owner)
        state = await super().door_state(access, door)
        await self._after("door", access)
        return state

    async def _begin(self, what: str, access: Access, url: str) -> None:
        await self._point(f"before {what}", access)
        self._signed(access, url)
        self.log.append(Begun(what, access.webid, url))

    def _signed(self, access: Access, url: str) -> None:
        # A real request is signed when it leaves, and not sent when it cannot be signed.
        access.headers("GET", url, datetime.now(UTC))

    async def _after(self, what: str, access: Access) -> None:
        await self._point(f"after {what}", access)

    async def _point(self, point: str, access: Access) -> None:
        if access.webid not in self.storage_of:
            await self.at(point)

    async def _slow(self) -> None:
        if self.pause:
            await asyncio.sleep(self.chance.random() * self.pause)


def _seen(sent: asyncio.Future[ResourceState]) -> None:
    if not sent.cancelled():
        sent.exception()  # nobody may be waiting any more


@dataclass
class SleepySandbox:
    """``ports.Sandbox`` with one fixed conformant result for everybody, after a moment. Runs no code."""

    chance: Random = field(default_factory=Random)
    pause: float = 0.0
    at: Point = nothing
    running: set[str] = field(default_factory=set)
    level: IsolationLevel = IsolationLevel.L0

    async def derive(
        self, program: Program, documents: Sequence[Document], context: RunContext, limits: Limits
    ) -> bytes:
        """The sample's result, about this subject."""
        await self.at("before derive")
        self.running.add(context.subject)
        try:
            await asyncio.sleep(self.chance.random() * self.pause)
            await self.at("inside derive")
        finally:
            self.running.discard(context.subject)
        await self.at("after derive")
        expected = asset("examples", "home-energy", "algorithm", "samples", "always-on") / "expected.nt"
        return expected.read_bytes().replace(_SAMPLE.encode(), context.subject.encode())

    async def aggregate(
        self, program: Program, graphs: Sequence[bytes], context: RunContext, limits: Limits
    ) -> bytes:
        """Nothing about the group."""
        return b""

    async def validate(self, shapes: bytes, data: bytes, limits: Limits) -> Verdict:
        """Conforms, after a moment."""
        await self.at("before validate")
        await asyncio.sleep(self.chance.random() * self.pause)
        await self.at("after validate")
        return Verdict(True, "fixed")

    async def query(
        self,
        dataset: bytes,
        text: str,
        accept: ResultFormat | Sequence[ResultFormat],
        limits: Limits,
        *,
        view: str = "",
    ) -> Answer:
        """Not a query engine."""
        raise NotImplementedError

    async def preview(self, document: Document, asked: Asked, bounds: Bounds, limits: Limits) -> Table:
        """Not a reader."""
        raise NotImplementedError

    async def statements(self, document: Document, limits: Limits) -> bytes:
        """As the real one, without a process of its own."""
        try:
            return canonical(document.url, document.media_type, document.content)
        except Unreadable:
            raise PodUnreadable from None

    async def aclose(self) -> None:
        """Nothing to close."""
