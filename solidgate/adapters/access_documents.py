"""Access documents on the wire, of either kind: found by link, read whole, written only under a condition."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solidgate.adapters.solid_requests import CONTAINER_ACCEPT, GONE, SolidRequests, fault
from solidgate.errors import (
    AccessControlRefused,
    AccessControlUnsupported,
    FetchUnexpected,
    PodFault,
    PodForbidden,
    PodUnreadable,
)
from solidgate.pod.access_control import (
    MOST_STATEMENTS,
    AccessControl,
    AccessDocument,
    access_document,
    kind_of_content,
    kind_of_links,
    to_turtle,
)
from solidgate.pod.container import ancestors
from solidgate.pod.etag import unchanged
from solidgate.pod.link import targets
from solidgate.pod.origin import same_origin
from solidgate.pod.rdf import control_document, is_iri
from solidgate.pod.storage import is_storage
from solidgate.ports import Access

_REFUSED = (401, 403, 405, 501)


@dataclass(frozen=True, slots=True)
class Control:
    """Where a resource's access document is, by its own ``Link rel=acl``; ``None`` when it names none.

    ``is_storage`` marks the root of a storage, and ``tells_modes`` a pod that sends ``WAC-Allow``.
    """

    exists: bool
    url: str | None
    is_storage: bool
    tells_modes: bool


@dataclass(frozen=True, slots=True)
class SeenDocument:
    """An access document as read, with its tag; ``document`` is ``None`` when none is there yet."""

    kind: AccessControl
    document: AccessDocument | None
    etag: str | None


class AccessDocuments:
    """The access documents of one server as one agent sees them, while one door is handled.

    What stands above a resource is looked up once for each container and kept; ``forget`` one that changed.
    """

    def __init__(self, requests: SolidRequests, access: Access) -> None:
        self._requests, self._access = requests, access
        self._above: dict[str, tuple[AccessDocument | None, bool]] = {}
        self._turn = asyncio.Lock()

    @property
    def climb(self) -> int:
        """How many containers above a resource are looked at."""
        return self._requests.limits.climb

    async def control(self, url: str) -> Control:
        """Raises ``AccessControlUnsupported`` for a document on another server: no token is sent there."""
        reply = await self._requests.head(self._access, url)
        if reply.status not in (200, *GONE):
            raise fault(reply)
        links = reply.header_values("Link")
        found = targets(links, url, "acl")
        if found and not same_origin(found[0], url):
            raise AccessControlUnsupported("the access control list is on another server")
        if found and not is_iri(found[0]):
            raise AccessControlUnsupported("the access control list has no address")
        tells = bool(reply.header_values("WAC-Allow"))
        return Control(reply.status == 200, found[0] if found else None, is_storage(links, url), tells)

    async def read(self, url: str) -> SeenDocument:
        """What stands there, and its kind. Raises ``AccessControlRefused``, ``PodUnreadable`` for no RDF."""
        limits = self._requests.limits
        reply = await self._requests.get(
            self._access, url, CONTAINER_ACCEPT, limits.control_bytes, seconds=limits.control_seconds
        )
        said = kind_of_links(reply.header_values("Link"), url)
        if reply.status in GONE:
            return SeenDocument(said or AccessControl.WAC, None, None)
        if reply.status in _REFUSED:
            raise AccessControlRefused(f"reading it answered {reply.status}")
        if reply.status != 200:
            raise fault(reply)
        kind = reply.headers.get("Content-Type")
        quads = control_document(reply.content, kind, url, MOST_STATEMENTS)
        document = access_document(quads, url)
        return SeenDocument(said or kind_of_content(document), document, reply.headers.get("ETag"))

    async def kind(self, url: str) -> AccessControl | None:
        """Which kind the pod says it is, also to somebody who may not read it; none when it says nothing."""
        reply = await self._requests.head(self._access, url)
        return kind_of_links(reply.header_values("Link"), url)

    async def of(self, url: str) -> AccessDocument | None:
        """The document of the resource's own; none is an answer."""
        return (await self._of(url))[0]

    async def above(self, target: str) -> Sequence[tuple[str, AccessDocument]]:
        """What stands above, the nearest first, up to the storage's root or to what is not shown."""
        found: list[tuple[str, AccessDocument]] = []
        for container in ancestors(target, self.climb):
            try:
                document, is_root = await self._kept(container)
            except (AccessControlRefused, PodForbidden):
                break
            if document is not None:
                found.append((container, document))
            if is_root:
                break
        return found

    async def nearest(self, target: str) -> tuple[AccessDocument, str]:
        """The nearest document above, and whose it is. Raises ``PodForbidden`` without one."""
        for container in ancestors(target, self.climb):
            document, _ = await self._kept(container)
            if document is not None:
                return document, container
        raise PodForbidden("no access control list is in force above this resource")

    def forget(self, container: str) -> None:
        """Look this one up anew: it was changed."""
        self._above.pop(container, None)

    async def put(self, document: AccessDocument, condition: Mapping[str, str]) -> bool:
        """Whether the pod took it; if not, somebody else was faster or it is not known: read again."""
        headers = {"Content-Type": "text/turtle", **condition}
        return await self._changed("PUT", document.url, headers, to_turtle(document))

    async def delete(self, url: str, condition: Mapping[str, str]) -> bool:
        """The same for taking a document away, after which only what stands above is in force."""
        return await self._changed("DELETE", url, condition)

    async def put_back(self, before: AccessDocument | None, url: str, etag: str | None) -> str:
        """What was there before a write of ours, or nothing again. Answers how it went, to end a sentence."""
        try:
            if before is None:
                done = await self.delete(url, unchanged(etag))
            else:
                done = await self.put(before, unchanged(etag))
        except PodFault:
            done = False
        return "; the earlier one is back" if done else "; the earlier one could not be put back"

    async def _changed(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> bool:
        try:
            return await self._requests.changed(method, self._access, url, headers, content)
        except (PodForbidden, PodUnreadable, FetchUnexpected) as refusal:
            # Neither a lost race nor a passing fault: this pod does not take such a change from here.
            raise AccessControlRefused(f"writing it: {refusal.detail}") from refusal

    async def _kept(self, container: str) -> tuple[AccessDocument | None, bool]:
        async with self._turn:
            if container not in self._above:
                self._above[container] = await self._of(container)
            return self._above[container]

    async def _of(self, url: str) -> tuple[AccessDocument | None, bool]:
        control = await self.control(url)
        document = (await self.read(control.url)).document if control.url else None
        return document, control.is_storage
