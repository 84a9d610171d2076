"""A pod server in memory, for tests of what stands before the pods. It can be told to fail."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyoxigraph import NamedNode, Quad

from solidgate.errors import (
    AccessControlRefused,
    AccessControlUnsupported,
    FetchTooLarge,
    NoStorage,
    PodConflict,
    PodForbidden,
    PodNotFound,
    PodUnreadable,
)
from solidgate.pod.access_control import AccessControl
from solidgate.pod.by_hand import Paste, paste
from solidgate.pod.door import READ_AND_WRITE, READ_ONLY, Door, DoorState
from solidgate.pod.grant import AskedAccess, Grant
from solidgate.pod.listing import Listing, listing
from solidgate.pod.platform import ServerKind
from solidgate.pod.resource import Document, ResourceState
from solidgate.pod.type_index import Catalogue
from solidgate.ports import Access
from solidgate.testing.pod_store import in_another_form
from solidgate.vocab import LDP

RDF = frozenset({"text/turtle", "application/ld+json", "application/n-triples"})


@dataclass
class MemoryPods:
    """``ports.PodServer``. ``storage_of`` names each person's pod; ``refuses`` the methods that fail, and
    ``access_control`` where the pod lets nobody change it.

    Owners read and write below their own storage, agents what an open door lists. With ``stores_triples``
    what is written is given back in another form, as behaviour 28 of the awkward pod.
    """

    storage_of: dict[str, str] = field(default_factory=dict)
    held: dict[str, Document] = field(default_factory=dict)
    doors: dict[tuple[str, str], Door] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    more_storages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    catalogues: dict[str, Catalogue] = field(default_factory=dict)
    stores_triples: bool = False

    def give(self, webid: str, storage: str, documents: Mapping[str, bytes]) -> None:
        """A pod for a person, with Turtle documents by path."""
        self.storage_of[webid] = storage
        for path, content in documents.items():
            self._put(storage + path, content, "text/turtle")

    async def storages(self, webid: str, access: Access | None = None) -> tuple[str, ...]:
        """One storage each, and ``more_storages``. Raises ``NoStorage``."""
        if webid not in self.storage_of:
            raise NoStorage
        return (self.storage_of[webid], *self.more_storages.get(webid, ()))

    async def catalogue(self, access: Access, wanted: Collection[str]) -> Catalogue:
        """What ``catalogues`` has for the person."""
        return self.catalogues.get(access.webid, Catalogue())

    async def listing(self, access: Access, container: str) -> Listing | None:
        """What lies directly below the container; containers are wherever a name has a slash."""
        self._may("listing", access, container)
        names = {url[len(container) :] for url in self.held if url.startswith(container)}
        children = {container + name[: name.find("/") + 1 or None] for name in names if name}
        contained = [Quad(NamedNode(container), LDP.contains, NamedNode(child)) for child in children]
        return listing(contained, container, 2000) if children else None

    async def state(self, access: Access, url: str) -> ResourceState:
        """Whether it is there."""
        self._may("state", access, url)
        return self._state(url)

    async def read(self, access: Access, url: str, *, max_bytes: int) -> Document:
        """The bytes of an RDF document."""
        return self._read(access, url, RDF, max_bytes)

    async def read_as(self, access: Access, url: str, media_type: str, *, max_bytes: int) -> Document:
        """The bytes of a document of this type."""
        return self._read(access, url, (media_type,), max_bytes)

    def _read(self, access: Access, url: str, types: Collection[str], max_bytes: int) -> Document:
        self._may("read", access, url)
        if url not in self.held:
            raise PodNotFound(url)
        document = self.held[url]
        if len(document.content) > max_bytes:
            raise FetchTooLarge(f"more than {max_bytes} bytes")
        if document.media_type not in types:
            raise PodUnreadable(url)
        return document

    async def read_changed(
        self, access: Access, url: str, etag: str | None, *, max_bytes: int
    ) -> Document | None:
        """As ``read``; none while the tag is the same."""
        document = await self.read(access, url, max_bytes=max_bytes)
        return None if etag is not None and document.etag == etag else document

    async def create(self, access: Access, url: str, content: bytes, media_type: str) -> ResourceState:
        """Create, never overwrite."""
        self._may("create", access, url)
        if url in self.held:
            raise PodConflict(url)
        self._put(url, content, media_type)
        return self._state(url)

    async def replace(
        self, access: Access, url: str, content: bytes, media_type: str, etag: str | None
    ) -> ResourceState:
        """Replace the version that has the tag."""
        self._may("replace", access, url)
        if etag is None or self._state(url).etag != etag:
            raise PodConflict(url)
        self._put(url, content, media_type)
        return self._state(url)

    async def ensure_container(self, access: Access, url: str) -> None:
        """Containers are wherever a name has a slash."""
        self._may("ensure_container", access, url)

    async def remove(self, access: Access, url: str, etag: str | None = None) -> None:
        """Remove; with ``etag`` only what has it."""
        self._may("remove", access, url)
        if etag is not None and self._state(url).etag != etag:
            raise PodConflict(url)
        self.held.pop(url, None)

    async def open_door(self, access: Access, door: Door) -> DoorState:
        """Replace what the agent had with what the door lists."""
        self._may("open_door", access, door.owner)
        if "access_control" in self.refuses:
            raise AccessControlRefused
        self.doors[door.owner, door.agent] = door
        return DoorState.OPEN

    async def close_door(self, access: Access, door: Door) -> DoorState:
        """Take the door's entries back."""
        self._may("close_door", access, door.owner)
        was = self.doors.pop((door.owner, door.agent), None)
        if was is not None and (kept := tuple(url for url in was.read if url not in door.read)):
            self.doors[door.owner, door.agent] = Door(door.agent, door.owner, kept, was.write)
        return DoorState.CLOSED

    async def door_state(self, access: Access, door: Door) -> DoorState:
        """What the agent has of what the door lists."""
        if access.webid != door.agent:  # whoever is let in can see that
            self._may("door_state", access, door.owner)
        was = self.doors.get((door.owner, door.agent))
        has = set(was.read) if was else set()
        if set(door.read) <= has:
            return DoorState.OPEN
        return DoorState.PARTIAL if has & set(door.read) else DoorState.CLOSED

    async def kind_of(self, storage: str) -> ServerKind:
        """Lists decide here."""
        return ServerKind.SOLID

    async def canonical(self, access: Access, url: str) -> str:
        """Everything has one address."""
        return url

    async def request_access(self, access: Access, storage: str, asked: AskedAccess) -> str:
        """Nobody is asked."""
        raise AccessControlUnsupported

    async def cancel_request(self, access: Access, storage: str, request_id: str) -> None:
        """Nobody is asked."""
        raise AccessControlUnsupported

    async def access_page(self, webid: str, storage: str) -> str | None:
        """There is none."""
        return None

    async def answer_of(
        self, access: Access, storage: str, url: str, asked: AskedAccess, request_id: str
    ) -> Grant | None:
        """There are no grants."""
        raise AccessControlUnsupported

    async def revoke_grant(self, access: Access, storage: str, grant: Grant) -> None:
        """There are no grants."""
        raise AccessControlUnsupported

    async def door_by_hand(self, access: Access, door: Door) -> tuple[Paste, ...]:
        """One text for each resource that is not open, as a pod with Web Access Control has it."""
        self._may("door_by_hand", access, door.owner)
        if await self.door_state(access, door) is DoorState.OPEN:
            return ()
        wanted = [(url, READ_ONLY) for url in door.read]
        wanted += [(door.write, READ_AND_WRITE)] if door.write else []
        return tuple(paste(door, url, modes, AccessControl.WAC, f"{url}.acl") for url, modes in wanted)

    def _may(self, method: str, access: Access, url: str) -> None:
        if method in self.refuses:
            raise PodForbidden(method)
        own = (self.storage_of.get(access.webid, "\0"), *self.more_storages.get(access.webid, ()))
        is_owner = url.startswith(own) or url == access.webid
        opened = (door for (_, agent), door in self.doors.items() if agent == access.webid)
        if not is_owner and not any(
            url in door.read or url.startswith(door.write or "\0") for door in opened
        ):
            raise PodForbidden(method)

    def _put(self, url: str, content: bytes, media_type: str) -> None:
        if self.stores_triples and media_type == "text/turtle":
            content = in_another_form(content, url)
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        self.held[url] = Document(url, media_type, content, etag, datetime.now(UTC))

    def _state(self, url: str) -> ResourceState:
        document = self.held.get(url)
        if document is None:
            return ResourceState(url, exists=False)
        size = len(document.content)
        kind, modified = document.media_type, document.modified
        return ResourceState(url, True, document.etag, kind, size, modified, url + ".acl")
