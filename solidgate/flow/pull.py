"""Pull: read exactly the agreed resources of one person, through a door that is open, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from solidgate.consent.decide import ActiveConsent
from solidgate.errors import (
    DoorNotOpen,
    FetchTimedOut,
    FetchTooLarge,
    PodForbidden,
    PodNotFound,
    ResourceNotCovered,
    SolidgateError,
)
from solidgate.flow.world import World
from solidgate.pod.door import Door, DoorState
from solidgate.pod.resource import Document
from solidgate.ports import Access


@dataclass(frozen=True, slots=True)
class PulledDocuments:
    """One person's documents, in the order asked, for one epoch of one consent. Built only by ``pull``.

    ``skipped`` are the optional resources that the pod did not give.
    """

    documents: tuple[Document, ...]
    consent_id: str
    epoch: int
    total_bytes: int
    skipped: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"PulledDocuments({len(self.documents)} documents, {self.total_bytes} bytes)"


@dataclass(slots=True)
class _Budget:
    """What may still be read of this pod, in bytes."""

    each: int
    left: int
    taken: int = field(default=0)

    def next_limit(self) -> int:
        return max(0, min(self.each, self.left))

    def take(self, size: int) -> None:
        self.left -= size
        self.taken += size
        if self.left < 0:
            raise FetchTooLarge("the documents together are larger than pull.max_pod_bytes")


async def pull(
    world: World,
    active: ActiveConsent,
    access: Access,
    resources: Sequence[str],
    door: Door,
    *,
    optional: Collection[str] = (),
) -> PulledDocuments:
    """The documents, as bytes that nobody has parsed.

    Every resource must be listed in ``active``; one that is ``optional`` may be missing. Raises
    ``ResourceNotCovered DoorNotOpen PodNotFound PodForbidden PodUnreadable PodUnavailable`` and fetch errors;
    when it raises or is cancelled, nothing stays open and nothing is kept.
    """
    wanted = tuple(dict.fromkeys(resources))
    _check_covered(world, active, wanted)
    try:
        async with asyncio.timeout(world.settings.pull.pod_seconds):
            await _check_door(world, access, door, [url for url in wanted if url not in optional])
            return await _read_all(world, active, access, wanted, optional)
    except TimeoutError as late:
        raise FetchTimedOut("the pod was not read within pull.pod_seconds") from late


def _check_covered(world: World, active: ActiveConsent, wanted: Sequence[str]) -> None:
    if not set(wanted) <= set(active.resources):
        raise ResourceNotCovered()
    if len(wanted) > world.settings.pull.max_resources:
        raise FetchTooLarge("there are more resources than pull.max_resources")


async def _check_door(world: World, access: Access, door: Door, required: Sequence[str]) -> None:
    # An optional document may be absent, and then the agent cannot see a door to it: it does not count.
    state = await world.pods.door_state(access, replace(door, read=tuple(required)))
    if state is not DoorState.OPEN and (required or door.write is not None):
        raise DoorNotOpen(f"the door is {state.value}")


async def _read_all(
    world: World, active: ActiveConsent, access: Access, wanted: Sequence[str], optional: Collection[str]
) -> PulledDocuments:
    limits = world.settings.pull
    budget = _Budget(limits.max_resource_bytes, limits.max_pod_bytes)
    gate = asyncio.Semaphore(world.settings.http.per_origin)

    async def one(url: str) -> Document | None:
        async with gate:
            return await _read(world, access, url, budget, may_miss=url in optional)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(url)) for url in wanted]
    except BaseExceptionGroup as failed:
        raise _first(failed) from None
    found = [(url, task.result()) for url, task in zip(wanted, tasks, strict=True)]
    return PulledDocuments(
        documents=tuple(document for _, document in found if document is not None),
        consent_id=active.consent_id,
        epoch=active.epoch,
        total_bytes=budget.taken,
        skipped=tuple(url for url, document in found if document is None),
    )


async def _read(
    world: World, access: Access, url: str, budget: _Budget, *, may_miss: bool
) -> Document | None:
    """``None`` only for an optional resource that is not there (many pods answer 403 for that)."""
    try:
        document = await world.pods.read(access, url, max_bytes=budget.next_limit())
    except (PodNotFound, PodForbidden):
        if may_miss:
            return None
        raise
    budget.take(len(document.content))
    return document


def _first(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """The fault to report: one of ours if there is one, else whatever broke."""
    ours = [error for error in failed.exceptions if isinstance(error, SolidgateError)]
    return ours[0] if ours else failed.exceptions[0]
