"""Find: where a person keeps what a need describes by its kind, looked for with their own session.

1. Their type indexes, public and private, name documents and containers for the kind.
2. The containers that the need names are listed, like those of the index, within depth and number.
3. What may be of the kind is opened and looked into, in the sandbox only: an index and a listing are hints.

What is found are addresses of documents below the chosen storage, and nothing else is kept. It costs the
pod something, so there are bounds; what a bound or a pod's fault hid is told, never passed over in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from solidgate.algorithm.pack import unpack
from solidgate.algorithm.targets import target_classes
from solidgate.consent.request import AskedResource, Look, Looked
from solidgate.errors import PodFault, PodUnreadable, SolidgateError
from solidgate.flow.confirm import holds
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.container import document
from solidgate.pod.listing import Listing, is_below
from solidgate.pod.type_index import Catalogue
from solidgate.sandbox.table import Asked
from solidgate.space.agreement import Agreement
from solidgate.space.purpose import ResourceNeed

MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Found:
    """For each need, by its key, the documents that answer it; and where they were looked for."""

    resources: dict[str, tuple[AskedResource, ...]]
    looked: tuple[Looked, ...]


@dataclass(slots=True)
class _Search:
    """One search: what may still be asked of the pod, and what was seen so far."""

    world: World
    session: Session
    storage: str
    deadline: float
    containers_left: int
    documents_left: int
    listings: dict[str, Listing | None] = field(default_factory=dict)
    verdicts: dict[tuple[str, Asked], bool] = field(default_factory=dict)
    looked: list[Looked] = field(default_factory=list)

    def tell(self, need: ResourceNeed, place: str, look: Look) -> None:
        told = Looked(need.key, place, look)
        if told not in self.looked and len(self.looked) < MOST_TOLD:
            self.looked.append(told)

    @property
    def is_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self.deadline


async def find(
    world: World,
    session: Session,
    storage: str,
    agreement: Agreement,
    needs: Iterable[ResourceNeed],
) -> Found:
    """The documents for the needs that name a kind. Raises ``AlgorithmNotFound`` for a shape without program.

    A need for which nothing was found has one entry without an address. Faults of the pod are told in
    ``looked``; they never end the search.
    """
    sought = {need.key: need for need in needs if need.is_found}
    if not sought:
        return Found({}, ())
    shapes = await _shapes(world, agreement, sought.values())
    limits = world.settings.finding
    deadline = asyncio.get_running_loop().time() + limits.seconds
    search = _Search(world, session, storage, deadline, limits.containers, limits.documents)
    kinds = {key: _asked(need, shapes) for key, need in sought.items()}
    wanted = frozenset(kind for asked in kinds.values() for kind in asked.classes)
    catalogue = await _catalogue(search, sought.values(), wanted)
    found = {}
    for key, need in sought.items():
        asked = kinds[key]
        urls = await _matching(search, need, asked, await _candidates(search, need, asked, catalogue))
        found[key] = _resources(search, need, urls)
    return Found(found, tuple(search.looked))


async def _shapes(
    world: World, agreement: Agreement, needs: Iterable[ResourceNeed]
) -> dict[str, tuple[bytes, tuple[str, ...]]]:
    """Each shapes file that a need names, with its target classes."""
    named = {need.shape for need in needs if need.shape}
    if not named:
        return {}
    async with world.store.transaction() as tx:
        package = await tx.spaces.package(agreement.space, agreement.algorithm)
    files = unpack(package, expected=agreement.algorithm).files
    return {name: (files[name], target_classes(files[name])) for name in named if name in files}


def _asked(need: ResourceNeed, shapes: dict[str, tuple[bytes, tuple[str, ...]]]) -> Asked:
    """By class where there is one: the paths of a shape alone may stand in any document."""
    if need.kind:
        return Asked(classes=(need.kind,))
    content, classes = shapes.get(need.shape, (b"", ()))
    return Asked(classes=classes) if classes else Asked(shapes=(content,))


async def _catalogue(search: _Search, needs: Iterable[ResourceNeed], wanted: Collection[str]) -> Catalogue:
    webid = search.session.webid
    try:
        async with asyncio.timeout_at(search.deadline):
            found = await search.world.pods.catalogue(search.session.access, wanted)
    except (PodFault, TimeoutError):
        found = Catalogue(closed=(document(webid),))
    for need in needs:
        for url in found.read:
            search.tell(need, url, Look.READ)
        for url in found.closed:
            search.tell(need, url, Look.CLOSED)
        for url in found.cut:
            search.tell(need, url, Look.CUT)
    return found


async def _candidates(
    search: _Search, need: ResourceNeed, asked: Asked, catalogue: Catalogue
) -> Sequence[str]:
    """Documents that may be of the kind: what the index names first, then what containers list."""
    registered = [
        one
        for one in catalogue.registrations
        if one.kind in asked.classes and is_below(one.url, search.storage)
    ]
    documents = [one.url for one in registered if not one.is_container]
    containers = [search.storage + path for path in need.within]
    containers += [one.url for one in registered if one.is_container]
    listed = await _walk(search, need, dict.fromkeys(containers))
    return tuple(dict.fromkeys((*documents, *sorted(listed))))


async def _walk(search: _Search, need: ResourceNeed, containers: Iterable[str]) -> list[str]:
    """The documents in and below the containers. A listing only ever leads downwards, so it ends."""
    found: list[str] = []
    level = list(containers)
    for depth in range(search.world.settings.finding.depth + 1):
        below: list[str] = []
        for container in level:
            listing = await _listing(search, need, container, told=depth == 0)
            found += listing.documents
            below += listing.containers
        level = below
    for container in level:  # deeper than the bound
        search.tell(need, container, Look.CUT)
    return found


async def _listing(search: _Search, need: ResourceNeed, container: str, *, told: bool) -> Listing:
    nothing = Listing((), ())
    if container not in search.listings:
        if search.containers_left <= 0 or search.is_over:
            search.tell(need, container, Look.CUT)
            return nothing
        search.containers_left -= 1
        try:
            async with asyncio.timeout_at(search.deadline):
                search.listings[container] = await search.world.pods.listing(search.session.access, container)
        except (PodFault, TimeoutError):
            search.tell(need, container, Look.CLOSED)
            return nothing
    listing = search.listings[container]
    if listing is None:
        search.tell(need, container, Look.ABSENT)
        return nothing
    if listing.cut or told:
        search.tell(need, container, Look.CUT if listing.cut else Look.READ)
    return listing


async def _matching(
    search: _Search, need: ResourceNeed, asked: Asked, candidates: Sequence[str]
) -> tuple[str, ...]:
    """The candidates that really hold something of the kind, in their order."""
    new = [url for url in candidates if (url, asked) not in search.verdicts]
    opened = new[: search.documents_left]
    search.documents_left -= len(opened)
    turns = asyncio.Semaphore(search.world.settings.http.per_origin)

    async def look(url: str) -> None:
        async with turns:
            search.verdicts[url, asked] = await _verdict(search, need, url, asked)

    await asyncio.gather(*(look(url) for url in opened))
    if len(opened) < len(new):
        search.tell(need, new[len(opened)], Look.CUT)
    return tuple(url for url in candidates if search.verdicts.get((url, asked)))


async def _verdict(search: _Search, need: ResourceNeed, url: str, asked: Asked) -> bool:
    try:
        async with asyncio.timeout_at(search.deadline):
            return await holds(search.world, search.session, url, asked)
    except PodUnreadable:
        return False  # a picture beside the readings is not what is asked, and no fault
    except TimeoutError:
        search.tell(need, url, Look.CUT)
    except SolidgateError:
        search.tell(need, url, Look.CLOSED)
    return False


def _resources(search: _Search, need: ResourceNeed, urls: Sequence[str]) -> tuple[AskedResource, ...]:
    most = search.world.settings.finding.asked
    if len(urls) > most:
        search.tell(need, urls[most], Look.CUT)
    found = [
        AskedResource(url, url.removeprefix(search.storage), need.required, True, need.key)
        for url in sorted(urls[:most])
    ]
    return tuple(found) or (AskedResource("", "", need.required, False, need.key),)
