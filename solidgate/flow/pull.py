"""Pull: read exactly the agreed resources of one person, through a door that is open, within bounds.

Where the pod's lists decide, the answer to each read tells whether the door is as agreed: one document costs
one request. A grant is asked about before anything is read, because no answer to a read tells that it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from solidgate.consent.decide import ActiveConsent
from solidgate.errors import (
    CredentialsRefused,
    DoorNotOpen,
    FetchTimedOut,
    FetchTooLarge,
    PodForbidden,
    PodNotFound,
    ResourceNotCovered,
    SolidgateError,
)
from solidgate.flow.world import World
from solidgate.pod.allowed import READ
from solidgate.pod.door import Door, DoorState
from solidgate.pod.resource import Document
from solidgate.ports import Access, GrantedAccess


@dataclass(frozen=True, slots=True)
class PulledDocuments:
    """One person's documents, in the order asked, for one epoch of one consent. Built only by ``pull``.

    ``skipped`` are the optional resources that the pod did not give, ``wide`` those on which the pod says
    that the space may do more than read.
    """

    documents: tuple[Document, ...]
    consent_id: str
    epoch: int
    total_bytes: int
    skipped: tuple[str, ...] = ()
    wide: tuple[str, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The pod says of every document that it is still what was read before. Built only here."""

    consent_id: str
    epoch: int
    count: int


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
    ``ResourceNotCovered DoorNotOpen CredentialsRefused PodNotFound PodUnreadable PodUnavailable``, fetch
    errors and the faults of a grant; when it raises or is cancelled, nothing stays open and nothing is kept.
    """
    found = await pull_changed(world, active, access, resources, door, {}, optional=optional)
    assert isinstance(found, PulledDocuments)  # nothing is known, so nothing can be unchanged
    return found


async def pull_changed(
    world: World,
    active: ActiveConsent,
    access: Access,
    resources: Sequence[str],
    door: Door,
    known: Mapping[str, str | None],
    *,
    optional: Collection[str] = (),
) -> PulledDocuments | Unchanged:
    """As ``pull``, but nothing is read when every document still has its tag in ``known``.

    ``known`` has no tag for an optional document that was not there. Documents that it does not name are
    read. As soon as one has changed, all are read.
    """
    wanted = tuple(dict.fromkeys(resources))
    _check_covered(world, active, wanted)
    reading = _Reading(world, access, door, frozenset(optional), _budget(world))
    try:
        async with asyncio.timeout(world.settings.pull.pod_seconds):
            await reading.granted(wanted)
            first = await reading.all(wanted, known if set(known) == set(wanted) else {})
            if _Same.SAME in first.values() and all(_as_before(one, known[u]) for u, one in first.items()):
                return Unchanged(active.consent_id, active.epoch, len(wanted))
            late = await reading.all([url for url, one in first.items() if one is _Same.SAME], {})
            return await reading.finished(active, {**first, **late})
    except TimeoutError as late_pod:
        raise FetchTimedOut("the pod was not read within pull.pod_seconds") from late_pod


def _as_before(found: Document | _Same, etag: str | None) -> bool:
    return found is _Same.SAME or (found is _Same.MISSING and etag is None)


def _budget(world: World) -> _Budget:
    return _Budget(world.settings.pull.max_resource_bytes, world.settings.pull.max_pod_bytes)


def _check_covered(world: World, active: ActiveConsent, wanted: Sequence[str]) -> None:
    if not set(wanted) <= set(active.resources):
        raise ResourceNotCovered()
    if len(wanted) > world.settings.pull.max_resources:
        raise FetchTooLarge("there are more resources than pull.max_resources")


class _Same(Enum):
    """What became of a resource that was not read."""

    SAME = "same"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class _Reading:
    """The reading of one pod."""

    world: World
    access: Access
    door: Door
    optional: frozenset[str]
    budget: _Budget

    async def granted(self, wanted: Sequence[str]) -> None:
        """Nothing where the pod's lists decide; else the grants hold, and reach what must be there."""
        if not isinstance(self.access, GrantedAccess):
            return
        needed = tuple(url for url in wanted if url not in self.optional)
        must = bool(needed) or self.door.write is not None
        door = replace(self.door, read=needed if must else tuple(wanted))
        state = await self.world.pods.door_state(self.access, door)
        if must and state is not DoorState.OPEN:
            raise DoorNotOpen(f"the door is {state.value}")

    async def all(
        self, urls: Sequence[str], known: Mapping[str, str | None]
    ) -> Mapping[str, Document | _Same]:
        """Each resource, a few at once; the first fault ends the others."""
        if len(urls) <= 1:  # most people have few documents: no task is needed for a single one
            return {url: await self._one(url, known.get(url)) for url in urls}
        most = self.world.settings.http.per_origin
        gate = asyncio.Semaphore(most)

        async def in_turn(url: str) -> Document | _Same:
            async with gate:
                return await self._one(url, known.get(url))

        try:
            async with asyncio.TaskGroup() as group:
                if len(urls) <= most:  # nobody waits for anybody
                    tasks = [group.create_task(self._one(url, known.get(url))) for url in urls]
                else:
                    tasks = [group.create_task(in_turn(url)) for url in urls]
        except BaseExceptionGroup as failed:
            raise _first(failed) from None
        return {url: task.result() for url, task in zip(urls, tasks, strict=True)}

    async def _one(self, url: str, etag: str | None) -> Document | _Same:
        """Missing only for an optional resource that is not there (many pods answer 403 for that)."""
        most = self.budget.next_limit()
        try:
            found = await self.world.pods.read_changed(self.access, url, etag, max_bytes=most)
        except CredentialsRefused:
            raise  # it tells nothing about the door, nor about whether the document is there
        except (PodNotFound, PodForbidden) as refused:
            if url in self.optional:
                return _Same.MISSING
            if isinstance(refused, PodForbidden):
                raise DoorNotOpen("the pod does not let the space read what was agreed") from refused
            raise
        if found is None:
            return _Same.SAME
        self.budget.take(len(found.content))
        return found

    async def finished(self, active: ActiveConsent, found: Mapping[str, Document | _Same]) -> PulledDocuments:
        """The documents, once it is certain that the door to them is as agreed."""
        documents = tuple(one for one in found.values() if isinstance(one, Document))
        await self._check_door([one.url for one in documents if one.allowed is None])
        return PulledDocuments(
            documents=documents,
            consent_id=active.consent_id,
            epoch=active.epoch,
            total_bytes=self.budget.taken,
            skipped=tuple(url for url, one in found.items() if one is _Same.MISSING),
            wide=tuple(one.url for one in documents if self._is_wide(one)),
        )

    async def _check_door(self, silent: Sequence[str]) -> None:
        """Ask about the documents of which the pod's own answer did not say what the space may do."""
        if not silent or isinstance(self.access, GrantedAccess):  # a grant was asked about before
            return
        state = await self.world.pods.door_state(self.access, replace(self.door, read=tuple(silent)))
        if state is not DoorState.OPEN:
            raise DoorNotOpen(f"the door is {state.value}")

    def _is_wide(self, document: Document) -> bool:
        """More than Read was agreed for what lies in the container of the results only."""
        if self.door.write is not None and document.url.startswith(self.door.write):
            return False
        return document.allowed is not None and bool(document.allowed - {READ})


def _first(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """The fault to report: one of ours if there is one, else whatever broke."""
    ours = [error for error in failed.exceptions if isinstance(error, SolidgateError)]
    return ours[0] if ours else failed.exceptions[0]
