"""Pods over the Solid Protocol, with Web Access Control or Access Control Policy, as the pod says.

Documents are asked for in a way that no server has to convert: a conversion of a malformed document can hang
it. Reads that fail in passing are tried again; writes carry a precondition wherever the pod gives a tag for
one, and every change of access is read back before it is believed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from solidgate.adapters.conditional_writes import ConditionalWrites
from solidgate.adapters.holds_control import HoldsControl
from solidgate.adapters.http_date import date_of
from solidgate.adapters.pod_door import PodDoor
from solidgate.adapters.refused_credentials import NOT_AUTHENTICATED
from solidgate.adapters.single_flight import SingleFlight
from solidgate.adapters.solid_catalogue import SolidCatalogue
from solidgate.adapters.solid_requests import (
    CONTAINER_ACCEPT,
    GONE,
    WRITTEN,
    PodLimits,
    SolidRequests,
    accept,
    fault,
)
from solidgate.errors import AccessControlUnsupported, NoStorage, PodConflict, PodFault, PodUnreadable
from solidgate.pod.allowed import user_modes
from solidgate.pod.by_hand import Paste
from solidgate.pod.container import ancestors, document, is_container
from solidgate.pod.door import Door, DoorState
from solidgate.pod.etag import ABSENT, changed, unchanged
from solidgate.pod.link import targets
from solidgate.pod.listing import Listing
from solidgate.pod.rdf import media_type
from solidgate.pod.resource import Document, ResourceState
from solidgate.pod.storage import MOST_STORAGES, is_storage, is_too_many, stated_storages
from solidgate.pod.type_index import Catalogue
from solidgate.ports import Access, Clock, Fetcher, Reply
from solidgate.vocab import LDP

__all__ = ["PodLimits", "SolidPod"]

NOT_MODIFIED = 304

Read = TypeVar("Read")
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_UTF_8 = ("utf-8", "utf8", "us-ascii")
_MOST_DIGITS = 15
_SHORT_TEXT = 128


class SolidPod:
    """Implements ``ports.PodServer``. ``chance`` gives numbers in [0, 1) for the jitter of pauses."""

    def __init__(
        self,
        fetcher: Fetcher,
        clock: Clock,
        limits: PodLimits | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._requests = SolidRequests(fetcher, clock, limits or PodLimits(), chance)
        self._catalogue = SolidCatalogue(self._requests)
        self._flights = SingleFlight()
        self._writes = ConditionalWrites(self._requests)

    async def storages(
        self, webid: str, access: Access | None = None, failed: Mapping[str, PodFault] | None = None
    ) -> tuple[str, ...]:
        """The roots of the person's pods: as the profile or more of it states them, else by climbing.

        With ``access`` only those that it controls: a profile may name a pod of somebody else. ``failed`` are
        pods that gave no answer just now; they are not waited for again.
        """
        profile = await self._catalogue.profile(webid)
        found = stated_storages(profile, webid)
        if not found and access is not None:
            found = stated_storages(await self._catalogue.extended(profile, webid, access), webid)
        found = found or await self._climbed(document(webid), access)
        ours = found
        if access is not None:
            control = HoldsControl(self._requests, access)
            ours = await control.among(found[:MOST_STORAGES], failed or {})
        if not ours:
            raise NoStorage(f"not among the first {MOST_STORAGES} of them" if is_too_many(found) else "")
        return ours

    async def catalogue(self, access: Access, wanted: Collection[str]) -> Catalogue:
        """What the person's own type indexes say of these classes, public and private."""
        return await self._catalogue.catalogue(access.webid, access, wanted)

    async def listing(self, access: Access, container: str) -> Listing | None:
        """The children of a container that can be believed; none when it is not there."""
        return await self._catalogue.listing(access, container)

    async def state(self, access: Access, url: str) -> ResourceState:
        """What HEAD tells; that a resource is not there is an answer."""
        reply = await self._requests.head(access, url)
        if reply.status in GONE:
            return ResourceState(url, exists=False)
        if reply.status != 200:
            raise fault(reply)
        return _state(reply, url)

    async def read(self, access: Access, url: str, *, max_bytes: int) -> Document:
        """The stored bytes of one RDF document, unconverted; the media type is checked, never guessed."""
        reply = await self._read(access, url, None, max_bytes)
        return _document(reply, url, self._requests.limits.document_types)

    async def read_as(self, access: Access, url: str, media_type: str, *, max_bytes: int) -> Document:
        """The stored bytes of one document of this type, whatever it is."""
        seconds = self._requests.limits.document_seconds
        reply = await self._requests.get(access, url, media_type, max_bytes, seconds=seconds)
        return _document(reply, url, (media_type,))

    async def read_changed(
        self, access: Access, url: str, etag: str | None, *, max_bytes: int
    ) -> Document | None:
        """The document, unless the pod says (304) that it is still the one with this tag.

        Raises ``CredentialsRefused`` where the pod does not know who asks; only 403 is a door that is closed.
        """
        reply = await self._read(access, url, etag, max_bytes)
        if reply.status == NOT_MODIFIED and changed(etag):
            return None
        if reply.status == NOT_AUTHENTICATED:
            raise self._requests.not_believed(reply)
        return _document(reply, url, self._requests.limits.document_types)

    async def _read(self, access: Access, url: str, etag: str | None, max_bytes: int) -> Reply:
        """One request for all who read the same at once with the same access.

        The access of another part is another one, though it be of the same space: a part's consent may end
        while it reads, and its end is no one else's.
        """

        requests, condition, key = self._requests, changed(etag), (id(access), url, etag, max_bytes)
        seconds = requests.limits.document_seconds
        return await self._flights.share(
            key,
            lambda: requests.get(access, url, accept(url), max_bytes, condition=condition, seconds=seconds),
        )

    async def create(self, access: Access, url: str, content: bytes, media_type: str) -> ResourceState:
        """Create, never overwrite. What it answers is the pod's word; reading back is the caller's."""
        return await self._writes.create(access, url, content, media_type)

    async def replace(
        self, access: Access, url: str, content: bytes, media_type: str, etag: str | None
    ) -> ResourceState:
        """Replace what ``etag`` names and nothing else. What it answers is the pod's word."""
        return await self._writes.replace(access, url, content, media_type, etag)

    async def ensure_container(self, access: Access, url: str) -> None:
        """Make the container unless it is there; the pod makes those above it."""
        if not is_container(url):
            raise PodConflict("the address of a container ends with a slash")
        if (await self.state(access, url)).exists:
            return
        link = f'<{LDP.BasicContainer.value}>; rel="type"'
        headers = {"Content-Type": "text/turtle", "Link": link, **ABSENT}
        reply = await self._requests.write("PUT", access, url, headers, b"")
        # 409 and 412: somebody else made it in between, which is as good; HEAD decides.
        if reply.status not in (*WRITTEN, 409, 412):
            raise fault(reply)
        if not (await self.state(access, url)).exists:
            raise PodConflict("the container could not be made")

    async def remove(self, access: Access, url: str, etag: str | None = None) -> None:
        """Remove, if it is still what ``etag`` names; what is not there is removed already."""
        reply = await self._requests.write("DELETE", access, url, unchanged(etag))
        if reply.status not in (*WRITTEN, *GONE):
            raise fault(reply)

    async def open_door(self, access: Access, door: Door) -> DoorState:
        """Give ``door.agent`` exactly what the door lists, as the owner, and read every list back.

        A listed document that is not in the pod is passed over. When this raises, what was opened already
        stays open until ``close_door``. Raises ``DoorNotOpen`` when the pod does not keep what it took, and
        ``AddressSpelledOtherwise`` before anything is written about an address that the pod spells otherwise.
        """
        if door.agent == door.owner:
            raise AccessControlUnsupported("the agent of a door cannot be its owner")
        handled = PodDoor(self._requests, access, door)
        handled.check()
        if door.write is not None:
            await self.ensure_container(access, door.write)
        await handled.open()
        return await handled.state()

    async def close_door(self, access: Access, door: Door) -> DoorState:
        """Take back every entry for ``door.agent`` in the listed resources' own lists, and only those.

        The state is the one read back: not ``CLOSED`` means that the agent still has some access, for
        instance by an entry that somebody wrote on a container above.
        """
        handled = PodDoor(self._requests, access, door)
        await handled.close()
        return await handled.state()

    async def door_state(self, access: Access, door: Door) -> DoorState:
        """``OPEN`` when the agent has at least what the door lists, on every resource that is there.

        Read from the lists for the owner. As the agent it is read from what HEAD allows: there a resource
        that everybody may read looks open. Raises ``CredentialsRefused`` where it is not believed who asks.
        """
        return await PodDoor(self._requests, access, door).state()

    async def door_by_hand(self, access: Access, door: Door) -> tuple[Paste, ...]:
        """What the owner would put into the pod to open the door, where that may not be done from here.

        Nothing for a resource that is open already or not there. Where the pod does not tell which access
        control it uses, one text for each.
        """
        return await PodDoor(self._requests, access, door).by_hand()

    async def _climbed(self, url: str, access: Access | None) -> tuple[str, ...]:
        limits = self._requests.limits
        for container in ancestors(url, limits.climb):
            reply = await self._requests.get(
                access,
                container,
                CONTAINER_ACCEPT,
                limits.control_bytes,
                method="HEAD",
                seconds=limits.control_seconds,
            )
            if reply.status == 200 and is_storage(reply.header_values("Link"), container):
                return (container,)
        return ()


def _document(reply: Reply, url: str, accepted: Sequence[str]) -> Document:
    if reply.status != 200:
        raise fault(reply)
    kind = _document_type(reply.headers.get("Content-Type"), accepted)
    allowed = _allowed(", ".join(reply.header_values("WAC-Allow")))
    return Document(url, kind, reply.content, reply.headers.get("ETag"), _modified(reply), allowed)


def _document_type(content_type: str | None, accepted: Sequence[str]) -> str:
    kind, is_utf_8 = _media_type(content_type or "")
    if kind not in accepted:
        raise PodUnreadable("its media type is not one of " + ", ".join(accepted))
    if not is_utf_8:
        raise PodUnreadable("its character set is not UTF-8")
    return kind


def _few(read: Callable[[str], Read]) -> Callable[[str], Read]:
    """Short texts are the same few in every answer; a long one is the pod's own, and is not kept."""
    kept = lru_cache(maxsize=256)(read)
    return lambda text: kept(text) if len(text) <= _SHORT_TEXT else read(text)


@_few
def _media_type(content_type: str) -> tuple[str, bool]:
    charset = _CHARSET.search(content_type)
    return media_type(content_type), charset is None or charset[1].lower() in _UTF_8


@_few
def _allowed(text: str) -> frozenset[str] | None:
    return user_modes((text,))


def _state(reply: Reply, url: str) -> ResourceState:
    length = reply.headers.get("Content-Length", "")
    size = int(length) if length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS else None
    kind = media_type(reply.headers.get("Content-Type")) or None
    lists = targets(reply.header_values("Link"), reply.url, "acl")
    return ResourceState(
        url, True, reply.headers.get("ETag"), kind, size, _modified(reply), lists[0] if lists else None
    )


def _modified(reply: Reply) -> datetime | None:
    """The pod's own word on the last change (RFC 9110 section 8.8.2); none when it has none."""
    said = reply.headers.get("Last-Modified")
    return date_of(said) if said else None
