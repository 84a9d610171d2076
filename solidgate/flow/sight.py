"""Sight: what stands at one person's watched documents now, asked as the space, with the least that tells.

HEAD is asked first. Only where it tells nothing that can be compared is the document read, by the rules of a
pull: what the consent allows now, through a door that is as agreed, within the same limits. Nothing of what
was read is kept but its digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from solidgate.algorithm.approval import require_approved
from solidgate.consent.decide import ActiveConsent, Proposal, decide
from solidgate.consent.stored import StoredConsent
from solidgate.errors import (
    ConsentNotFound,
    ConsentNotGiven,
    EpochPassed,
    FetchTimedOut,
    FetchUnreachable,
    PodFault,
    PodNotFound,
    PodUnavailable,
    Refused,
    SpaceClosed,
)
from solidgate.flow.door import door_of
from solidgate.flow.granted import granted
from solidgate.flow.pull import PulledDocuments, pull_changed
from solidgate.flow.step import recipients
from solidgate.flow.tenure import Tenure
from solidgate.pod.resource import ResourceState
from solidgate.ports import Access
from solidgate.run.sighting import (
    NOTHING,
    Meaning,
    Observed,
    Reading,
    Sighting,
    digest_of,
    mark,
    meaning,
)
from solidgate.space.agreement import Agreement

_PASSING = (FetchTimedOut, FetchUnreachable, PodUnavailable)
_AT_ONCE = 4
_LOOKING_SHARE = 0.6
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watched:
    """A consent that holds, under a lease, with the documents that may be looked at by their place."""

    stored: StoredConsent
    agreement: Agreement
    topics: Mapping[int, str]
    tenure: Tenure


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found by place, and the places that it did not get to."""

    found: Mapping[int, Observed]
    left: tuple[int, ...]


async def seen(watched: Watched, access: Access, topics: Mapping[int, str]) -> Seen:
    """What stands at these documents now, as many as a good part of ``notifications.look_seconds`` allows.

    One that cannot be asked, or that tells nothing, is in neither list. Each is asked only while the consent
    holds: what was not asked then is left.
    """
    world, record = watched.tenure.world, watched.stored.record
    fenced = watched.tenure.fenced(access)
    try:
        fenced = await granted(world, fenced, record.consent_id)
    except PodFault as fault:
        _log.info("look.refused", code=fault.code)
        return Seen({}, ())
    async with world.store.transaction() as tx:
        known = await tx.sightings.unlocked(watched.stored.person_id, record.consent_id)
    looking = _Looking(watched, fenced, known, world.settings.notifications.read_documents)
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(world.settings.notifications.look_seconds * _LOOKING_SHARE),
            asyncio.TaskGroup() as group,
        ):
            for number in sorted(topics, key=looking.last_read):
                group.create_task(looking.one(number, topics[number]))
    found, answered = looking.found, looking.answered
    return Seen(found, tuple(number for number in topics if number not in answered))


@dataclass(slots=True)
class _Looking:
    """One look. ``reads`` is how many documents it may still read."""

    watched: Watched
    access: Access
    known: Mapping[int, Sighting]
    reads: int
    found: dict[int, Observed] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    active: ActiveConsent | None = None

    def last_read(self, number: int) -> float:
        """The longest unread come first."""
        at = self._read_at(number)
        return at.timestamp() if at else 0.0

    async def one(self, number: int, url: str) -> None:
        """Look at one document. What goes wrong is its own."""
        async with self.gate:
            try:
                await self.watched.tenure.still()
                observed = await self._observed(number, url)
            except (ConsentNotGiven, ConsentNotFound, EpochPassed):
                return
            except (PodFault, Refused) as fault:
                _log.info("look.refused", code=fault.code)
            else:
                self.found[number] = observed
            self.answered.add(number)

    async def _observed(self, number: int, url: str) -> Observed:
        known, world = self.known.get(number), self.watched.tenure.world
        if known is not None and known.is_silent and self._may_read(number):
            return await self._read(number, url, ResourceState(url, exists=True))
        told = Observed(await world.pods.state(self.access, url))
        if meaning(known, told)[0] is not Meaning.UNSURE or not self._may_read(number):
            return told
        await self.watched.tenure.still()
        return await self._read(number, url, told.state)

    def _may_read(self, number: int) -> bool:
        """Whether its turn has come, and this look may read one more."""
        world, at = self.watched.tenure.world, self._read_at(number)
        pause = timedelta(seconds=world.settings.notifications.read_seconds)
        return self.reads > 0 and (at is None or at + pause <= world.clock.now())

    def _read_at(self, number: int) -> datetime | None:
        known = self.known.get(number)
        return known.read if known else None

    async def _read(self, number: int, url: str, state: ResourceState) -> Observed:
        """As a pull reads: the answer is that it is gone, still the same, or these bytes."""
        self.reads -= 1
        world, stored = self.watched.tenure.world, self.watched.stored
        known = self.known.get(number)
        get = known.get if known and known.digest else NOTHING
        door = replace(door_of(world, stored.record, stored.space_id), read=(url,))
        tags: dict[str, str | None] = {url: get.etag} if get.etag else {}
        try:
            found = await pull_changed(world, await self._decided(), self.access, (url,), door, tags)
        except PodNotFound:
            return Observed(ResourceState(url, exists=False))
        except _PASSING:
            raise
        except PodFault as fault:  # it would be the same again, at the same cost
            _log.info("look.refused", code=fault.code)
            return Observed(state, Reading(NOTHING, "", world.clock.now()))
        now = world.clock.now()
        if not isinstance(found, PulledDocuments):
            return Observed(state, Reading(get, "", now))
        (document,) = found.documents
        return Observed(state, Reading(mark(document), digest_of(document), now))

    async def _decided(self) -> ActiveConsent:
        """That a run might read it now. Raises as ``decide``, and ``AlgorithmNotApproved SpaceClosed``."""
        world, stored = self.watched.tenure.world, self.watched.stored
        if self.active is None:
            async with world.store.transaction() as tx:
                row = await tx.spaces.one(stored.space_id)
                agreed = row.agreement_digest
                agreement = await tx.spaces.agreement(agreed)
                require_approved(agreement, agreed, await tx.spaces.approvals(stored.space_id))
            if row.state != "open":
                raise SpaceClosed()
            self.active = decide(stored.record, world.clock.now(), _proposal(agreement, agreed, stored))
        return self.active


def _proposal(agreement: Agreement, digest: str, stored: StoredConsent) -> Proposal:
    return Proposal(
        purpose=stored.record.purpose,
        agreement_digest=digest,
        algorithm_digest=agreement.algorithm,
        shape_digest=agreement.output_shape,
        resources=stored.record.resources,
        recipients=tuple(party.webid for party in recipients(agreement)),
    )
